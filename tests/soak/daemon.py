"""A daemon that is started anew whenever it ended, as a unit of systemd is."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.abc

from listener.sandbox import child
from listener.sandbox.proxy import Proxy

RESTART_SECONDS = 1.0
REFUSED = (69, 77)
"""Exit codes with which a start may end: an upstream is away, or refuses."""


@dataclass
class Daemon:
    """One `cloudfreedom run` with a host's worth of its own: state directory, proxy, user of Coolify."""

    name: str
    user: int
    """Whose token of Coolify it has."""
    proxy: Proxy = field(repr=False)
    """Before PocketBase."""
    env: dict[str, str] = field(repr=False)
    log: Path
    starts: int = 0
    ends: list[int] = field(default_factory=list)
    """Exit codes that nobody brought about, of a daemon that had seen the lease."""
    refused: list[int] = field(default_factory=list)
    """Exit codes of starts that came to nothing: a side refused it, and it is started anew."""
    rss: int = 0
    """Most memory that was seen, in bytes."""
    bugs: list[str] = field(default_factory=list)
    """What its log says of runs that ended as nobody foresaw."""
    taken: list[float] = field(default_factory=list)
    """When it took the lease, in seconds since 1970."""
    _process: anyio.abc.Process | None = field(default=None, repr=False)
    _killed: bool = False
    _is_up: bool = False
    _read: int = 0

    @property
    def pid(self) -> int:
        """Of the process that runs, or 0."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def keep(self) -> None:
        """Runs it for ever; it is gone when this is cancelled."""
        while True:
            self._killed = self._is_up = False
            with self.log.open("ab") as output:
                command = [sys.executable, "-m", "listener.cli.sandboxed"]
                self._process = await child.spawn(command, output=output, env={**os.environ, **self.env})
            self.starts += 1
            try:
                code = await self._process.wait()
            finally:
                await child.kill(self._process)
            self.measure()
            if not self._killed:
                (self.ends if self._is_up or code not in REFUSED else self.refused).append(code)
            await anyio.sleep(RESTART_SECONDS)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if pid := self.pid:
            self._killed = True
            os.kill(pid, signal.SIGKILL)

    async def freeze(self, seconds: float) -> None:
        """It stands still for so long, if it runs."""
        pid = self.pid
        if not pid:
            return
        os.kill(pid, signal.SIGSTOP)
        try:
            await anyio.sleep(seconds)
        finally:
            if self.pid == pid:
                os.kill(pid, signal.SIGCONT)

    def measure(self) -> None:
        """`rss`, `bugs` and `taken` are as of now."""
        for line in self._news():
            if line.get("event") == "run.crashed":
                self.bugs.append(str(line.get("exception", ""))[-200:].strip())
            self._is_up = self._is_up or line.get("event") in ("lease.taken", "lease.watched")
            if line.get("event") == "lease.taken":
                self.taken.append(datetime.fromisoformat(line["timestamp"]).timestamp())
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return
        found = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        self.rss = max([self.rss, *(int(line.split()[1]) * 1024 for line in found)])

    def _news(self) -> Iterator[dict[str, Any]]:
        """Whole lines of the log since the last call."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(end)
        for line in whole.splitlines():
            if line.startswith(b"{") and line.endswith(b"}"):
                yield json.loads(line)
