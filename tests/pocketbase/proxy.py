"""A TCP proxy that misbehaves on command: it swallows, cuts or delays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import anyio.abc

GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass
class Proxy:
    """Passes bytes to `target` on 127.0.0.1 and back, unless a switch says otherwise."""

    target: int
    port: int = 0
    swallow: bool = False
    """The server's bytes vanish; connections stay open."""
    delay: float = 0.0
    """Seconds that each piece of the server's bytes waits."""
    lose: bytes = b""
    """The next request with these bytes reaches the server; its connection is cut before the answer."""
    drop: bytes = b""
    """The next request with these bytes never reaches the server; its connection is cut."""
    lost: int = 0
    """Answers lost so."""
    _scopes: set[anyio.CancelScope] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """Connections at present."""
        return len(self._scopes)

    def cut(self) -> None:
        """All present connections end at once."""
        for scope in self._scopes:
            scope.cancel()

    async def handle(self, client: anyio.abc.SocketStream) -> None:
        """One connection, until either side or a switch ends it."""
        async with client:
            with suppress(OSError), anyio.CancelScope() as scope:
                self._scopes.add(scope)
                async with await anyio.connect_tcp("127.0.0.1", self.target) as server:
                    await self._pump(client, server, scope)
            self._scopes.discard(scope)

    async def _pump(
        self, client: anyio.abc.SocketStream, server: anyio.abc.SocketStream, scope: anyio.CancelScope
    ) -> None:
        doomed = False

        async def to_server() -> None:
            nonlocal doomed
            with suppress(*GONE):
                async for piece in client:
                    if self.drop and self.drop in piece:
                        self.drop = b""
                        break
                    if self.lose and self.lose in piece:
                        doomed, self.lose = True, b""
                    await server.send(piece)
            scope.cancel()

        async def to_client() -> None:
            with suppress(*GONE):
                async for piece in server:
                    await anyio.sleep(self.delay)
                    if doomed:
                        self.lost += 1
                        break
                    if not self.swallow:
                        await client.send(piece)
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(to_server)
            tasks.start_soon(to_client)


@asynccontextmanager
async def before(target_url: str) -> AsyncIterator[Proxy]:
    """A proxy before `target_url`, on a free port; gone on exit with all its connections."""
    proxy = Proxy(target=int(target_url.rsplit(":", 1)[1]))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    proxy.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, proxy.handle)
        yield proxy
        tasks.cancel_scope.cancel()
