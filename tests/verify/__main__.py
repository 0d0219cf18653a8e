"""`python -m tests.verify [part …]`: the real programs, cut off from everything; claims and a table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.verify import agent, chat, programs
from tests.verify.book import Book

INSIDE = "VERIFY_TEMPLATES_INSIDE"
ALONE = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")

PARTS: dict[str, Callable[[Book, Path], None]] = {
    "agent": agent.verify,
    "chat": lambda book, folder: chat.verify(book, folder, litellm=False),
    "chat-litellm": lambda book, folder: chat.verify(book, folder, litellm=True),
}
ALWAYS = (
    "the images themselves: digests, entrypoints (tini) and files are those of the packages",
    "Docker: its seccomp profile, its networks and names; all services share one loopback here",
    "LiteLLM without litellm-proxy-extras, whose release is in no registry",
)


def main() -> int:
    """Installs what is missing, then runs the parts where nothing but loopback can be reached."""
    if os.geteuid() != 0:
        sys.stderr.write("root is needed for namespaces, mounts and users\n")
        return 2
    if INSIDE not in os.environ:
        for install in (programs.openclaw, programs.openwebui, programs.litellm):
            install()
        again = [*ALONE, sys.executable, "-m", "tests.verify", *sys.argv[1:]]
        return subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode
    return _inside(sys.argv[1:] or list(PARTS))


def _inside(names: list[str]) -> int:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    began, book = time.monotonic(), Book(cannot=set(ALWAYS))
    for name in names:
        with tempfile.TemporaryDirectory(prefix="cf-verify-") as folder:
            PARTS[name](book, Path(folder))
    sys.stdout.write(
        f"\nin {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}\n{book.report()}\n"
    )
    return 1 if book.failed else 0


if __name__ == "__main__":
    sys.exit(main())
