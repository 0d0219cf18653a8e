"""The end of a tenant's project: deleted when tenant and stacks are gone, made anew when somebody removed it.

Pure. Coolify deletes a project only while nothing at all is in it, so no data can be lost with one; what
people put there by hand keeps it alive.
"""

from __future__ import annotations

from handlers import naming, projects, steps
from handlers.tenants.facts import TenantFacts
from listener import contract

CLOSED = "closed"


def asks(facts: TenantFacts) -> bool:
    """Coolify's list of projects is needed before anything can be said."""
    row = facts.ledger
    if facts.record is not None or row is None:
        return is_doubtful(facts)
    return bool(
        facts.gone
        and row.project_uuid
        and row.stage != CLOSED
        and not facts.live
        and facts.clock >= facts.kept_until
    )


def is_doubtful(facts: TenantFacts) -> bool:
    """The tenant is there, and its project may not be: a create said so, or its deletion was begun."""
    row = facts.ledger
    if row is None or not row.project_uuid:
        return False
    return facts.is_doubted or row.stage == CLOSED or _is_leaving(facts)


def leave(facts: TenantFacts) -> contract.Plan:
    """The record is gone: the project follows when the last of its stacks is purged."""
    row = facts.ledger
    if row is None or not row.project_uuid or row.stage == CLOSED:
        return _idle(facts, "gone")
    if not asks(facts):
        kept = "project_in_use" if facts.live else "project_kept"
        return _idle(facts, kept if facts.gone else "absence_unproven")
    if facts.project is None:
        return _missing(facts, {"stage": CLOSED, "intent": None}, "project_deleted")
    if naming.read(facts.project.description) != facts.marker:
        return _idle(facts, "project_foreign")
    entry = steps.Entry("project.delete", "started", detail={"project_uuid": row.project_uuid})
    opening = steps.Record(ledger={"intent": {"what": "delete", "begun": facts.now.isoformat()}}, entry=entry)
    delete = projects.DeleteProject(row.project_uuid)
    acts = (delete,) if _is_leaving(facts) else (opening, delete)
    return contract.Plan(key=facts.key, steps=acts, reason="delete_project", again=facts.site.waits.project)


def check(facts: TenantFacts) -> contract.Plan:
    """Is the project of a living tenant there? If two lists say no, the next stack makes another."""
    if facts.project is None:
        return _missing(facts, {"stage": "", "intent": None, "project_uuid": ""}, "project_lost")
    entry = steps.Entry("project.delete", "failed", "the tenant is back")
    back = steps.Record(ledger={"stage": "", "intent": None}, entry=entry)
    return contract.Plan(key=facts.key, steps=(back,), reason="project_found", again=0.0)


def _missing(facts: TenantFacts, ledger: dict[str, object], reason: str) -> contract.Plan:
    """Believed when two lists, some seconds apart and younger than our last effect, do not have it."""
    since, apart = facts.missing_since, facts.site.waits.project
    if since is None or facts.projects_at - since < apart:
        return contract.Plan(key=facts.key, reason="project_missing", again=apart)
    uuid = facts.ledger.project_uuid if facts.ledger else ""
    entry = steps.Entry(reason.replace("_", "."), "done", detail={"project_uuid": uuid})
    return contract.Plan(
        key=facts.key, steps=(steps.Record(ledger=ledger, entry=entry),), reason=reason, again=0.0
    )


def _is_leaving(facts: TenantFacts) -> bool:
    intent = facts.ledger.intent if facts.ledger else None
    return bool(intent and intent.get("what") == "delete")


def _idle(facts: TenantFacts, reason: str) -> contract.Plan:
    return contract.Plan(key=facts.key, reason=reason)
