"""A proxy before PocketBase that counts what the daemon asks for."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
QUERY = re.compile(r"\?.*|/records/[a-z0-9]{15}")
RENEWAL = b"listener_lease"
BATCH = "/api/batch"


@dataclass
class Tally:
    """Requests by method and path, without queries and ids; `renewals` of the lease apart."""

    target: int
    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    """Rows written, in batches too, by method and collection."""
    renewals: int = 0

    def note(self, head: bytes, body: bytes) -> None:
        """One request was seen."""
        if RENEWAL in body:
            self.renewals += 1
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.requests[f"{method} {QUERY.sub(_shortened, path)}"] += 1
        for item in json.loads(body)["requests"] if path == BATCH and method == "POST" else ():
            self.writes[f"{item['method']} {item['url'].split('/')[3]}"] += 1

    def clear(self) -> None:
        """Nothing was counted so far; renewals stay."""
        self.requests.clear()
        self.writes.clear()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        answers = asyncio.ensure_future(_pass(there, writer))
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    found = LENGTH.search(head)
                    body = await reader.readexactly(int(found[1])) if found else b""
                    self.note(head, body)
                    back.write(head + body)
        finally:
            back.close()
            answers.cancel()
            writer.close()


def _shortened(found: re.Match[str]) -> str:
    return "" if found[0].startswith("?") else "/records/{id}"


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def before(target: int) -> AsyncIterator[Tally]:
    """A counting proxy before that port on 127.0.0.1, on a free port."""
    tally = Tally(target)
    server = await asyncio.start_server(tally.handle, "127.0.0.1", 0, limit=2**24)
    tally.port = server.sockets[0].getsockname()[1]
    try:
        yield tally
    finally:
        server.close()
