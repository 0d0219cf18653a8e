"""The end of a deleted stack's data: announced, waited for, proven, deleted, seen gone.

When the retention is over and a copy is proven, or staff wants none, the purge is announced. At the earliest
an hour of continuous lease later, with the service listed as exited throughout, its server functional and the
clocks agreeing, it is read once more and deleted with every flag spelled out. An undelete works until the
intent is written.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from handlers import brake, naming, steps
from handlers.ledger import LedgerRow
from handlers.stacks import erasure, last_copy, plans
from handlers.stacks.facts import StackFacts
from handlers.status import Health, Status, stamp
from listener import contract

SKEW = 300.0
"""Seconds by which the clocks of this host and of both upstreams may differ."""
BRAKED = (
    "DELETION_BRAKED · more stacks are to go within an hour than may without approval · a mistake would take "
    "them all · if it is meant: `cloudfreedom approve --waiting`, or wait; if not: `cloudfreedom undelete`"
)
LONGEST_LOOK = 3600.0
"""Seconds after which a retained stack is looked at again, however far its purge is."""


def retained(facts: StackFacts, shown: dict[str, Any]) -> contract.Plan:
    """The plan for a stack that rests in retention: nothing, an announcement, or the purge."""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    if row.orphan and not brake.is_approved(row):
        return plans.settled(facts, "orphan", shown, again=LONGEST_LOOK)
    left = (due(row, facts.now) - facts.now).total_seconds()
    if left > 0:
        return plans.settled(facts, "retained", shown, again=min(left, LONGEST_LOOK))
    if facts.lacks_copy:
        unproven = {**shown, "message": facts.say("purge_unproven"), "error_message": last_copy.LACKING}
        return plans.settled(facts, "unproven", unproven, again=LONGEST_LOOK)
    if row.purge_announced is None:
        return _announce(facts)
    moment = _earliest(facts, row)
    if facts.clock < moment or facts.skew > SKEW:
        again = min(max(moment - facts.clock, waits.poll), LONGEST_LOOK)
        return plans.settled(facts, "purge_announced", _announced(facts, row.purge_announced), again=again)
    return _now(facts, row)


def _now(facts: StackFacts, row: LedgerRow) -> contract.Plan:
    """Nothing but the brake and one more look stands before the DELETE."""
    waits = facts.site.waits
    if facts.is_braked:
        shown = {"message": facts.say("purge_braked"), "error_message": BRAKED}
        return plans.settled(facts, "braked", shown, again=waits.resync)
    if not facts.is_fresh or facts.entry is None:
        return plans.settled(facts, "looking", {}, again=waits.poll_busy)
    if not isinstance(facts.look, naming.Proof) or facts.look.read_at < facts.clock:
        return plans.needs_look(facts)
    if not facts.look.server_status:
        return plans.waiting(facts, "waiting_upstream", seconds=waits.poll)
    return _purge(facts, row, facts.look)


def finish(facts: StackFacts) -> contract.Plan:
    """The DELETE was begun: repeated while the service is there, closed when it is seen to be gone."""
    row, waits, look = facts.ledger, facts.site.waits, facts.look
    assert row is not None
    if isinstance(look, naming.Missing) and look.read_at > facts.effect_at:
        closed = {"stage": "closed", "intent": None, "domain": "", "blocked": "", **erasure.emptied(row)}
        entry = steps.Entry("stack.purge", "done", detail={"service_uuid": row.service_uuid})
        if erasure.is_asked(row):
            acts = (steps.Record(ledger=closed, entry=entry), erasure.step(row))
            return contract.Plan(key=facts.key, steps=acts, reason="erase")
        return plans.plan(facts, "purged", (steps.Record(ledger=closed, entry=entry),), _purged(facts))
    listed = facts.entry is not None or not facts.is_fresh or not facts.list_is_complete
    if listed and facts.clock - facts.effect_at < waits.stop:
        return plans.settled(facts, "purging", _purging(facts), again=waits.poll_busy)
    if not isinstance(look, naming.Proof) or look.read_at < facts.clock:
        return plans.needs_look(facts)
    return plans.plan(facts, "purging", (steps.DeleteService(look),), _purging(facts), again=waits.poll_busy)


def closed(facts: StackFacts) -> contract.Plan:
    """A purged stack stays purged: whatever its record asks for comes too late."""
    asks = facts.record is not None and facts.record.desired_state != "deleted"
    return plans.settled(facts, "closed", _too_late(facts) if asks else _purged(facts))


def due(row: LedgerRow, now: datetime) -> datetime:
    """When the retention ends; a purge asked for by staff skips it, not the hour and not the proof."""
    if row.made.get("purge_now"):
        return now
    return (row.deletion_seen or now) + timedelta(days=max(row.retention_days, 1))


def _earliest(facts: StackFacts, row: LedgerRow) -> float:
    """On the listener's clock: an hour after announcement, start of the term, and first `exited`."""
    assert row.purge_announced is not None
    announced = facts.clock - (facts.now - row.purge_announced).total_seconds()
    exited = facts.exited_since if facts.exited_since is not None else facts.clock
    return float(max(announced, facts.began_at, exited) + facts.site.waits.purge)


def _announce(facts: StackFacts) -> contract.Plan:
    entry = steps.Entry("stack.purge", "started", "announced")
    act = steps.Record(ledger={"purge_announced": stamp(facts.now)}, entry=entry)
    shown = _announced(facts, facts.now)
    return plans.plan(facts, "purge_announced", (act,), shown, again=facts.site.waits.purge)


def _purge(facts: StackFacts, row: LedgerRow, proof: naming.Proof) -> contract.Plan:
    opening = steps.Record(
        ledger={
            "intent": {"what": "delete", "begun": facts.now.isoformat()},
            "applied_spec": {**row.made, "purged_at": facts.now.isoformat()},
        },
        show={} if facts.record is None else _purging(facts),
        entry=steps.Entry("service.delete", "started", detail={"service_uuid": proof.uuid}),
    )
    return contract.Plan(
        key=facts.key,
        steps=(opening, steps.DeleteService(proof)),
        reason="purge",
        message=facts.say("purging"),
        again=facts.site.waits.poll_busy,
    )


def _announced(facts: StackFacts, since: datetime) -> dict[str, Any]:
    at = facts.site.voice.at(since + timedelta(seconds=facts.site.waits.purge))
    return plans.shown(facts, Status.DELETED, "purge_announced", health=Health.UNKNOWN, at=at)


def _purging(facts: StackFacts) -> dict[str, Any]:
    return plans.shown(facts, Status.DELETED, "purging", health=Health.UNKNOWN)


def _purged(facts: StackFacts) -> dict[str, Any]:
    return plans.shown(facts, Status.DELETED, "purged", health=Health.UNKNOWN) | {"purge_after": ""}


def _too_late(facts: StackFacts) -> dict[str, Any]:
    return plans.shown(facts, Status.DELETED, "too_late", health=Health.UNKNOWN) | {"purge_after": ""}
