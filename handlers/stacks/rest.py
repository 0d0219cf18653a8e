"""Bring a service to rest: suspended, or stopped for deletion with its data kept.

Acknowledged is not done: a stop is believed when `exited` stands in two lists the confirm time apart, both
after our last start ended, and Coolify can reach the server.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from handlers import brake, naming, records, steps
from handlers.stacks import bring, byhand, erasure, last_copy, plans, purge
from handlers.stacks.desired import Desired, Refused, Want
from handlers.stacks.facts import StackFacts
from handlers.status import Health, Status, parse, stamp
from listener import contract
from listener.probe import verdict

STOP_FOR_DELETION = "stop_for_deletion"
"""Reason of the plan that first stops a running stack because it is to be deleted."""


def suspend(facts: StackFacts, want: Want) -> contract.Plan:
    """Stopped, seen stopped, and an edit saved without a start."""
    row = facts.ledger
    assert row is not None
    if row.stage == "retained":
        back: dict[str, Any] = {"stage": "stopped", "deletion_seen": None, "retention_days": 0}
        back |= {
            "purge_announced": None,
            "applied_spec": {**erasure.undone(row.made), brake.APPROVED: ""},
        }
        entry = steps.Entry("stack.undelete", "done", "into suspension")
        return plans.plan(
            facts, "undelete", (steps.Record(ledger=back, entry=entry),), {"purge_after": ""}, again=0.0
        )
    shown = _suspended(facts) | {"error_message": _remark(facts)}
    if isinstance(want, Refused):
        shown |= {"message": want.message, "error_message": want.staff}
    elif isinstance(want, Desired) and want.hash == facts.refused_hash:
        shown |= {"message": facts.refusal[1], "error_message": facts.refusal[2]}
    if row.stage == "stopped" and _rests(facts):
        if isinstance(want, Desired) and want.hash not in (row.applied_hash, facts.refused_hash):
            return bring.save(facts, want, shown)
        return plans.settled(facts, "suspended", shown, again=byhand.alarm_ends(facts))
    ended = steps.Record(
        ledger={
            "stage": "stopped",
            "start_open": False,
            "intent": None,
            "applied_spec": {**byhand.decided(row.made), "wish": _wish(facts)},
        },
        entry=steps.Entry("stack.suspend", "done", held=_held(facts)),
    )
    stopping = {"message": facts.say("stopping"), "error_message": byhand.alarm(facts)}
    return _stop(facts, "stack.suspend", {}, stopping) or plans.plan(facts, "suspended", (ended,), shown)


def delete(facts: StackFacts) -> contract.Plan:
    """Stopped, seen stopped, its domain freed, its data kept until the retention ends."""
    row = facts.ledger
    assert row is not None
    seen = row.deletion_seen or facts.now
    days = row.retention_days or _retention(facts)
    until = seen + timedelta(days=days)
    at = facts.site.voice.at(until)
    shown = plans.shown(
        facts, Status.DELETED, "retained", health=Health.UNKNOWN, staff=_remark(facts), until=at
    ) | {"purge_after": stamp(until)}
    if row.stage == "retained" and _rests(facts):
        return purge.retained(facts, shown)
    fixed = {"deletion_seen": seen.isoformat(), "retention_days": days}
    if facts.is_braked and row.stage == "":
        return _braked(facts, fixed)
    stopping = plans.shown(facts, Status.DELETING, "deleting", staff=byhand.alarm(facts))
    if row.stage != "stopped" or not _rests(facts):
        used = {"applied_spec": {**row.made, "deletion_stopped_at": facts.now.isoformat()}}
        plan = _stop(facts, "stack.delete", fixed | (used if row.stage == "" else {}), stopping)
        if plan is not None:
            is_first = row.stage == "" and plan.reason == "stop"
            return replace(plan, reason=STOP_FOR_DELETION) if is_first else plan
    if not isinstance(facts.look, naming.Proof):
        return plans.needs_look(facts)
    web = str(row.made.get("web_service") or "")
    freed = (steps.PatchService(facts.look, urls=((web, ""),)),) if web and row.domain else ()
    kept = {
        **fixed,
        "applied_spec": last_copy.rested(
            {**byhand.decided(row.made), "host": row.domain or row.made.get("host", "")}, facts.now
        ),
        "stage": "retained",
        "domain": "",
        "applied_hash": "",
        "start_open": False,
        "intent": None,
    }
    entry = steps.Entry("stack.delete", "done", "stopped; data kept", {"purge_after": stamp(until)})
    return plans.plan(facts, "retained", (*freed, steps.Record(ledger=kept, entry=entry)), shown)


def _braked(facts: StackFacts, fixed: dict[str, Any]) -> contract.Plan:
    """It runs on until it is its turn or staff approves; the retention is fixed all the same."""
    row = facts.ledger
    assert row is not None
    entry = steps.Entry("stack.delete", "started", "deletion_braked")
    acts = () if row.deletion_seen else (steps.Record(ledger=fixed, entry=entry),)
    shown = plans.shown(facts, Status.DELETING, "deletion_braked", staff=purge.BRAKED)
    return plans.plan(facts, "braked", acts, shown, again=facts.site.waits.resync)


def _stop(
    facts: StackFacts, verb: str, ledger: dict[str, Any], shown: dict[str, Any]
) -> contract.Plan | None:
    """The plan that leads to a confirmed stop, or None when it is confirmed now."""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    if facts.server is not None and facts.server.prunes_volumes:
        staff = (
            "SERVER_PRUNES_VOLUMES · a stopped stack's volumes would be deleted · the server's setting "
            "“delete unused volumes” is on · switch it off in Coolify: Server → Docker Cleanup"
        )
        show = {"message": facts.say("blocked"), "error_message": staff}
        return plans.blocked(facts, "server_prunes_volumes", show, again=waits.servers)
    if row.stage not in ("stopping", "stopped", "retained"):
        return _send_stop(facts, verb, ledger, shown)
    shown = _late(facts, shown)
    if not facts.is_fresh or facts.entry is None:
        return plans.settled(facts, "stopping", shown, again=waits.poll_busy)
    state, _ = parse(facts.entry.status)
    if state == "exited":
        return _confirm(facts, shown)
    seen_started = row.start_open and state == "running"
    if row.stage != "stopping" or seen_started or facts.clock - facts.stop_at >= waits.two_looks:
        over = {"start_open": False} if seen_started else {}
        return _send_stop(facts, verb, ledger | over, shown)
    return plans.settled(facts, "stopping", shown, again=waits.poll_busy)


def _late(facts: StackFacts, shown: dict[str, Any]) -> dict[str, Any]:
    """What the record says while a stop takes longer than it may."""
    waits = facts.site.waits
    if facts.stop_since is None or facts.clock - facts.stop_since < waits.stop:
        return shown
    text = facts.entry.status if facts.entry else "no such service"
    staff = (
        f"NOT_STOPPED · {waits.stop:.0f} s after the stop Coolify shows {text} · its queue stands still, "
        "it cannot reach the server, or someone starts it again at once · check server and queue in Coolify"
    )
    return {**shown, "message": facts.say("not_stopped"), "error_message": staff}


def _send_stop(facts: StackFacts, verb: str, ledger: dict[str, Any], shown: dict[str, Any]) -> contract.Plan:
    if not isinstance(facts.look, naming.Proof):
        return plans.needs_look(facts)
    row = facts.ledger
    told: tuple[steps.Record, ...] = ()
    if row is not None and byhand.is_started_again(facts):
        times = byhand.counted(facts)
        ledger = ledger | {"applied_spec": {**row.made, byhand.REASSERTED: times}}
        shown = {**shown, "error_message": byhand.alarm(facts, times) or shown.get("error_message", "")}
        told = byhand.told(facts, times)
    opening = steps.Record(
        ledger=ledger | {"stage": "stopping", "intent": None},
        show=shown,
        entry=steps.Entry(verb, "started"),
    )
    return contract.Plan(
        key=facts.key,
        steps=(*told, opening, steps.Stop(facts.look)),
        reason="stop",
        message=str(shown["message"]),
        again=facts.site.waits.poll_busy,
    )


def _confirm(facts: StackFacts, shown: dict[str, Any]) -> contract.Plan | None:
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    assert facts.exited_since is not None
    since = facts.exited_since
    if row.start_open:
        since = max(since, bring.start_ends(facts, waits.deploy))
    due = since + waits.confirm
    if facts.listed_at < due:
        word = {**shown, "message": facts.say("confirming", until=facts.when(due))}
        return plans.settled(facts, "confirming", word, again=min(plans.until(facts, due), waits.poll))
    if not isinstance(facts.look, naming.Proof) or facts.look.read_at < facts.exited_since:
        return plans.needs_look(facts)
    if not facts.look.server_status:
        if facts.clock - facts.look.read_at >= waits.poll:
            return plans.needs_look(facts)
        return plans.waiting(facts, "waiting_upstream", seconds=waits.poll)
    return None


def _rests(facts: StackFacts) -> bool:
    """Nothing that counts says it runs again (a person pressed start in Coolify, or the host came back)."""
    if facts.entry is None or not facts.is_fresh:
        return True
    return parse(facts.entry.status)[0] == "exited"


def _held(facts: StackFacts) -> str:
    """The reason that staff gave, on the stack or on its tenant."""
    return (facts.record.hold if facts.record else "") or (facts.tenant.hold if facts.tenant else "")


def _suspended(facts: StackFacts) -> dict[str, Any]:
    record, tenant = facts.record, facts.tenant
    hold = _held(facts)
    if hold:
        return plans.shown(facts, Status.SUSPENDED, "suspended_hold", health=Health.UNKNOWN, reason=hold)
    own = record is not None and record.desired_state == "suspended"
    code = "suspended" if own or tenant is None else "suspended_tenant"
    return plans.shown(facts, Status.SUSPENDED, code, health=Health.UNKNOWN)


def _remark(facts: StackFacts) -> str:
    """What staff reads of a stack at rest; mostly nothing."""
    return byhand.alarm(facts) or _still(facts)


def _still(facts: StackFacts) -> str:
    """What staff reads when Coolify says that it is stopped, and its domain answers all the same."""
    row, seen = facts.ledger, facts.witness
    if row is None or seen is None or seen.word not in (verdict.Word.GOOD, verdict.Word.OTHER):
        return ""
    return (
        f"STILL_ANSWERING · Coolify shows it stopped, and {row.domain or row.made.get('host')} answers: "
        f"{seen.reason} · containers may have been left behind, or the domain leads elsewhere · "
        f"on the host: docker ps --filter label=com.docker.compose.project={row.service_uuid}"
    )


def _wish(facts: StackFacts) -> str:
    """What an empty `desired_state` will mean from now on: no change."""
    own = facts.record.desired_state if facts.record else ""
    return own or str((facts.ledger.made if facts.ledger else {}).get("wish", "running"))


def _retention(facts: StackFacts) -> int:
    """Days, fixed when the deletion is first seen: the tier's, 30 when unknown, at least 1."""
    return (facts.tier.retention_days if facts.tier else 0) or records.RETENTION_DAYS
