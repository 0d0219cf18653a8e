"""Which projects in Coolify may be a tenant's from before the listener, and who lives in them."""

from __future__ import annotations

from collections.abc import Sequence

from handlers import claims, naming, records
from handlers.eyes import Eyes
from handlers.tenants import adopt
from listener.coolify import payloads


async def survey(
    eyes: Eyes,
    tenant: records.TenantRecord,
    projects: Sequence[payloads.Project],
    *,
    named: str = "",
) -> tuple[adopt.Found, ...]:
    """The unmarked projects that may be the tenant's, or the one that a person named, whatever it is."""
    said, marker = await claims.read(eyes.database), naming.Marker(eyes.site.inst, tenant.id)
    return tuple(
        [
            await _inside(eyes, tenant, project, said)
            for project in projects
            if (project.uuid == named if named else adopt.is_candidate(project, tenant, said, marker))
        ]
    )


async def _inside(
    eyes: Eyes, tenant: records.TenantRecord, project: payloads.Project, said: Sequence[claims.Claim]
) -> adopt.Found:
    services = tuple(await eyes.coolify.services_in(project.uuid))
    living = {owner for one in services for owner in _owners(eyes, one, said)}
    strangers = (one for one in said if one.id in living and one.tenant_id != tenant.id)
    return adopt.Found(project, services, tuple(strangers))


def _owners(eyes: Eyes, service: payloads.ServiceDetail, said: Sequence[claims.Claim]) -> tuple[str, ...]:
    marker = naming.read(service.description)
    if marker is not None and marker.inst == eyes.site.inst:
        return (marker.stack,)
    return claims.owners(service.uuid, service.name, said, eyes.ledger)
