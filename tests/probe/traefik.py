"""Something like Traefik on a real socket: certificates by SNI, stacks by `Host`, words of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSListener

from listener.probe.address import Address

from .authority import Authority

App = Callable[[ByteStream], Awaitable[None]]


def says(status: str, body: bytes = b"", **headers: str) -> App:
    """An app that gives one whole answer."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return sends(head.encode() + body)


def sends(data: bytes) -> App:
    """An app that sends these bytes and closes."""

    async def app(stream: ByteStream) -> None:
        await stream.send(data)

    return app


NO_ROUTER = says("404 Not Found", b"404 page not found\n", Content_Type="text/plain; charset=utf-8")
CATCH_ALL = says("503 Service Unavailable", b"no available server\n", X_Content_Type_Options="nosniff")


@dataclass
class Traefik:
    """What it was asked, and how many connections are open."""

    authority: Authority
    is_tls: bool
    apps: dict[str, App] = field(default_factory=dict)
    certificates: dict[str, ssl.SSLContext] = field(default_factory=dict)
    otherwise: App = NO_ROUTER
    port: int = 0
    names: list[str | None] = field(default_factory=list)
    """SNI of each handshake."""
    asked: list[str] = field(default_factory=list)
    """Heads of requests."""
    opened: int = 0
    closed: int = 0

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address("127.0.0.1", self.port)

    def host(self, name: str, app: App) -> None:
        """A stack with a certificate."""
        self.apps[name] = app
        self.certificates[name] = self.authority.for_host(name)

    async def serve(self, stream: ByteStream) -> None:
        """One connection, which is closed after the answer."""
        self.opened += 1
        try:
            async with stream:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += await stream.receive()
                self.asked.append(head.decode())
                host = next(line[6:] for line in head.decode().split("\r\n") if line.startswith("Host: "))
                await self.apps.get(host, self.otherwise)(stream)
        except (anyio.BrokenResourceError, anyio.EndOfStream):
            pass
        finally:
            self.closed += 1

    def choose(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """The certificate for an SNI."""
        self.names.append(name)
        if name in self.certificates:
            tls.context = self.certificates[name]


@asynccontextmanager
async def serving(traefik: Traefik) -> AsyncIterator[Traefik]:
    """Listens on a port of its own until the end."""
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    listener: Any = tcp
    if traefik.is_tls:
        context = traefik.authority.traefiks()
        context.sni_callback = traefik.choose
        listener = TLSListener(tcp, ssl_context=context, standard_compatible=False)
    traefik.port = tcp.listeners[0].extra(anyio.abc.SocketAttribute.local_port)
    async with listener:
        task = asyncio.create_task(listener.serve(traefik.serve))
        yield traefik
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
