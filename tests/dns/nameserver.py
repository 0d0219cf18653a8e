"""A name server on loopback, UDP and TCP on one port: what it holds, and how badly it behaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from listener.dns.servers import Server

TTL = 60
LONGEST_CHAIN = 8


@dataclass
class NameServer:
    """Answers for every name; one that it does not hold is NXDOMAIN, a kind that a name has not is empty."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rcode: dns.rcode.Rcode | None = None
    """What every answer says instead of what it holds."""
    is_silent: bool = False
    seconds: float = 0.0
    """How long each answer takes."""
    is_cut: bool = False
    """Answers by UDP are empty and say that they were cut."""
    follows: bool = True
    """CNAMEs are followed in the answer, as a resolver does."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, kind, and `udp` or `tcp` of each question."""
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0

    @property
    def address(self) -> Server:
        """Where it is asked."""
        return Server("127.0.0.1", self.port)

    @property
    def setting(self) -> str:
        """The same, as the value of a setting."""
        return f"127.0.0.1:{self.port}"

    def hold(self, name: str, kind: str, *values: str) -> None:
        """The name has exactly these records of the kind; without values none any more."""
        self.records.pop((name, kind), None)
        if values:
            self.records[name, kind] = [f'"{one}"' if kind == "TXT" else one for one in values]

    async def answer(self, data: bytes, way: str) -> bytes | None:
        """The bytes of the answer, None when it keeps silent."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = (
            question.name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(question.rdtype),
        )
        self.asked.append((name, kind, way))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        if self.is_silent:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
        elif self.is_cut and way == "udp":
            answer.flags |= dns.flags.TC
        else:
            self._fill(answer, name, kind)
        return answer.to_wire()

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(LONGEST_CHAIN):
            alias = self.records.get((name, "CNAME"))
            if alias is None:
                break
            answer.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", "CNAME", f"{alias[0]}."))
            name = alias[0]
            if not self.follows:
                return
        values = self.records.get((name, kind))
        if values:
            answer.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", kind, *values))
        elif name not in {held for held, _ in self.records}:
            answer.set_rcode(dns.rcode.NXDOMAIN)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._send(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = await self._server.answer(data, "udp")
        if answer is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    async def close(self) -> None:
        self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[NameServer]:
    """A name server that holds nothing yet."""
    server, loop = NameServer(), asyncio.get_running_loop()

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = await server.answer(await reader.readexactly(size), "tcp")
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        writer.close()

    while True:
        here = ("127.0.0.1", 0)
        transport, udp = await loop.create_datagram_endpoint(lambda: _Udp(server), local_addr=here)
        server.port = transport.get_extra_info("sockname")[1]
        try:
            tcp = await asyncio.start_server(by_tcp, "127.0.0.1", server.port)
            break
        except OSError:  # somebody has this port for TCP
            await udp.close()
    try:
        yield server
    finally:
        tcp.close()
        await tcp.wait_closed()
        await udp.close()
