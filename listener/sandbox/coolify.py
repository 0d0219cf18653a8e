"""The stand-in for Coolify as a child process: started, ended, started again with what it knew."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc
import httpx

from listener import errors
from listener.sandbox import child

START_SECONDS = 30.0


@dataclass
class Server:
    """One stand-in on one port. What exists in it survives `restart`; knobs and faults do not."""

    url: str
    data_dir: Path
    tokens: tuple[str, str] = field(repr=False)
    """Of the first user, and of a second one of the same team."""
    server: str
    """Uuid of its one server."""
    rate_limit: int
    """Requests a minute."""
    _process: anyio.abc.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id, or None while it is down."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """It runs and answers; raises `UpstreamUnavailable` with the end of its log when it does not."""
        log = self.data_dir / "standin.log"
        command = [
            sys.executable, "-m", "listener.sandbox.standin", "--port", self.url.rpartition(":")[2],
            "--token", self.tokens[0], "--guest", self.tokens[1], "--server", self.server,
            "--keep", str(self._kept), "--knob", f"rate_limit={self.rate_limit}",
        ]  # fmt: skip
        with log.open("ab") as output:
            self._process = await child.spawn(command, output=output)
        async with httpx.AsyncClient(base_url=self.url, timeout=2.0) as http:
            with anyio.move_on_after(START_SECONDS):
                while self._process.returncode is None:
                    if await _is_healthy(http):
                        return
                    await anyio.sleep(0.05)
        raise errors.UpstreamUnavailable(
            "SANDBOX_DID_NOT_START",
            "the stand-in for Coolify did not become ready",
            why=log.read_text(errors="replace")[-1500:].strip(),
            fix=f"see {log}",
        )

    async def terminate(self) -> None:
        """Requests under way are cut after a second, its queue is worked off, and it is gone."""
        process, self._process = self._process, None
        if process is not None:
            await child.terminate(process)

    async def restart(self) -> None:
        """It was stopped if it ran, and runs again on the same port with the same rows."""
        await self.terminate()
        await self.start()

    def forget(self) -> None:
        """The next start begins with nothing."""
        self._kept.unlink(missing_ok=True)

    @property
    def _kept(self) -> Path:
        return self.data_dir / "standin.kept"


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    """A stand-in in which nothing exists yet; on exit, cancelled or not, no process is left."""
    server.forget()
    try:
        await server.start()
        yield server
    finally:
        await server.terminate()


async def _is_healthy(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health")).status_code == 200
    except httpx.HTTPError:
        return False
