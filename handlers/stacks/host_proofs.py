"""The rounds in which own domains are proven: which are looked up, and when. Plans only read the result."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import anyio

from handlers import memory, records
from handlers.eyes import Eyes
from handlers.stacks import hosts
from handlers.stacks.desired import Desired, Unproven, Want, Wish, wish
from handlers.stacks.facts import StackFacts
from listener import contract, errors
from listener.dns.verdict import Question, Verdict, Word
from listener.probe import address

Look = Callable[[Question], Awaitable[Verdict]]
INTERVAL = 1.0
"""Seconds between two rounds: a new domain is looked up at once, and a round without one costs nothing."""
MOST = 40
"""Domains looked up in one round."""
SHORTEST = 120.0
LONGEST = 3600.0
LONGEST_UNKNOWN = 300.0
"""Seconds between two looks at one domain; the last when the name servers did not answer."""
SHARE = 0.25
"""Of the time for which it has been waited for, until the next look."""


class HostProofs:
    """Looks domains up in turn and remembers the answers, by which plans route them or not."""

    def __init__(self, *, eyes: Eyes, look: Look) -> None:
        self._eyes = eyes
        self._look = look

    async def round(self) -> Iterable[contract.Key]:
        """Every domain whose turn it is was looked up; the keys about which something else is known now."""
        now = self._eyes.memory.clock()
        due = [(key, one) for key, one in self._eyes.memory.sought.items() if now >= _due_at(one)]
        due.sort(key=lambda pair: pair[1].asked_at)
        changed: list[str] = []
        async with anyio.create_task_group() as tasks:
            for record_id, one in due[:MOST]:
                tasks.start_soon(self._ask, record_id, one, changed)
        return [contract.Key(records.STACKS, record_id) for record_id in changed]

    async def settle(self, record_id: str) -> bool:
        """The stack's domain was looked up, if it waits and nobody did; whether more is known now."""
        one = self._eyes.memory.sought.get(record_id)
        if one is None or one.verdict is not None:
            return False
        await self._ask(record_id, one, [])
        return True

    async def _ask(self, record_id: str, one: memory.Sought, changed: list[str]) -> None:
        found = await self._look(one.question)
        one.asked_at = self._eyes.memory.clock()
        before = one.verdict
        if before is not None and found.word is Word.UNKNOWN:
            return
        one.verdict = found
        if before != found:
            changed.append(record_id)


def seek(remembered: memory.Memory, facts: StackFacts, want: Want) -> None:
    """What the stack waits for is looked up from now on; what it does not want any more is forgotten."""
    known = remembered.sought.get(facts.id)
    awaited = want.awaited if isinstance(want, Desired | Unproven) else None
    if awaited is not None and wish(facts) is not Wish.DELETED:
        if known is None or known.question != awaited:
            remembered.sought[facts.id] = memory.Sought(awaited, since=remembered.clock())
        return
    if known is not None and not (isinstance(want, Desired) and want.host == known.question.host):
        del remembered.sought[facts.id]


def seen(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with who holds the wanted host, where it must lead, and what is known of its proof."""
    try:
        host = hosts.named(facts).name
    except errors.Refusal:
        host = ""
    holder = eyes.ledger.holder_of(host)
    facts = replace(facts, host_holder=None if holder == facts.id else holder, door=_door(eyes, facts))
    one, asked = eyes.memory.sought.get(facts.id), hosts.question(facts, host)
    if one is None or (one.question.host, one.question.value) != (asked.host, asked.value):
        return facts
    return replace(facts, host_proof=one.verdict)


def _door(eyes: Eyes, facts: StackFacts) -> tuple[str, ...]:
    """Addresses of the stack's server, as the world reaches it; none when Coolify shows only its own way."""
    row, tenant, site = facts.ledger, facts.tenant, eyes.site
    known = row.server_uuid if row and row.service_uuid else ""
    uuid = known or (tenant.server if tenant else "") or site.server_uuid
    if uuid == site.server_uuid and site.door:
        return site.door
    server = eyes.view.snapshot.servers.get(uuid)
    found = address.of_server(server.ip) if server else None
    return (found.host,) if found and _leads_somewhere(found.host) else ()


def _leads_somewhere(host: str) -> bool:
    """Anybody's domain may lead to a loopback address, so one proves nothing."""
    try:
        one = ipaddress.ip_address(host)
    except ValueError:
        return "." in host
    return not (one.is_loopback or one.is_unspecified)


def _due_at(one: memory.Sought) -> float:
    """When it is looked up again: soon at first, then the seldomer the longer it is waited for."""
    if one.verdict is None:
        return memory.NEVER
    if one.verdict.word is Word.PROVEN:
        return float("inf")
    longest = LONGEST_UNKNOWN if one.verdict.word is Word.UNKNOWN else LONGEST
    return one.asked_at + min(max(SHARE * (one.asked_at - one.since), SHORTEST), longest)
