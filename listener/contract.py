"""The one page where machinery and policy meet.

The engine moves keys and calls a `Handler`; a handler turns a key into a `Plan` and a plan into an
`Outcome`. Neither side imports the other: both import this.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What the queue carries: a collection's name and a record's id. State is read when the work is done."""

    collection: str
    id: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class Change:
    """Look at this key. `deleted` says that a delete event named it: evidence of absence, no more.

    `group` is whose turn it shares as far as the event says, else empty.
    """

    key: Key
    deleted: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The feed was (re)connected and subscribed just now: whatever happened before may have been missed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """Our own lease renewal came back on the stream: transport, identity and the lease's rule are alive."""

    fence: int
    holder: str


class Feed(Protocol):
    """A stream of changes that reconnects by itself and never ends."""

    def events(self) -> AsyncGenerator[Change | Gap | Pulse, None]:
        """Changes as they come; a `Gap` after each subscribe, the first included. Iterate in `aclosing`."""
        ...

    def reconnect(self, reason: str) -> None:
        """Drop the present connection and make a new one (a heartbeat did not come back)."""
        ...


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The lease row as read or as just written: who holds it, and the fence that every renewal raises."""

    fence: int
    holder: str


class LeaseStore(Protocol):
    """Where the one lease row lives."""

    async def read(self) -> LeaseState:
        """The row as it is now."""
        ...

    async def advance(self, *, fence: int, holder: str) -> LeaseState | None:
        """Compare-and-swap: `holder` and fence + 1 if the fence is still `fence`, else None."""
        ...


class Step(Protocol):
    """One idempotent action of a plan. Its hands (clients, ledger) are given to it by the handler."""

    def describe(self) -> str:
        """One printable line, without secrets."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What `decide` chose for one key: printable, and empty when nothing has to be done.

    `reason` is a stable lower-snake code; `message` is what people read on the record; `again` is the
    number of seconds after which the key wants to be looked at again although nothing happened.
    """

    key: Key
    steps: tuple[Step, ...] = ()
    reason: str = "settled"
    message: str = ""
    again: float | None = None
    wakes: tuple[Key, ...] = ()
    blocked: str = ""
    basis: str = ""
    """Fingerprint of what people asked for and Coolify shows. After a failure the same basis is no reason to
    try again before its time: our own report on the record is news of nothing."""

    def lines(self) -> list[str]:
        """The plan as text, one line a step."""
        return [step.describe() for step in self.steps]


@dataclass(frozen=True, slots=True)
class Settled:
    """Wanted and actual agree; nothing to do until something changes."""

    wakes: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """Look again after `after` seconds: something is in flight or waits for a time to come."""

    after: float
    wakes: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """Needs a person, or an edit of the record; nothing is touched until then."""

    reason: str
    wakes: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Parked:
    """A bug met this key; it is retried every 15 minutes and counted."""

    reason: str
    wakes: tuple[Key, ...] = ()


Outcome = Settled | Again | Blocked | Parked


class Handler(Protocol):
    """Policy for one collection. It does not know how it was woken or how often it is retried."""

    collection: str

    def group(self, key: Key) -> str:
        """The name under which the queue takes turns (a tenant): no group starves another."""
        ...

    async def sweep(self) -> Iterable[Key]:
        """Read the lists, and return the keys for which wanted and actual may differ."""
        ...

    def noticed(self, change: Change) -> None:
        """A change was heard: keep the evidence (a delete event), decide nothing."""
        ...

    async def plan(self, key: Key) -> Plan:
        """Observe and decide; no effect."""
        ...

    async def apply(self, plan: Plan) -> Outcome:
        """Carry the plan out, step by step, and write back what was observed."""
        ...

    async def report(self, key: Key, error: Exception) -> None:
        """Put an error that ended a run onto the record, in words; must not raise for a missing record."""
        ...


@dataclass(frozen=True, slots=True)
class Waits:
    """Every wait of the product in one place, in seconds. `build()` makes it from the settings."""

    beat: float = 5.0
    """Renewal of the lease; also the heartbeat expected back on the stream."""
    lease_stale: float = 15.0
    """A leader begins nothing when its last acknowledged renewal was sent longer ago than this."""
    takeover: float = 25.0
    """A standby takes over after the fence did not move for this long on its own clock."""
    confirm: float = 150.0
    """Two lists this far apart must say `exited` before a stop is believed."""
    settle: float = 90.0
    """After an ambiguous create nothing is created for this long (create time-out 30 s + 60 s)."""
    settle_lists: float = 10.0
    """The two lists that must show no marker after the settle window are at least this far apart."""
    two_looks: float = 60.0
    """A known service that is 404 or foreign is looked at twice, this far apart, before it is believed."""
    resync: float = 300.0
    """Full sweep of PocketBase."""
    poll: float = 60.0
    """List of Coolify's resources when nothing is in flight."""
    poll_busy: float = 5.0
    """The same while something deploys or stops."""
    absence: float = 600.0
    """A record's absence must be seen in two sweeps at least this far apart."""
    deploy: float = 600.0
    """Default deadline of a deploy; a template may name its own."""
    stop: float = 300.0
    """Deadline of a stop, after which it is asked for again."""
    orphan: float = 86400.0
    """Between finding a service of ours without a record and stopping it."""
    purge: float = 3600.0
    """Between the announcement of a purge and the DELETE, with lease and `exited` unbroken."""
    alert: float = 120.0
    """What passes by itself must hold for so long to be an alert; and any be gone for so long to be over."""
    alert_group: float = 10.0
    """For how long an alert waits for others that come with it."""
    slow_retry: float = 900.0
    """Retry after a deadline or a bug."""
    backoff_first: float = 1.0
    """First backoff of a key after a transient failure; full jitter, doubling."""
    backoff_last: float = 900.0
    """Ceiling of that backoff."""
    breaker_probe: float = 10.0
    """Half-open probe after a global failure, at the earliest."""
    drain: float = 20.0
    """Time that running work gets to finish on SIGTERM."""
    servers: float = 600.0
    """How long `GET /servers` is believed."""
    project: float = 10.0
    """Two project lists this far apart after an ambiguous project create."""
