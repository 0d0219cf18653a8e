"""One question to the resolvers, with an end; whatever happens is an answer, or that there is none."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import anyio
import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from listener.dns.servers import Server
from listener.dns.verdict import Found

SECONDS = 3.0
"""For one question, over all resolvers, the repetition by TCP of an answer that was cut included."""
MOST_ALIASES = 8
"""CNAMEs followed one by one, when a resolver does not do it."""


class Resolver:
    """Asks A, AAAA and TXT of absolute names. Nothing is kept between two questions."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """`servers` are asked in turn; none = those of the system, as they are now."""
        self._resolver = _resolver(servers)

    async def addresses(self, name: str) -> Found:
        """The IP addresses to which a host name leads, in their shortest form."""
        found: list[Found] = []
        async with anyio.create_task_group() as tasks:
            for kind in ("A", "AAAA"):
                tasks.start_soon(self._into, found, name, kind)
        values = frozenset(str(ipaddress.ip_address(value)) for one in found for value in one.values if value)
        unknown = next((one for one in found if not one.is_known), None)
        return Found(values, unknown is None, unknown.reason if unknown else "")

    async def texts(self, name: str) -> Found:
        """The texts of a TXT record, without quotes around them."""
        return await self._ask(name, "TXT")

    async def _into(self, found: list[Found], name: str, kind: str) -> None:
        found.append(await self._ask(name, kind))

    async def _ask(self, name: str, kind: str) -> Found:
        try:
            wanted = dns.name.from_text(name)
            for _ in range(MOST_ALIASES):
                answer = await self._resolver.resolve(
                    wanted, kind, raise_on_no_answer=False, lifetime=SECONDS, search=False
                )
                if answer.rrset is not None:
                    return Found(frozenset(_texts(answer.rrset)))
                if answer.canonical_name == wanted:
                    return Found()
                wanted = answer.canonical_name
        except (dns.resolver.NXDOMAIN, dns.name.NameTooLong):
            return Found()
        except (dns.exception.DNSException, OSError) as error:
            return Found(is_known=False, reason=_told(error))
        return Found(is_known=False, reason=f"more than {MOST_ALIASES} aliases follow one another")


def _resolver(servers: Sequence[Server]) -> dns.asyncresolver.Resolver:
    if servers:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = [dns.nameserver.Do53Nameserver(one.ip, one.port) for one in servers]
        return made
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return dns.asyncresolver.Resolver(configure=False)


def _texts(rrset: Iterable[object]) -> Iterable[str]:
    for one in rrset:
        strings = getattr(one, "strings", None)
        text = str(one) if strings is None else b"".join(strings).decode(errors="replace")
        yield text.strip().strip('"')


def _told(error: Exception) -> str:
    """Why there is no answer; nothing of the answers themselves, which differ from time to time."""
    if isinstance(error, dns.exception.Timeout):
        return "the name servers did not answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "no name server gave an answer"
    return f"the answer is of no use ({type(error).__name__})"
