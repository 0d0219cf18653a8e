"""Where a stack may run, and who waits for room: servers and the line before them. Pure.

In the line the tier's priority comes first, then the order of creation. Nobody overtakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from handlers.amounts import GIGABYTE, NOTHING, Demand, missing
from handlers.refusals import refusal
from listener import errors

PLANNED_SHARE = 0.85
"""Share of a server's memory that stacks are expected to use at most, whatever their limits promise."""

Order = tuple[int, str, str]
"""Sorts who comes first: minus the tier's priority, time of creation, record id."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server's room for stacks: totals less reserves. 0 = not set = no limit."""

    uuid: str
    name: str
    cpus: float = 0.0
    memory_mb: int = 0
    disk_mb: int = 0
    cpu_overcommit: float = 1.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0
    """How often the disk may be promised, while its use is known; once otherwise."""
    is_disk_known: bool = False
    is_disk_low: bool = False
    """Less is free than must stay free: nothing new that stores data."""
    drains: bool = False
    tiers: frozenset[str] = frozenset()
    """Tiers that it takes; empty = all."""
    dedicated_to: str = ""
    is_default: bool = False
    is_swarm: bool = False
    cores: float = 0.0
    """All that it has, reserves included: more than these no single container may use."""

    @property
    def is_bounded(self) -> bool:
        """It has any figures at all."""
        return bool(self.cpus or self.memory_mb or self.disk_mb or self.cores)

    @property
    def promised(self) -> Demand:
        """What may be booked on it in all; 0 = not set."""
        return Demand(
            self.cpus * self.cpu_overcommit,
            int(self.memory_mb * self.memory_overcommit),
            int(self.memory_mb * PLANNED_SHARE),
            int(self.disk_mb * (self.disk_overcommit if self.is_disk_known else 1.0)),
        )

    def at_best(self) -> Server:
        """The same server with its disk measured and empty."""
        return replace(self, is_disk_known=True, is_disk_low=False)

    def lacks(self, booked: Demand, need: Demand) -> Demand:
        """What is missing for `need` beside what is booked; nothing means that it fits."""
        most, wanted = self.promised, booked + need
        disk = max(0, wanted.disk_mb - most.disk_mb) if most.disk_mb and need.disk_mb else 0
        if self.is_disk_low:
            disk = max(disk, need.disk_mb)
        cpus = max(0.0, wanted.cpus - most.cpus) if most.cpus and need.cpus else 0.0
        return Demand(
            max(cpus, need.widest - self.cores) if self.cores else cpus,
            max(0, wanted.memory_mb - most.memory_mb) if most.memory_mb and need.memory_mb else 0,
            max(0, wanted.planned_mb - most.planned_mb) if most.planned_mb and need.planned_mb else 0,
            disk,
        )


@dataclass(frozen=True, slots=True)
class Asker:
    """A stack that its tenant's quota allows, and what it still needs of a server."""

    id: str
    order: Order
    need: Demand
    servers: tuple[str, ...]
    """Where it may be, best first."""
    whole: Demand
    """All that it would use, what it holds already included."""


@dataclass(frozen=True, slots=True)
class Placed:
    """It fits on this server."""

    server: str


@dataclass(frozen=True, slots=True)
class Queued:
    """It waits: `place` counts from 1, `lacks` is what is missing on the server where most of it fits."""

    place: int
    server: str
    lacks: Demand


@dataclass(frozen=True, slots=True)
class TooSmall:
    """It fits on none of its servers, even if they were empty."""

    lacks: Demand


@dataclass(frozen=True, slots=True)
class Swarm:
    """Its only server runs Docker Swarm, on which Coolify refuses the actions of single services."""

    server: str


Place = Placed | Queued | TooSmall | Swarm


def too_small(lacks: Demand) -> errors.Refusal:
    """The refusal of what fits on no server."""
    return refusal(
        "SERVER_TOO_SMALL",
        what="no server is large enough for this stack",
        why=f"{missing(lacks)} are missing on the largest, were it empty",
        fix="lower its limits, or add a larger server to `servers`",
        lacks=missing(lacks),
    )


def is_swarm(server: str) -> errors.Refusal:
    """The refusal of a server of the wrong kind."""
    return refusal(
        "SERVER_SWARM",
        what=f"server {server} runs Docker Swarm",
        why="Coolify answers 501 to the actions of single services there, so nothing could be stopped again",
        fix="name another server on the tenant, or take this one out of `servers`",
    )


def line_up(
    askers: Iterable[Asker], servers: Mapping[str, Server], booked: Mapping[str, Demand]
) -> dict[str, Place]:
    """By id, who starts where and who waits. Nobody overtakes: whoever waits keeps others off his servers."""
    books, shut, places = dict(booked), set[str](), dict[str, Place]()
    waiting = 0
    for asker in sorted(askers, key=lambda one: one.order):
        named = [servers[uuid] for uuid in asker.servers if uuid in servers]
        emptied = {one.uuid: one.at_best().lacks(NOTHING, asker.whole) for one in named}
        possible = [one for one in named if emptied[one.uuid] == NOTHING]
        if named and not possible:
            places[asker.id] = TooSmall(min(emptied.values(), key=_weight))
            continue
        free = [one for one in possible if one.uuid not in shut]
        lacks = {one.uuid: one.lacks(books.get(one.uuid, NOTHING), asker.need) for one in possible}
        fitting = next((one for one in free if lacks[one.uuid] == NOTHING), None)
        if fitting is not None:
            books[fitting.uuid] = books.get(fitting.uuid, NOTHING) + asker.need
            places[asker.id] = Placed(fitting.uuid)
            continue
        waiting += 1
        nearest = min(possible, key=lambda one: _weight(lacks[one.uuid]), default=None)
        shut |= {one.uuid for one in possible}
        lack = lacks[nearest.uuid] if nearest else NOTHING
        places[asker.id] = Queued(waiting, nearest.name if nearest else "", lack)
    return places


def _weight(lack: Demand) -> float:
    return max(lack.memory_mb, lack.planned_mb) + lack.disk_mb + lack.cpus * GIGABYTE


def candidates(
    servers: Iterable[Server], *, tenant_id: str, tier: str, named: str, needs_own: bool
) -> tuple[str, ...]:
    """Where a new stack of this tenant may be, best first: the default server, then the others by name.

    `named` is what the tenant's record says, a uuid or a name: that one and no other. `needs_own` leaves the
    shared ones out.
    """
    known = sorted(servers, key=lambda one: (not one.is_default, one.name, one.uuid))
    if named:
        chosen = [one for one in known if named in (one.uuid, one.name)]
        return tuple(one.uuid for one in chosen if not one.drains) if chosen else (named,)
    open_ = [one for one in known if not one.drains and (not one.tiers or tier in one.tiers)]
    own = [one.uuid for one in open_ if one.dedicated_to == tenant_id]
    if own or needs_own:
        return tuple(own)
    return tuple(one.uuid for one in open_ if not one.dedicated_to)
