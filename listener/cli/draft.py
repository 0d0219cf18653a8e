"""From what was typed to the records as they would be, and the writes that make them so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers import records
from listener import errors
from listener.cli import listing, reach, show
from listener.pocketbase.client import PocketBase, Row, quoted
from listener.pocketbase.writer import Write


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed. None means: not said, leave as it is."""

    tenant: str
    template: str
    name: str
    domain: str | None = None
    env_file: Path | None = None
    create_tenant: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Both rows as they would read, and the writes, in their order."""

    tenant: Row
    stack: Row
    writes: tuple[Write, ...]
    is_new: bool

    @property
    def name(self) -> str:
        """How people call the stack."""
        return f"{self.tenant['slug']}/{self.stack['stack_name']}"

    @property
    def makes_tenant(self) -> bool:
        """The tenant is new, too."""
        return len(self.writes) > 1

    @property
    def tier(self) -> str:
        """The tenant's tariff."""
        return records.tenant(self.tenant).tier


async def draft(known: PocketBase, order: Order, variables: Mapping[str, str] | None) -> Draft:
    """The draft of an order; an existing stack keeps what was not said.

    Raises `TENANT_UNKNOWN`, `TIER_UNKNOWN`.
    """
    tenant, writes = await _tenant(known, order)
    condition = f"tenant_id={quoted(tenant['id'])} && stack_name={quoted(order.name)}"
    row = await known.page_first(records.STACKS, f"{condition} && desired_state!='deleted'")
    body: dict[str, Any] = {"template": order.template, "desired_state": "running"}
    if variables is not None:
        config = row.get("config") if row else None
        body["config"] = {**(config if isinstance(config, dict) else {}), "env_vars": dict(variables)}
    if order.domain is not None:
        body["domain"] = order.domain
    if row is None:
        body |= {"tenant_id": tenant["id"], "stack_name": order.name, "status": "pending"}
        write = Write("POST", records.STACKS, reach.new_id(), body)
    else:
        write = Write("PATCH", records.STACKS, row["id"], {**body, "action": "reconcile"})
    stack = {**(row or {}), **body, "id": write.id, "action": "", "expand": {"tenant_id": tenant}}
    return Draft(tenant, stack, (*writes, write), is_new=row is None)


async def _tenant(known: PocketBase, order: Order) -> tuple[Row, tuple[Write, ...]]:
    """The tenant, and the write that makes it if it is a new one."""
    row = await known.page_first(records.TENANTS, f"slug={quoted(order.tenant)}")
    if row is not None:
        if order.create_tenant is not None:
            tier = records.tenant(row).tier
            show.line(f"Tenant {order.tenant} exists already ({tier}); it is left as it is.")
        return row, ()
    if order.create_tenant is None:
        raise listing.unknown_tenant(order.tenant)
    if order.tier is not None:
        await must_be_tier(known, order.tier)
    body = {"name": order.create_tenant, "slug": order.tenant, "type": "public", "status": "active"}
    body |= {"plan_tier": order.tier} if order.tier else {}
    write = Write("POST", records.TENANTS, reach.new_id(), body)
    return {**body, "id": write.id}, (write,)


async def must_be_tier(known: PocketBase, tier: str) -> None:
    """There is a tariff of that name; raises `TIER_UNKNOWN` otherwise."""
    tiers = sorted(row["id"] for row in await known.list("plan_tiers", fields="id"))
    if tier not in tiers:
        raise errors.Refusal(
            "TIER_UNKNOWN",
            f"There is no tariff {tier!r}.",
            why="`plan_tiers` has no such row",
            fix=f"choose one of {', '.join(tiers)}",
        )
