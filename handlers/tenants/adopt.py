"""Adoption of a project that was there before the listener: by a person's word only, and never a shared one.

Pure. Name and description are stamped; the services in it stay as they are and where they are, and each is
adopted by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers import claims, ledger, naming, projects, records, steps
from listener import contract, errors
from listener.coolify import payloads

INTENT = "adopt"


@dataclass(frozen=True, slots=True)
class Found:
    """A project that may be the tenant's, and what lives in it."""

    project: payloads.Project
    services: tuple[payloads.ServiceDetail, ...]
    strangers: tuple[claims.Claim, ...]
    """Stacks of other tenants whose services live in it."""


def is_candidate(
    project: payloads.Project,
    tenant: records.TenantRecord,
    said: Sequence[claims.Claim],
    marker: naming.Marker,
) -> bool:
    """The project carries the tenant's marker, or nobody's and the tenant or one of its records names it."""
    carried = naming.read(project.description)
    if carried is not None:
        return carried == marker
    named = {claim.project_uuid for claim in said if claim.tenant_id == tenant.id}
    named.add(str(tenant.display.get("coolify_project_uuid") or ""))
    return project.name == f"cf-tenant-{tenant.slug}" or project.uuid in named


def chosen(
    tenant: records.TenantRecord | None,
    row: ledger.LedgerRow | None,
    found: Sequence[Found],
    *,
    marker: naming.Marker,
    named: str,
) -> Found:
    """The one project that is free to become the tenant's; raises `ADOPT_REFUSED` with the reason else."""
    if tenant is None:
        raise _refused("the tenant's record does not exist", "name another tenant with --tenant")
    free = [one for one in found if not one.strangers]
    if row is not None and row.project_uuid not in ("", *(one.project.uuid for one in free)):
        raise _refused(
            f"the listener's ledger knows this tenant's project already: {row.project_uuid}", "nothing to do"
        )
    if row is not None and row.intent and row.intent.get("what") != INTENT:
        raise errors.Transient("PROJECT_UNDER_WAY", "adopt: the tenant's project is being made just now")
    if not found and named:
        raise _refused(f"Coolify has no project {named} that this token can see", "name another one")
    if not found:
        raise _refused(
            f"Coolify has no project cf-tenant-{tenant.slug}, and no record of this tenant names one that is "
            "free",
            "name one with --project; a new and empty one will do",
        )
    if len(free) > 1:
        both = ", ".join(f"{one.project.name} ({one.project.uuid})" for one in free)
        raise _refused(f"{len(free)} projects match: {both}", "name one of them with --project")
    return _free((free or found)[0], marker)


def _free(found: Found, marker: naming.Marker) -> Found:
    if naming.read(found.project.description) not in (None, marker):
        raise _refused(
            "the project's description carries the marker of another installation or tenant",
            "name another one with --project",
        )
    if found.strangers:
        who = ", ".join(f"{one.name} ({one.id})" for one in found.strangers)
        raise _refused(
            f"the project is shared: services of other tenants' stacks live in it: {who}",
            "leave it as it is: each service can be adopted where it is, and the listener makes a project of "
            "its own with the tenant's next stack",
        )
    return found


def project(
    tenant: records.TenantRecord, found: Found, marker: naming.Marker, begun: str
) -> tuple[contract.Step, ...]:
    """The steps that make the project the tenant's. Cut anywhere, they are repeated.

    The intent keeps the tenant's handler from making another one meanwhile.
    """
    key = contract.Key(records.TENANTS, tenant.id)
    slug = naming.checked_name(tenant.slug, "tenant's slug")
    detail = {"project_uuid": found.project.uuid, "name_was": found.project.name}
    opening = steps.Record(
        of=key,
        ledger={
            "kind": records.TENANTS,
            "tenant_id": tenant.id,
            "intent": {"what": INTENT, "begun": begun},
        },
        entry=steps.Entry("project.adopt", "started", detail=detail),
    )
    closing = steps.Record(
        of=key,
        ledger={"project_uuid": found.project.uuid, "intent": None, "applied_spec": {"slug": slug}},
        entry=steps.Entry("project.adopt", "done", detail=detail),
    )
    stamp = projects.StampProject(found.project.uuid, naming.project_name(slug, tenant.id), marker)
    return (opening, stamp, closing)


def _refused(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("ADOPT_REFUSED", "Nothing was adopted.", why=why, fix=fix)
