"""Which stack a service belongs to that no ledger row knows: records name services, and may name a wrong one.

Fields of records are a display and may be forged, so a claim only withholds something, or is shown to a
person who decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handlers import ledger, records
from listener.pocketbase.client import PocketBase, quoted

FIELDS = (
    "id,tenant_id,stack_name,status,coolify_service_uuid,coolify_project_uuid,expand.tenant_id.slug,"
    "expand.tenant_id.id"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One stack record, as far as it says where its service is."""

    id: str
    tenant_id: str
    slug: str
    stack_name: str
    status: str
    service_uuid: str
    project_uuid: str

    @property
    def name(self) -> str:
        """How people call the stack."""
        return f"{self.slug or self.tenant_id}/{self.stack_name}"


async def read(database: PocketBase, service_uuid: str = "") -> tuple[Claim, ...]:
    """What every record says, or those that name this service."""
    wanted = f"coolify_service_uuid={quoted(service_uuid)}" if service_uuid else ""
    rows = await database.list(records.STACKS, filter=wanted, fields=FIELDS, expand="tenant_id")
    return tuple(
        Claim(
            id=row["id"],
            tenant_id=str(row.get("tenant_id") or ""),
            slug=str(((row.get("expand") or {}).get("tenant_id") or {}).get("slug") or ""),
            stack_name=str(row.get("stack_name") or ""),
            status=str(row.get("status") or ""),
            service_uuid=str(row.get("coolify_service_uuid") or ""),
            project_uuid=str(row.get("coolify_project_uuid") or ""),
        )
        for row in rows
    )


def owners(service_uuid: str, name: str, claims: Iterable[Claim], known: ledger.Ledger) -> tuple[str, ...]:
    """Record ids of the stacks that the service may belong to: none, one, or several that contend.

    The ledger decides; else the only record that names the service; of several the one whose `stack_name` is
    the service's name, which is how services were named before the listener.
    """
    owner = known.owner_of(service_uuid)
    if owner is not None:
        return (owner,)
    naming = [claim for claim in claims if claim.service_uuid == service_uuid]
    alike = [claim for claim in naming if claim.stack_name == name]
    return tuple(claim.id for claim in (alike if len(alike) == 1 else naming))
