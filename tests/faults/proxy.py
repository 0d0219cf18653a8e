"""A TCP proxy whose lines go deaf or break on command, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

STREAM = b"GET /api/realtime"
PIECE = 65536


@dataclass(eq=False)
class _Line:
    """One connection and its twin on the other side."""

    sides: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_stream: bool = False
    is_deaf: bool = False

    def abort(self) -> None:
        for side in self.sides:
            side.transport.abort()


@dataclass
class Proxy:
    """Passes bytes to `target` on 127.0.0.1 and back, unless a line was told otherwise."""

    target: int
    port: int = 0
    _lines: set[_Line] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def deafen(self, *, streams_only: bool = False) -> int:
        """Bytes on the present lines vanish from now on, both ways, and none is closed; how many lines more.

        Lines that are opened later work: this is what a firewall does that forgot its connections.
        """
        meant = [line for line in self._lines if not line.is_deaf and (line.is_stream or not streams_only)]
        for line in meant:
            line.is_deaf = True
        return len(meant)

    def cut(self) -> None:
        """All present lines break at once, in the middle of whatever they carry."""
        for line in self._lines:
            line.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side or a command ends it."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line((writer, back))
        self._lines.add(line)
        try:
            await asyncio.gather(self._pump(reader, back, line), self._pump(there, writer, line))
        finally:
            self._lines.discard(line)
            line.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, line: _Line) -> None:
        """Returns when the source has ended; then the whole line ends."""
        with suppress(OSError):
            while piece := await source.read(PIECE):
                line.is_stream = line.is_stream or piece.startswith(STREAM)
                if not line.is_deaf:
                    sink.write(piece)
                    await sink.drain()
        if not line.is_deaf:
            line.abort()


@asynccontextmanager
async def before(target: int) -> AsyncIterator[Proxy]:
    """A proxy before that port on 127.0.0.1, on a free port; gone on exit with all its connections."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
