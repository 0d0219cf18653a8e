"""HTTP/1.1 to a PocketBase on this machine, no more: httpx's own transport costs more than the answers."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools

import httpx

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ADDRESS = "X-Forwarded-For"
"""PocketBase 0.40.6 (apis/record_crud.go) delays a filtered list that finds nothing by up to half a second
when one address asks often. In virtual time it is asked often: so each request has an address of its own."""
ADDRESSES = itertools.count(1 << 24)


class Lean(httpx.AsyncBaseTransport):
    """Keeps its connections; each is used by one request at a time."""

    def __init__(self) -> None:
        self._idle: list[Stream] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer."""
        url = request.url
        request.headers[ADDRESS] = str(ipaddress.IPv4Address(next(ADDRESSES)))
        stream = self._idle.pop() if self._idle else await asyncio.open_connection(url.host, url.port)
        try:
            answer = await _exchange(*stream, request)
        except (OSError, asyncio.IncompleteReadError) as error:
            stream[1].close()
            raise httpx.ReadError("the connection broke") from error
        except BaseException:
            stream[1].close()
            raise
        self._idle.append(stream)
        return answer

    async def aclose(self) -> None:
        """No connection is left."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            await writer.wait_closed()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: httpx.Request
) -> httpx.Response:
    kept = [pair for pair in request.headers.raw if pair[0].lower() != b"accept-encoding"]
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%s: %s" % pair for pair in kept]
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + await request.aread())
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    pairs = [line.partition(b": ") for line in rest if line]
    headers = httpx.Headers([(name, value) for name, _, value in pairs])
    status = int(first.split(b" ")[1])
    if "chunked" in headers.get("transfer-encoding", ""):
        content = await _chunks(reader)
        del headers["transfer-encoding"]
    else:
        content = await reader.readexactly(int(headers.get("content-length", "0")))
    return httpx.Response(status, headers=headers, content=content)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        whole += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return whole
