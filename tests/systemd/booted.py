"""systemd itself, as process 1 of namespaces of its own, over a layer above this machine's files."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from listener.sandbox import child

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot")
ALONE = ("unshare", "--pid", "--fork", "--mount", "--cgroup", "--ipc", "--uts", "--kill-child")
"""Not the network: both upstreams answer on this machine."""
UNIT = "cloudfreedom-listener"
PYTHON = "/usr/bin/python3"
"""What is installed with: the unit sees no home directory, where a developer's own often is."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""A host's, without a developer's environment in front of what is installed there."""
SECONDS = 60.0
"""Until what must come has come."""


def missing() -> str:
    """Why systemd cannot be booted here; "" when it can."""
    if os.geteuid() != 0:
        return "it needs root"
    absent = [name for name in ("unshare", "nsenter", "systemctl", PYTHON) if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} is not installed"
    if not os.access(_hierarchy(), os.W_OK):
        return "cgroup2 is not mounted, or not to be written"
    fit = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([PYTHON, "-c", fit], capture_output=True, check=False).returncode != 0:
        return f"{PYTHON} is older than 3.11, or lacks venv"
    tried = subprocess.run([*ALONE, "mount", "--make-rprivate", "/"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this container may not make namespaces"


def _hierarchy() -> str:
    """Where cgroup2 is mounted, or ""."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((where for _, where, kind, *_ in mounts if kind == "cgroup2"), "")


@dataclass(frozen=True, slots=True)
class Booted:
    """A machine with systemd, which shares our network and nothing it writes."""

    pid: int

    async def run(self, *command: str, check: bool = True, **env: str) -> str:
        """What the command said there; a failure fails."""
        into = ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-i", "-u", f"--wd={ROOT}", *command]
        done = await anyio.run_process(into, check=False, env={**os.environ, "PATH": PATH, **env})
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 0 or not check, said
        return said

    async def write(self, path: str, text: str, *, mode: str = "600") -> None:
        """The file is there."""
        await self.run("sh", "-c", f'mkdir -p "$(dirname {path})"; printf %s "$TEXT" >{path}', TEXT=text)
        await self.run("chmod", mode, path)

    async def shows(self, name: str) -> str:
        """A property of the unit."""
        return (await self.run("systemctl", "show", "--property", name, "--value", UNIT)).strip()

    async def journal(self) -> str:
        """What the unit logged, and what systemd said of it."""
        return await self.run("journalctl", "--no-pager", "--output=cat", "--all", f"--unit={UNIT}")

    async def until_shown(self, name: str, text: str) -> None:
        """The property holds the text."""
        end = anyio.current_time() + SECONDS
        while text not in (shown := await self.shows(name)):
            assert anyio.current_time() < end, f"{name}={shown}\n{(await self.journal())[-3000:]}"
            await anyio.sleep(0.5)

    async def until_logged(self, text: str, *, times: int = 1) -> None:
        """The journal holds the text so often."""
        end = anyio.current_time() + SECONDS
        while (logged := await self.journal()).count(text) < times:
            assert anyio.current_time() < end, logged[-3000:]
            await anyio.sleep(0.5)


@asynccontextmanager
async def booted(folder: Path) -> AsyncIterator[Booted]:
    """systemd runs; nothing of it is left on exit."""
    layer, group = folder / "layer", Path(_hierarchy()) / f"cloudfreedom-test-{os.getpid()}"
    layer.mkdir()
    group.mkdir()
    enter = f'echo $$ >"{group}/cgroup.procs" && exec "$@"'
    command = ["/bin/sh", "-c", enter, "sh", *ALONE, str(BOOT), str(layer), str(ROOT)]
    with (folder / "console").open("wb") as console:
        outside = await child.spawn(command, output=console)
        try:
            yield await _inside(outside.pid, folder / "console")
        finally:
            with anyio.move_on_after(10, shield=True):
                await child.kill(outside)
                while not _remove(group):
                    await anyio.sleep(0.1)


async def _inside(outside: int, console: Path) -> Booted:
    """systemd answers."""
    with anyio.fail_after(SECONDS):
        while True:
            if pids := _children(outside):
                machine = Booted(pids[0])
                said = await machine.run("systemctl", "is-active", "systemd-journald", check=False)
                if said.strip() == "active":
                    return machine
            assert _lives(outside), await anyio.Path(console).read_text()
            await anyio.sleep(0.1)


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text() if _lives(pid) else ""
    return [int(word) for word in text.split()]


def _remove(group: Path) -> bool:
    """Whether the cgroup and all in it are gone; each goes when its processes are."""
    inner = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
    for one in (*inner, group):
        with contextlib.suppress(OSError):
            one.rmdir()
    return not group.exists()
