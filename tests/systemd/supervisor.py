"""What systemd is to the daemon: a datagram socket, a folder of credentials, and a few variables."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc
import httpx

from listener.sandbox import child, world

DAEMON = (sys.executable, "-m", "listener.cli.sandboxed")
WATCHDOG_SECONDS = 3.0
SECONDS = 25.0
"""Until what must come has come."""


@dataclass(frozen=True, slots=True)
class Told:
    """One datagram: when it came (monotonic), the process that sent it, and its assignments."""

    at: float
    pid: int
    lines: tuple[str, ...]


@dataclass
class Supervisor:
    """Starts the daemon as the unit would, and notes what it tells."""

    world: world.World
    address: str
    credentials: Path
    _socket: socket.socket
    told: list[Told] = field(default_factory=list)
    daemon: anyio.abc.Process | None = None

    async def start(self, *, command: Sequence[str] = DAEMON, **env: str) -> None:
        """The daemon runs, told where to notify, and has its secrets in files only."""
        given = {**os.environ, **self.world.env, **env}
        for name in ("pocketbase_password", "coolify_token", "listener_secrets_key"):
            (self.credentials / name).write_text(given.pop(name.upper()) + "\n")
        given |= {
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
            "CREDENTIALS_DIRECTORY": str(self.credentials),
        }
        with self.world.log.open("ab") as output:
            self.daemon = await child.spawn(command, output=output, env=given)

    async def until_told(self, line: str, *, times: int = 1) -> None:
        """That assignment came so often, as a beginning."""
        with anyio.fail_after(SECONDS):
            while sum(any(one.startswith(line) for one in told.lines) for told in self.told) < times:
                self.listen()
                await anyio.sleep(0.01)

    async def until_ready(self) -> None:
        """`/readyz` says yes."""
        async with httpx.AsyncClient(base_url=self.world.health_url, timeout=2.0) as http:
            with anyio.fail_after(SECONDS):
                while not await _is_ready(http):
                    await anyio.sleep(0.05)

    async def until_logged(self, text: str) -> None:
        """The daemon's log holds it."""
        with anyio.fail_after(SECONDS):
            while text not in self.world.log.read_text():
                await anyio.sleep(0.05)

    def listen(self) -> None:
        """Everything that came until now is in `told`."""
        while True:
            try:
                data, extra, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
            except BlockingIOError:
                return
            pid = struct.unpack("3i", extra[0][2])[0]
            self.told.append(Told(time.monotonic(), pid, tuple(data.decode().splitlines())))

    def lines(self) -> list[str]:
        """Every assignment so far."""
        self.listen()
        return [line for told in self.told for line in told.lines]

    def tell(self, number: signal.Signals) -> None:
        """The daemon has it."""
        assert self.daemon is not None
        self.daemon.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The signal; the exit code."""
        assert self.daemon is not None
        self.tell(number)
        with anyio.fail_after(SECONDS):
            return await self.daemon.wait()


@asynccontextmanager
async def supervisor(folder: Path, *, abstract: bool = False) -> AsyncIterator[Supervisor]:
    """A world without a daemon, and a supervisor for one; nothing is left on exit."""
    credentials = folder / "credentials"
    credentials.mkdir(mode=0o700)
    address = (
        f"@cloudfreedom-test-{os.getpid()}-{time.monotonic_ns()}" if abstract else str(folder / "notify")
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        notify.bind(address.replace("@", "\0", 1))
        notify.setblocking(False)
        async with world.running(folder / "world", daemon=False) as sandbox:
            one = Supervisor(sandbox, address, credentials, notify)
            try:
                yield one
            finally:
                if one.daemon is not None:
                    await child.kill(one.daemon)


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False
