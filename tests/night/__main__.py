"""`python -m tests.night`: the night, written to NIGHT.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio

from tests.alerts.every import page
from tests.night import scene, story

FILE = Path(__file__).parent.parent.parent / "NIGHT.md"
HEAD = """# A bad night

Written by `python -m tests.night`: the sandbox (PocketBase with our hooks, a stand-in for Coolify, the daemon
as a process, its short waits), broken part by part, and handled with our own commands as `OPERATIONS.md`
says. Every output is as it was printed, long ones cut.

"""


async def _night(folder: Path) -> str:
    async with scene.opened(folder) as made:
        await story.night(made, folder)
        return made.text()


def main() -> int:
    """0 when every part ended well."""
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-night-") as folder:
        text = anyio.run(_night, Path(folder))
    alerts = page.kept(FILE.read_text())
    FILE.write_text(page.replaced(HEAD + text.rstrip() + "\n", alerts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
