"""What to do about one tenant: pure. A project is made with the first stack that passes admission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import ledger, naming, projects, records, status, steps
from handlers.status import TenantStatus
from handlers.tenants import removal
from handlers.tenants.facts import TenantFacts
from listener import contract, errors
from listener.coolify import payloads

FOREIGN = "project_foreign"
"""Reason of a plan that waits for `cloudfreedom adopt --tenant`."""


def decide(facts: TenantFacts) -> contract.Plan:
    """The plan for one tenant: its project if a stack waits for it, and what its record shows."""
    record, row = facts.record, facts.ledger
    if record is None:
        return removal.leave(facts)
    if removal.is_doubtful(facts):
        return removal.check(facts)
    wakes = tuple(contract.Key(records.STACKS, stack) for stack in facts.stacks)
    has_project = row is not None and bool(row.project_uuid)
    if row is None and len(facts.marked) == 1:
        return _adopt(facts, facts.marked[0], wakes)
    if row is None and not facts.is_wished and not facts.has_stacks:
        return contract.Plan(key=facts.key, reason="without_stacks")
    if not facts.is_wished or has_project:
        return _show(facts, record, _shown(facts, record), wakes=wakes)
    return _wished(facts, record, row)


def _wished(facts: TenantFacts, record: records.TenantRecord, row: ledger.LedgerRow | None) -> contract.Plan:
    """A stack waits for the project, and none is known."""
    if facts.refusal:
        shown = {"listener_status": str(TenantStatus.BLOCKED), "listener_message": facts.refusal}
        return _show(facts, record, shown, blocked="refused")
    if facts.marked:
        return _adopt(facts, facts.marked[0], ())
    if row is not None and row.intent:
        return _settle(facts, record)
    if row is None and (facts.old or record.display.get("coolify_project_uuid")):
        return _foreign(facts, record)
    return _create(facts, record)


def window_ends(facts: TenantFacts) -> float:
    """When an ambiguous create of the project can no longer appear."""
    return max(facts.began_at, facts.effect_at) + facts.site.waits.settle


def _create(facts: TenantFacts, record: records.TenantRecord) -> contract.Plan:
    try:
        slug = naming.checked_name(record.slug, "tenant's slug")
    except errors.Refusal as refusal:
        shown = {"listener_status": str(TenantStatus.BLOCKED), "listener_message": refusal.message}
        return _show(facts, record, shown, blocked=refusal.code.lower())
    opening = steps.Record(
        ledger={
            "kind": records.TENANTS,
            "tenant_id": facts.id,
            "intent": {"what": "create", "begun": facts.now.isoformat()},
            "applied_spec": {"slug": slug},
        },
        show=status.difference(record.display, _waiting(facts)),
        entry=steps.Entry("project.create", "started"),
    )
    create = projects.CreateProject(naming.project_name(slug, facts.id), facts.marker)
    return contract.Plan(key=facts.key, steps=(opening, create), reason="create_project", again=0.0)


def _adopt(facts: TenantFacts, project: payloads.Project, wakes: tuple[contract.Key, ...]) -> contract.Plan:
    """A project with the full marker is ours: a lost answer or a lost ledger."""
    known = steps.Record(
        ledger={
            "kind": records.TENANTS,
            "tenant_id": facts.id,
            "project_uuid": project.uuid,
            "intent": None,
        },
        entry=steps.Entry("project.adopt", "done", "full marker", {"project_uuid": project.uuid}),
    )
    return contract.Plan(key=facts.key, steps=(known,), reason="adopted", again=0.0, wakes=wakes)


def _settle(facts: TenantFacts, record: records.TenantRecord) -> contract.Plan:
    waits, ends = facts.site.waits, window_ends(facts)
    since = facts.unmarked_since
    if facts.clock >= ends and since is not None and facts.projects_at - since >= waits.project:
        entry = steps.Entry("project.create", "failed", "no project carries the marker")
        forget = steps.Record(ledger={"intent": None}, entry=entry)
        return contract.Plan(key=facts.key, steps=(forget,), reason="create_did_not_happen", again=0.0)
    again = min(max(ends - facts.clock, waits.poll_busy), waits.settle)
    return _show(facts, record, _waiting(facts), again=again)


def _foreign(facts: TenantFacts, record: records.TenantRecord) -> contract.Plan:
    """There may be a project that we did not make: only a command adopts it."""
    shown = {
        "listener_status": str(TenantStatus.BLOCKED),
        "listener_message": facts.site.voice.say("project_foreign", slug=record.slug),
    }
    return _show(facts, record, shown, blocked=FOREIGN)


def _waiting(facts: TenantFacts) -> dict[str, Any]:
    return {
        "listener_status": str(TenantStatus.WAITING),
        "listener_message": facts.site.voice.say("tenant_project"),
    }


def _shown(facts: TenantFacts, record: records.TenantRecord) -> dict[str, Any]:
    say = facts.site.voice.say
    if record.hold:
        word, message = TenantStatus.SUSPENDED, say("suspended_hold", reason=record.hold)
    elif record.status == "active":
        word, message = TenantStatus.ACTIVE, f"{say('tenant_active')} {facts.counted}".strip()
    elif record.status == "pending":
        word, message = TenantStatus.WAITING, say("tenant_pending")
    else:
        word, message = TenantStatus.SUSPENDED, say("tenant_suspended")
    shown = {"listener_status": str(word), "listener_message": message}
    if facts.ledger is not None and facts.ledger.project_uuid:
        shown["coolify_project_uuid"] = facts.ledger.project_uuid
    return shown


def _show(
    facts: TenantFacts,
    record: records.TenantRecord,
    shown: Mapping[str, Any],
    *,
    again: float | None = None,
    wakes: tuple[contract.Key, ...] = (),
    blocked: str = "",
) -> contract.Plan:
    patch = status.difference(record.display, shown)
    acts = (steps.Record(show=patch),) if patch else ()
    return contract.Plan(
        key=facts.key,
        steps=acts,
        reason=blocked or str(shown["listener_status"]),
        message=str(shown["listener_message"]),
        again=again,
        wakes=wakes,
        blocked=blocked,
    )
