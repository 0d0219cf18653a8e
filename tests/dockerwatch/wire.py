"""A socket beside Docker's that passes everything on and writes down what was asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, SocketStream

REQUEST = re.compile(rb"^([A-Z]+) (/\S*?)(?:\?\S*)? HTTP/1\.1\r$", re.MULTILINE)


@dataclass
class Wire:
    """`asked` holds method and path of every request."""

    socket: Path
    docker: Path
    asked: set[str] = field(default_factory=set)

    async def _serve(self, client: SocketStream) -> None:
        async with client:
            try:
                upstream = await anyio.connect_unix(self.docker)
            except OSError:
                return
            async with upstream, anyio.create_task_group() as tasks:
                tasks.start_soon(self._pass_on, upstream, client, tasks.cancel_scope)
                await self._pass_on(client, upstream, tasks.cancel_scope)

    async def _pass_on(
        self, source: ByteReceiveStream, target: ByteSendStream, both: anyio.CancelScope
    ) -> None:
        try:
            async for data in source:
                self.asked |= {b" ".join(found).decode() for found in REQUEST.findall(data)}
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        both.cancel()


@asynccontextmanager
async def tapped(folder: Path, docker: Path) -> AsyncIterator[Wire]:
    """It listens while the block runs."""
    wire = Wire(folder / "tap.sock", docker)
    async with await anyio.create_unix_listener(wire.socket) as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, wire._serve)
        yield wire
        tasks.cancel_scope.cancel()
