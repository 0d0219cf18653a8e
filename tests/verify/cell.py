"""A container without Docker: a read-only root of bind mounts, the service's own user, and nothing else.

What it has of the rendered service: command, health check, environment, user, tmpfs with their options,
volumes, read-only root, no capabilities but those added, no new privileges, and the limits where the machine
has cgroups.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Self

from tests.verify.meter import Limits, Memory
from tests.verify.programs import Program
from tests.verify.stack import Container

SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc")
DEVICES = ("null", "zero", "full", "random", "urandom")
PEOPLE = """\
root:x:0:0::/root:/bin/sh
node:x:1000:1000::/home/node:/bin/sh
nobody:x:65534:65534::/nonexistent:/bin/sh
"""


class Cell:
    """One start of one service. Its volumes are folders of the host, so that a later start finds them."""

    def __init__(self, container: Container, program: Program, folder: Path) -> None:
        self.container = container
        self.program = program
        self.log = folder / f"{container.name}.log"
        self._volumes = folder / "volumes"
        self._root = folder / "root"
        self.limits = Limits(f"cf-verify-{container.name}", container.body["deploy"]["resources"]["limits"])
        self.memory: Memory | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.ready_after = 0.0

    def __enter__(self) -> Self:
        self._build()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.end(signal.SIGKILL)
        _mount("umount", "-R", "-l", str(self._root))
        self.limits.remove()

    def run(self) -> int:
        """The command, to its end; its exit code."""
        with self.log.open("ab") as log:
            args, env = self._call(self.container.command)
            return subprocess.run(args, env=env, stdout=log, stderr=log, check=False).returncode

    def start(self, port: int, seconds: float) -> None:
        """The command runs, and its health check is good; raises when it is not within `seconds`."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            args, env = self._call(self.container.command)
            self._process = subprocess.Popen(args, env=env, stdout=log, stderr=log)
        self.memory = Memory(self._process.pid)
        while not (_listens(port) and self.is_healthy()):
            if self._process.poll() is not None or time.monotonic() > began + seconds:
                raise AssertionError(f"{self.container.name} is not healthy:\n{self.tail()}")
            time.sleep(0.5)
        self.ready_after = time.monotonic() - began

    def call(self, script: str) -> int:
        """A command of Coolify's in the running container; its exit code."""
        args, env = self._call(["sh", "-c", script])
        with self.log.open("ab") as log:
            return subprocess.run(args, env=env, stdout=log, stderr=log, check=False).returncode

    def is_healthy(self) -> bool:
        """What the health check's own command says."""
        args, env = self._call(self.container.health)
        return subprocess.run(args, env=env, capture_output=True, check=False).returncode == 0

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 90) -> float:
        """The process got the signal and ended; how long that took."""
        began = time.monotonic()
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=seconds)
            self._process = None
        if self.memory is not None:
            self.memory.stop()
        return time.monotonic() - began

    def tail(self, lines: int = 25) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def holds(self, path: str) -> bool:
        """Whether the container has such a file."""
        return (self._root / path.lstrip("/")).exists()

    def _call(self, command: list[str]) -> tuple[list[str], dict[str, str]]:
        user, group = self.container.body["user"].split(":")
        added = "".join(f",+{name.lower()}" for name in self.container.body.get("cap_add", []))
        rights = [
            f"--bounding-set=-all{added}",
            f"--inh-caps=-all{added}",
            "--no-new-privs",
            "--clear-groups",
        ]
        words = [
            *("/usr/sbin/chroot", str(self._root)),
            *("/usr/bin/env", "-C", self.program.workdir),
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", *rights),
            *command,
        ]
        script = " ".join([*self.limits.join(), "exec", shlex.join(words)])
        env = {"PATH": self.program.path, "HOME": "/", **self.program.env, **self.container.env}
        return ["/bin/sh", "-c", script], env

    def _build(self) -> None:
        """The root as the container sees it; what Compose mounts comes first, as a cache may lie below it."""
        self._root.mkdir(parents=True, exist_ok=True)
        _mount("mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "root", str(self._root))
        for entry in self.container.body.get("tmpfs", []):
            target, options = entry.split(":")
            _mount("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._place(target)))
        self._system()
        for source, target in ((self.program.folder, str(self.program.folder)), *self.program.mounts):
            self._bind(source, target)
        self._place(self.program.workdir)
        for entry in self.container.body.get("volumes", []):
            name, target = entry.split(":")
            self._bind(self._volume(name), target, mode="rw")
        _mount("mount", "-o", "remount,ro", str(self._root))

    def _system(self) -> None:
        for name in SYSTEM:
            source = Path("/", name)
            if source.is_symlink():
                (self._root / name).symlink_to(source.readlink())
            elif source.is_dir():
                self._bind(source, f"/{name}")
        prefix = Path(sys.base_prefix).resolve()
        if not prefix.is_relative_to("/usr"):
            self._bind(prefix, str(prefix))
        files = self._root.parent / "etc"
        files.mkdir(exist_ok=True)
        for name, text in (("hosts", "127.0.0.1 localhost litellm\n"), ("passwd", PEOPLE)):
            (files / name).write_text(text)
            _mount("mount", "--bind", str(files / name), str(self._root / "etc" / name))
        _mount("mount", "--rbind", "/proc", str(self._place("/proc")))
        for name in DEVICES:
            device = self._place("/dev") / name
            device.touch()
            _mount("mount", "--bind", f"/dev/{name}", str(device))
        _mount("mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "shm", str(self._place("/dev/shm")))

    def _volume(self, name: str) -> Path:
        """The folder of a named volume; a fresh one belongs to whom the image's folder belongs."""
        folder = self._volumes / name
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o755)
            os.chown(folder, self.program.owner, self.program.owner)
        return folder

    def _bind(self, source: Path, target: str, *, mode: str = "ro") -> None:
        place = str(self._place(target))
        _mount("mount", "--bind", str(source), place)
        if mode == "ro":
            _mount("mount", "-o", "remount,bind,ro", place)

    def _place(self, target: str) -> Path:
        place = self._root / target.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        return place


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _mount(*words: str) -> None:
    subprocess.run(words, check=True)
