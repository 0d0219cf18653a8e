"""An HTTP proxy before an upstream: a judge sees each request and decides what becomes of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
IDS = re.compile(r"(?<=/)([a-z0-9]{15}|[a-z0-9]{24})(?=/|\?|$)")
QUIET = ("/auth-refresh", "/auth-with-password")
"""The login."""
LEASE = b"/listener_lease/"
STREAM = b"GET /api/realtime"
PIECE = 65536
LONGEST = 2**24


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was read from the daemon."""

    upstream: str
    method: str
    path: str
    body: bytes = field(repr=False)

    @property
    def is_effect(self) -> bool:
        """It may change something: no GET, not the login, no renewal of the lease."""
        return not (self.method == "GET" or self.path.endswith(QUIET) or LEASE in self.body)

    def __str__(self) -> str:
        """Upstream, method, path and, of a batch, its items; without ids and queries."""
        items = [f"{one['method']} {_collection(one['url'])}" for one in _items(self)]
        told = f" ({', '.join(items)})" if items else ""
        return f"{self.upstream} {self.method} {IDS.sub('{id}', self.path.partition('?')[0])}{told}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request: by itself it passes."""

    forwarded: bool = True
    reply: bytes = b""
    """Sent at once to a request that is not forwarded; empty breaks the connection."""
    lost: bool = False
    """Carried out; the answer came here and went no further."""
    delay: float = 0.0
    """Seconds before it is forwarded or answered."""
    then: Callable[[], None] = lambda: None
    """Called in place of the forwarding, or of the answer that is lost."""


PASSES = Fate()
Judge = Callable[[Request], Fate]


@dataclass(eq=False)
class _Line:
    sides: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_stream: bool = False
    losing: Fate | None = None

    def abort(self) -> None:
        for side in self.sides:
            side.transport.abort()


@dataclass
class Gate:
    """Passes whole requests to `target` on 127.0.0.1 as its judge says, and answers back."""

    upstream: str
    target: int
    port: int = 0
    judge: Judge = lambda _: PASSES
    _lines: set[_Line] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def cut_streams(self) -> int:
        """Every open stream of events breaks; how many."""
        streams = [line for line in self._lines if line.is_stream]
        for line in streams:
            line.abort()
        return len(streams)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side or a fate ends it."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line((writer, back))
        self._lines.add(line)
        answers = asyncio.ensure_future(_answers(there, line))
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while await self._one(reader, line):
                    pass
        finally:
            answers.cancel()
            self._lines.discard(line)
            line.abort()

    async def _one(self, reader: asyncio.StreamReader, line: _Line) -> bool:
        """One request has met its fate; False when the connection ends with it."""
        writer, back = line.sides
        head = await reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(head)
        body = await reader.readexactly(int(found[1])) if found else b""
        line.is_stream = line.is_stream or head.startswith(STREAM)
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        fate = self.judge(Request(self.upstream, method, path, body))
        if fate.delay:
            await asyncio.sleep(fate.delay)
        if fate.forwarded:
            line.losing = fate if fate.lost else None
            back.write(head + body)
            await back.drain()
            return True
        fate.then()
        writer.write(fate.reply)
        await writer.drain()
        return bool(fate.reply)


async def _answers(source: asyncio.StreamReader, line: _Line) -> None:
    """Answers go back until one is to be lost: at its first byte the request is carried out."""
    sink = line.sides[0]
    with suppress(OSError):
        while piece := await source.read(PIECE):
            if line.losing is not None:
                line.losing.then()
                break
            sink.write(piece)
            await sink.drain()
    line.abort()


@asynccontextmanager
async def before(target: int, *, upstream: str) -> AsyncIterator[Gate]:
    """A gate before that port on 127.0.0.1, on a free port; gone on exit with all its connections."""
    gate = Gate(upstream, target)
    server = await asyncio.start_server(gate.handle, "127.0.0.1", 0, limit=LONGEST)
    gate.port = server.sockets[0].getsockname()[1]
    try:
        yield gate
    finally:
        server.close()
        for line in list(gate._lines):
            line.abort()
        await server.wait_closed()


def _items(request: Request) -> list[dict[str, str]]:
    if request.path.partition("?")[0] != "/api/batch":
        return []
    items: list[dict[str, str]] = json.loads(request.body)["requests"]
    return items


def _collection(url: str) -> str:
    found = re.search(r"/collections/(\w+)/", url)
    return found[1] if found else url
