"""What the handlers remember between two looks and may forget at any time: sightings, proofs, evidence.

Losing it costs a second look, never a wrong effect: everything that must survive is in the ledger.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers import absence, naming, swept
from listener.dns import verdict as proofs
from listener.probe import verdict

NEVER = float("-inf")
Watcher = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]
"""Record id, what the record showed, and the fields that it shows now."""


@dataclass(slots=True)
class Sighting:
    """One key as last looked at. Times are on the listener's clock, in seconds."""

    effect_at: float = NEVER
    """When our last effect on it was answered or timed out: older views do not count."""
    exited_since: float | None = None
    """Request time of the first of an unbroken row of lists that said `exited`."""
    exited_last: float = NEVER
    unmarked_since: float | None = None
    """Request time of the first complete list after the settle window without our marker."""
    strange_since: float | None = None
    """When a look by uuid first found it missing or foreign."""
    stop_at: float = NEVER
    """When it was last told to stop."""
    start_at: float = NEVER
    """When it was last told to start, by this process."""
    stop_since: float | None = None
    """When it was first told to stop, while no list has shown `exited` since."""
    away_at: float = NEVER
    """When Coolify was last known not to reach or use its server."""
    is_restart_seen: bool = True
    """What runs now was started by our last start: it was not running before, or was seen down since."""
    look: naming.Look | None = None
    look_entry: tuple[str, str] = ("", "")
    """Name and `updated_at` of the list entry when the proof was read."""
    refused_hash: str = ""
    refusal: tuple[str, str, str] = ("", "", "")
    """Spec hash at which Coolify refused, and (code, message, staff text)."""
    action_done: tuple[str, float] = ("", NEVER)
    deleted_heard: bool = False
    autopsy: str = ""
    """What could be known of why it does not run well, read once; until something is done about it."""
    witness: verdict.Verdict | None = None
    """What its domain answered when it was last asked."""
    is_scheduled: bool | None = None
    """Its scheduled tasks are those of its rows; False when a row changed since, None when nobody looked."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """What its record shows, as read or written last, and its `tenant_id`."""
    settled: object = None
    """Fingerprint of record and entry when the key was last settled."""
    failures: int = 0
    """Runs in a row that ended in an error that passes."""
    broken: tuple[str, int, float] = ("", 0, NEVER)
    """Spec hash, how often Coolify answered 5xx to it since an effect of it was accepted, and when last."""
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    """Of a stack that has no ledger row yet: its hash must stay the same from look to look."""
    stuck: tuple[float, str, str] = (NEVER, "", "")
    """Coolify refused what no edit changes (a stop, a name): not asked again before; message, staff text."""


@dataclass(slots=True)
class Sought:
    """A domain that waits for its proof. Times are on the listener's clock, in seconds."""

    question: proofs.Question
    since: float
    asked_at: float = NEVER
    verdict: proofs.Verdict | None = None
    """What was learned last; that nothing was learned replaces nothing."""


@dataclass(slots=True)
class Memory:
    """Everything forgettable, by record id."""

    clock: Callable[[], float]
    began_at: float
    """When this process took the lease: an effect of an earlier process may still be on its way then."""
    sightings: dict[str, Sighting] = field(default_factory=dict)
    project_wishes: set[str] = field(default_factory=set)
    """Tenants of whom a stack passed admission and waits for the project."""
    project_doubts: set[str] = field(default_factory=set)
    """Tenants whose project Coolify did not find when a service was to be made in it."""
    project_holds: set[str] = field(default_factory=set)
    """Tenants who wait for a person's word about an older project."""
    markers: dict[tuple[str, str], naming.Marker | None] = field(default_factory=dict)
    """By uuid and `updated_at`: what the description of a service says that no ledger row knows."""
    sought: dict[str, Sought] = field(default_factory=dict)
    """By stack: the own domain whose proof is looked for, or was found."""
    absent: dict[str, absence.Verdict] = field(default_factory=dict)
    """By collection: what the last proven sweep says about ledger ids that it did not return."""
    urgent: set[str] = field(default_factory=set)
    """Records that staff wants stopped at once: they go before everything else until something was done."""
    tenant_of: dict[str, str] = field(default_factory=dict)
    """By stack: the tenant whose turns it shares, as an event or a list said. No evidence: it is kept."""

    swept: swept.SweptRows = field(default_factory=swept.SweptRows)
    """Records as the last sweep read them, to be looked at."""
    watchers: list[Watcher] = field(default_factory=list)
    """Told of all that is shown on stacks."""

    def forget(self) -> None:
        """Nothing is remembered, as after a start: another process may have acted meanwhile."""
        self.began_at = self.clock()
        self.sightings.clear()
        self.project_wishes.clear()
        self.project_doubts.clear()
        self.project_holds.clear()
        self.markers.clear()
        self.absent.clear()
        self.sought.clear()
        self.swept.begin()

    def learn_tenants(self, listed: Mapping[str, str], known_before: set[str]) -> None:
        """`tenant_of` is this whole list, and what became known since the list was asked for."""
        since = {stack: tenant for stack, tenant in self.tenant_of.items() if stack not in known_before}
        self.tenant_of = {**since, **listed}

    def of(self, record_id: str) -> Sighting:
        """The sighting of a record, new if there is none."""
        return self.sightings.setdefault(record_id, Sighting())

    def affected(self, since: float, until: float) -> set[str]:
        """Those whose last effect was answered in that span: a list asked for at `until` is the first that
        counts for them. The one before may have shown what was done, and then this shows nothing new.
        """
        return {record_id for record_id, seen in self.sightings.items() if since <= seen.effect_at < until}

    def show(self, record_id: str, fields: Mapping[str, Any]) -> None:
        """The record shows these fields now."""
        seen = self.of(record_id)
        self.swept.heard(record_id)
        before, seen.shown = seen.shown, {**seen.shown, **fields}
        for watcher in self.watchers:
            watcher(record_id, before, fields)

    def effect(self, record_id: str) -> None:
        """An effect on this record was answered or timed out just now: what was seen before is stale."""
        seen = self.of(record_id)
        seen.effect_at = self.clock()
        seen.exited_since = None
        seen.unmarked_since = None
        seen.autopsy = ""

    def commanded(self, record_id: str, action: str, *, is_stale: bool) -> None:
        """A person's action was cleared: it is looked at anew, whatever was refused or strange before."""
        seen = self.of(record_id)
        seen.refused_hash, seen.broken, seen.stuck = "", ("", 0, NEVER), (NEVER, "", "")
        if not isinstance(seen.look, naming.Proof):
            seen.look, seen.strange_since = None, None
        if (sought := self.sought.get(record_id)) is not None:
            sought.asked_at = NEVER
        if not is_stale:
            seen.action_done = (action, self.clock())

    def listed(self, record_id: str, *, state: str, requested_at: float) -> None:
        """A list requested at this time says that the service is in this state."""
        seen = self.of(record_id)
        if requested_at <= seen.effect_at:
            return
        if state != "running":
            seen.is_restart_seen = True
        if state != "exited":
            seen.exited_since = None
        else:
            seen.stop_since = None
            seen.exited_since = seen.exited_since or requested_at
        seen.exited_last = max(seen.exited_last, requested_at)
