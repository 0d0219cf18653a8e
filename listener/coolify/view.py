"""One cheap list per server, shared by every key, and honest about its age.

Lists carry the time they were *requested*: for a key they count only if that is later than the answer to our
last effect on it. A list that fails leaves its server's services as they were, with their old time: unknown,
never absent, never fresh. The light list costs Coolify about 2.5 ms a service (4.3.10), so it takes a
twentieth of the time at most. Right after a job of ours was queued lists come sooner than otherwise, and then
ever more seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import anyio

from listener import errors
from listener.coolify import payloads
from listener.coolify.client import Coolify

SHARE = 20.0
"""A list is asked for at most every this many times its own duration."""
AHEAD = 20.0
"""Seconds of that which lists after a job of ours may draw in advance: they are repaid by what follows."""
SOONEST = 0.2
"""Seconds between two lists when a job of ours was queued."""
GROWTH = 2.5
"""By how much that grows with each list, up to the usual pace: four lists come within 5 s."""
NEVER = float("-inf")
CALM = float("inf")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Coolify listed, and when it was asked, on the view's clock."""

    services: dict[str, payloads.ServiceEntry] = field(default_factory=dict)
    """By uuid, over all servers that answered."""
    others: dict[str, payloads.ServiceEntry] = field(default_factory=dict)
    """What is no service (applications, databases), likewise."""
    servers: dict[str, payloads.Server] = field(default_factory=dict)
    requested_at: float = NEVER
    """When the last round of lists began, whatever became of them."""
    listed: dict[str, float] = field(default_factory=dict)
    """By server: when its services were asked for as they stand here."""
    unknown: frozenset[str] = frozenset()
    """Servers whose list failed: what is missing there is unknown, not absent."""
    _named: dict[str, tuple[payloads.ServiceEntry, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Services by what stands after the last `-` of their names."""

    def __post_init__(self) -> None:
        for entry in self.services.values():
            record_id = entry.name.rpartition("-")[2]
            self._named[record_id] = (*self._named.get(record_id, ()), entry)

    @property
    def is_complete(self) -> bool:
        """Every known server answered: only then may absence be read out of it."""
        return bool(self.listed) and not self.unknown

    def listed_at(self, server_uuid: str) -> float:
        """When this server's services were asked for; for a server that is none of ours, the last round."""
        return self.listed.get(server_uuid, self.requested_at)

    def of_record(self, record_id: str) -> tuple[payloads.ServiceEntry, ...]:
        """Services whose name ends in this record id (clones carry a suffix and do not), oldest first."""
        return tuple(sorted(self._named.get(record_id, ()), key=lambda entry: (entry.created_at, entry.uuid)))


class View:
    """The present snapshot, and its renewal: single flight, paced, counted in requests."""

    def __init__(
        self,
        *,
        coolify: Coolify,
        clock: Callable[[], float],
        pace: float,
        servers_every: float,
        known_servers: Callable[[], Iterable[str]],
    ) -> None:
        self._coolify = coolify
        self._clock = clock
        self._pace = pace
        self._servers_every = servers_every
        self._known_servers = known_servers
        self._servers: dict[str, payloads.Server] = {}
        self._servers_at = NEVER
        self._lock = anyio.Lock()
        self._duration = 0.0
        self._gap = CALM
        self._repaid_at = NEVER
        """When all lists so far have taken a twentieth of the time."""
        self._on_stir: Callable[[], None] = lambda: None
        self.snapshot = Snapshot()

    @property
    def pace(self) -> float:
        """Seconds that lie between two lists usually: max(the setting, 20 x the last duration)."""
        return max(self._pace, SHARE * self._duration)

    @property
    def is_stirred(self) -> bool:
        """A job of ours was queued a moment ago: its end is looked for sooner than at `pace`."""
        return self._gap < self._pace

    def on_stir(self, told: Callable[[], None]) -> None:
        """`told` is called at each `stir` from now on."""
        self._on_stir = told

    def stir(self) -> None:
        """A job of ours was queued just now: the next list may come at once, those after it ever later."""
        self._gap = SOONEST
        self._on_stir()

    def calm(self) -> None:
        """No end of a job is looked for: lists keep their usual pace."""
        self._gap = CALM

    def interval(self, usual: float) -> float:
        """Seconds from one list to the next: fewer than `usual` while stirred and nobody lacks requests."""
        if not self.is_stirred or not self._coolify.budget.is_ample():
            return usual
        return min(usual, max(self._gap, self._credit_at() - self._clock()))

    def _due_at(self) -> float:
        """When the next list may be asked for."""
        usual = self.snapshot.requested_at + self.pace
        if not self.is_stirred or not self._coolify.budget.is_ample():
            return usual
        return min(usual, max(self.snapshot.requested_at + self._gap, self._credit_at()))

    def _credit_at(self) -> float:
        """When one list more draws no more than `AHEAD` in advance."""
        return self._repaid_at + SHARE * self._duration - AHEAD

    async def younger_than(self, moment: float) -> Snapshot:
        """A snapshot requested after `moment` if pace allows a new list now, else the present one."""
        if self.snapshot.requested_at > moment:
            return self.snapshot
        async with self._lock:
            if self.snapshot.requested_at <= moment and self._clock() >= self._due_at():
                await self._renew()
        return self.snapshot

    async def renew(self) -> Snapshot:
        """A snapshot requested after this call began, whatever the pace."""
        began = self._clock()
        async with self._lock:
            if self.snapshot.requested_at <= began:
                await self._renew()
        return self.snapshot

    async def _renew(self) -> None:
        """Every server is listed anew. A server that fails keeps its old services, marked unknown."""
        requested_at = self._clock()
        self._gap *= GROWTH
        await self._renew_servers(requested_at)
        wanted = {*self._servers, *(uuid for uuid in self._known_servers() if uuid)}
        found: dict[str, payloads.ServiceEntry] = {}
        listed: dict[str, float] = {}
        unknown: set[str] = set()
        duration = 0.0
        for uuid in sorted(wanted):
            await self._coolify.budget.opened()
            began = self._clock()
            try:
                entries = await self._coolify.resources_on(uuid)
                listed[uuid] = requested_at
            except (errors.Transient, errors.UpstreamRefusal):
                unknown.add(uuid)
                known = {**self.snapshot.services, **self.snapshot.others}
                entries = [e for e in known.values() if e.server_uuid == uuid]
                listed[uuid] = self.snapshot.listed.get(uuid, NEVER)
            found |= {entry.uuid: entry for entry in entries}
            duration += self._clock() - began
        self._duration = duration
        self._repaid_at = max(self._repaid_at, requested_at) + SHARE * duration
        self.snapshot = Snapshot(
            services={uuid: one for uuid, one in found.items() if one.kind == payloads.SERVICE},
            others={uuid: one for uuid, one in found.items() if one.kind != payloads.SERVICE},
            servers=dict(self._servers),
            requested_at=requested_at,
            listed=listed,
            unknown=frozenset(unknown),
        )

    async def _renew_servers(self, now: float) -> None:
        if now - self._servers_at >= self._servers_every:
            self._servers = {server.uuid: server for server in await self._coolify.servers()}
            self._servers_at = now
