"""A proxy before PocketBase that spoils lines and requests on command, each by itself.

It passes bytes on and looks at the head of each request: HTTP/1.1 without pipelining, each head in one piece,
which is how httpx speaks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus

from listener.sandbox.standin import faults

STREAM = b"GET /api/realtime"
PIECE = 65536
HEAD = re.compile(rb"([A-Z]+) (/[^ ?]*)[^ ]* HTTP/1\.1\r\n")
DATE = re.compile(rb"(?<=\r\nDate: )[^\r]+")
END = b"\r\n\r\n"


@dataclass(eq=False)
class _Line:
    """One connection and its twin on the other side."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_stream: bool = False
    is_deaf: bool = False
    is_ended: bool = False
    """Nothing passes any more; it breaks when either side leaves."""
    fault: faults.Fault | None = None
    """What becomes of the answer that comes next."""

    def abort(self) -> None:
        for side in (self.client, self.server):
            side.transport.abort()

    async def end(self, last: bytes) -> None:
        """The client is sent this, and then nothing; what it still sends vanishes."""
        self.is_ended = True
        self.client.write(last)
        await self.client.drain()
        self.client.write_eof()


@dataclass
class Proxy:
    """Passes bytes to `target` on 127.0.0.1 and back, unless a line or a request was told otherwise."""

    target: int
    port: int = 0
    faults: faults.Faults = field(default_factory=faults.Faults)
    """What becomes of requests; their `lag` is not known here."""
    slow: float = 0.0
    """Seconds that each piece of the server's bytes waits."""
    skew: float = 0.0
    """Seconds that the `Date` of answers is ahead."""
    _lines: set[_Line] = field(default_factory=set)
    _door: asyncio.Server | None = None

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

    async def open(self) -> None:
        """Connections are accepted, on the same port as before if there was one."""
        self._door = await asyncio.start_server(self._handle, "127.0.0.1", self.port)
        self.port = self._door.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Connections are refused until it is opened again; the present lines are cut."""
        door, self._door = self._door, None
        if door is not None:
            door.close()
            self.cut()
            await door.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side or a command ends it."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(writer, back)
        if self._door is None:  # it was closed meanwhile, and cut all lines but this one
            line.abort()
            return
        self._lines.add(line)
        try:
            await asyncio.gather(self._pump(reader, line, self._ask), self._pump(there, line, self._answer))
        finally:
            self._lines.discard(line)
            line.abort()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        line: _Line,
        passed: Callable[[bytes, _Line], Awaitable[None]],
    ) -> None:
        """Returns when the source has ended; then the whole line ends."""
        with suppress(OSError):
            while piece := await source.read(PIECE):
                if not (line.is_deaf or line.is_ended):
                    await passed(piece, line)
        if not line.is_deaf:
            line.abort()

    async def _ask(self, piece: bytes, line: _Line) -> None:
        """The piece went on to the server, unless it begins a request that is to have no effect."""
        if head := HEAD.match(piece):
            line.is_stream = line.is_stream or piece.startswith(STREAM)
            line.fault = self.faults.take(head[1].decode(), head[2].decode("latin-1"))
        if line.fault is not None and not line.fault.effect:
            await _spoil(line, line.fault, b"")
        else:
            await _send(line.server, piece)

    async def _answer(self, piece: bytes, line: _Line) -> None:
        """The piece went back to the client, as spoiled as it is to be."""
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.skew and piece.startswith(b"HTTP/"):
            piece = DATE.sub(lambda found: _shifted(found[0], self.skew), piece, count=1)
        fault, line.fault = line.fault, None
        if fault is None:
            await _send(line.client, piece)
        else:
            await _spoil(line, fault, piece)


@asynccontextmanager
async def before(target: int) -> AsyncIterator[Proxy]:
    """A proxy before that port on 127.0.0.1, on a free port; gone on exit with all its connections."""
    proxy = Proxy(target)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.refuse()


async def _spoil(line: _Line, fault: faults.Fault, piece: bytes) -> None:
    """The client was answered as the fault has it; `piece` is what the server said first."""
    await asyncio.sleep(fault.delay)
    match fault.reply:
        case None:
            await _send(line.client, piece)
        case "drop":
            line.abort()
        case "stall":
            line.is_ended = True
        case "half":
            head, end, body = piece.partition(END)
            await line.end(head + end + body[: len(body) // 2] if body else head)
        case "garbage":
            await line.end(_made(200, {}, faults.GARBAGE))
        case status:
            await line.end(_made(status, fault.headers, fault.body.encode()))


async def _send(side: asyncio.StreamWriter, piece: bytes) -> None:
    side.write(piece)
    await side.drain()


def _made(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    lines = [f"HTTP/1.1 {status} {phrase}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + END + body


def _shifted(date: bytes, seconds: float) -> bytes:
    moment = parsedate_to_datetime(date.decode("latin-1")).timestamp()
    return formatdate(moment + seconds, usegmt=True).encode()
