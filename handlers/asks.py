"""What one record asks for, and how a tenant's stacks fare together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers import amounts, demand, ledger, naming, records
from handlers.amounts import NOTHING, Demand
from handlers.eyes import Eyes
from handlers.placement import Queued
from listener import errors
from listener.compose.catalog import Catalog

OVER = ("retained", "closed")
"""Stages of a stack that is gone for good, or until somebody brings it back: nothing counts it any more."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one record asks for."""

    id: str
    tenant: records.TenantRecord | None
    tenant_id: str
    order: tuple[str, str]
    template: str
    need: Demand | None
    host: str
    wants: bool
    """It is to run: its record, its tenant and nobody's hold say so."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A tenant's stacks by how they fare; `lacks` is what the first in line waits for."""

    running: int = 0
    starting: int = 0
    resting: int = 0
    waiting: int = 0
    lacks: str = ""
    refused: int = 0
    over: int = 0
    """More than the tariff allows; they go on."""


def read(
    eyes: Eyes, catalog: Catalog, record: records.StackRecord, tenant: records.TenantRecord | None
) -> Ask:
    """What the record asks for, by its tier and template."""
    row, template = eyes.ledger.get(record.id), catalog.get(record.template)
    tier_id = tenant.tier if tenant else ""
    remembered = str((row.made if row else {}).get("wish", "running"))
    need = None
    if tenant is not None and template is not None:
        need = demand.tried(template.manifest, record, tier_id, eyes.tiers.get(tier_id))
    wants = (record.desired_state or remembered) == "running" and not record.hold
    return Ask(
        id=record.id,
        tenant=tenant,
        tenant_id=record.tenant_id,
        order=(record.created, record.id),
        template=record.template,
        need=need,
        host=_own_host(record, eyes.site.platform_domain),
        wants=wants and tenant is not None and tenant.is_active,
    )


def count(rows: Sequence[ledger.LedgerRow], queued: Sequence[Queued], *, refused: int, most: int) -> Counts:
    """From the ledger's rows of a tenant, and who of it waits in line; `most` stacks are allowed, 0 = any."""
    live = [row for row in rows if row.service_uuid and row.stage not in OVER]
    return Counts(
        running=sum(not row.stage and not row.start_open for row in live),
        starting=sum(not row.stage and row.start_open for row in live),
        resting=sum(bool(row.stage) for row in live),
        waiting=len(queued),
        lacks=amounts.missing(queued[0].lacks) if queued and queued[0].lacks != NOTHING else "",
        refused=refused,
        over=max(0, len(live) - most) if most else 0,
    )


def _own_host(record: records.StackRecord, platform: str) -> str:
    """The host name that is not the platform's, if the record has one that can be read."""
    try:
        host = naming.checked_host(record.domain, ())
    except errors.Refusal:
        return ""
    return "" if platform and host.endswith(f".{platform.lower()}") else host
