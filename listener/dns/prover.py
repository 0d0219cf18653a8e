"""The proof of one domain: a few questions at once, which never fail and end within ten seconds."""

from __future__ import annotations

import ipaddress

import anyio

from listener.dns.resolver import Resolver
from listener.dns.verdict import Found, Question, Verdict, Word, judge

SECONDS = 9.0
"""For a whole proof: the host, its text, the server's own name, and aliases that follow one another."""
AT_ONCE = 4
"""Proofs under way; each is five questions at most at a time."""


class Prover:
    """Looks whether a host may be routed. One for all stacks: they share its turns."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    async def look(self, question: Question) -> Verdict:
        """The verdict; raises nothing, waits for its turn, then `SECONDS` at most."""
        async with self._turns:
            with anyio.move_on_after(SECONDS):
                return await self._look(question)
            return Verdict(Word.UNKNOWN, "the name servers did not answer in time")

    async def _look(self, question: Question) -> Verdict:
        found: dict[str, Found] = {}

        async def host() -> None:
            found["addresses"] = await self._resolver.addresses(question.host)

        async def text() -> None:
            found["texts"] = await self._resolver.texts(question.text_name)

        async def door() -> None:
            found["door"] = await self._door(question.door)

        async with anyio.create_task_group() as tasks:
            for ask in (host, text, door):
                tasks.start_soon(ask)
        return judge(question, **found)

    async def _door(self, names: tuple[str, ...]) -> Found:
        """The server's addresses; a name among them is looked up."""
        values: set[str] = set()
        unknown: Found | None = None
        for name in names:
            try:
                values.add(str(ipaddress.ip_address(name)))
            except ValueError:
                found = await self._resolver.addresses(name)
                values |= found.values
                unknown = unknown or (None if found.is_known else found)
        return Found(frozenset(values), unknown is None, unknown.reason if unknown else "")
