"""Stacks and tenants as they are listed, and which one a person means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from handlers import records
from listener import errors
from listener.pocketbase.client import PocketBase, quoted


class Named(Protocol):
    """Whatever a person can mean: a stack by its record, or by its marker in Coolify."""

    @property
    def id(self) -> str:
        """The record's id."""
        ...

    @property
    def name(self) -> str:
        """How people call it."""
        ...

    @property
    def wanted(self) -> str:
        """running, suspended or deleted, or empty where that is not known."""
        ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Stack:
    """What is shown of one row of `agent_stacks`: nothing of its configuration."""

    id: str
    tenant: str
    """The tenant's slug."""
    stack: str
    template: str
    domain: str
    wanted: str
    """running, suspended or deleted, as record, tenant and hold ask for."""
    status: str
    health: str
    message: str
    error_message: str
    action: str
    service_uuid: str
    last_deploy: str
    purge_after: str
    """Until when a deleted stack's data is kept."""
    desired_state: str
    """What the record alone asks for; empty = running at first, later no change."""
    hold: str
    tier: str
    tenant_stops: str
    """Why its tenant keeps it from running; empty when it does not."""

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.tenant}/{self.stack}"

    @property
    def rests(self) -> str:
        """Why it may not run, whatever its own `desired_state`: a hold, or its tenant."""
        return f"it is on hold: {self.hold}" if self.hold else self.tenant_stops

    def json(self) -> dict[str, str]:
        """Every field, by name."""
        return asdict(self)


def stack(row: Mapping[str, Any]) -> Stack:
    """A stack from its row, read with `expand=tenant_id`."""
    record = records.stack(row)
    owner = (row.get("expand") or {}).get("tenant_id")
    tenant = records.tenant(owner) if owner else None
    shown = {name: str(record.display.get(name) or "") for name in records.STACK_DISPLAY}
    stops = _stops(tenant)
    rests = record.hold or stops
    wanted = record.desired_state or "running"
    return Stack(
        id=record.id,
        tenant=tenant.slug if tenant else record.tenant_id,
        stack=record.stack_name,
        template=record.template,
        domain=record.domain,
        wanted="suspended" if rests and wanted == "running" else wanted,
        status=shown["status"],
        health=shown["health"],
        message=shown["message"],
        error_message=shown["error_message"],
        action=record.action,
        service_uuid=shown["coolify_service_uuid"],
        last_deploy=shown["last_deploy"],
        purge_after=shown["purge_after"],
        desired_state=record.desired_state,
        hold=record.hold,
        tier=tenant.tier if tenant else "",
        tenant_stops=stops,
    )


def _stops(tenant: records.TenantRecord | None) -> str:
    if tenant is None or tenant.is_active:
        return ""
    return f"its tenant is on hold: {tenant.hold}" if tenant.hold else f"its tenant is {tenant.status}"


async def stacks(known: PocketBase, *, tenant: str = "") -> list[Stack]:
    """Every stack, or those of one tenant's slug, by tenant and name."""
    condition = f"tenant_id.slug={quoted(tenant)}" if tenant else ""
    found = await known.list(records.STACKS, filter=condition, expand="tenant_id")
    return sorted((stack(row) for row in found), key=lambda one: (one.tenant, one.stack, one.id))


async def read(known: PocketBase, record_id: str) -> Stack | None:
    """One stack as it is now, or None when PocketBase shows none of that id."""
    row = await known.get(records.STACKS, record_id, expand="tenant_id")
    return stack(row) if row else None


async def pick(known: PocketBase, named: str) -> Stack:
    """The stack that a record id, `tenant/stack`, or a unique stack name means; deleted ones come last.

    Raises `STACK_UNKNOWN` or `STACK_AMBIGUOUS`.
    """
    slug, _, name = named.rpartition("/")
    condition = f"stack_name={quoted(name)}"
    condition += f" && tenant_id.slug={quoted(slug)}" if slug else f" || id={quoted(name)}"
    rows = await known.list(records.STACKS, filter=condition, expand="tenant_id")
    return choose(named, [stack(row) for row in rows])


def choose(named: str, found: Sequence[N], *, why: str = "no record has that id or name") -> N:
    """The one that is meant, among those of that id or name; deleted ones come last."""
    by_id = [one for one in found if one.id == named]
    alive = [one for one in found if one.wanted != "deleted"]
    chosen = by_id or alive or found
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise errors.Terminal(
            "STACK_UNKNOWN",
            f"there is no stack {named!r}",
            why=why,
            fix="`cloudfreedom list` shows all; name one by its id, by tenant/stack, or by a unique name",
        )
    raise errors.Terminal(
        "STACK_AMBIGUOUS",
        f"{named!r} means {len(chosen)} stacks",
        why=", ".join(f"{one.name} ({one.id})" for one in chosen),
        fix="name one by its id or by tenant/stack",
    )


async def tenants(known: PocketBase) -> list[dict[str, object]]:
    """Every tenant as a printable row, by slug."""
    owned: dict[str, int] = {}
    for one in await known.list(records.STACKS, fields="tenant_id,desired_state"):
        owned[one["tenant_id"]] = owned.get(one["tenant_id"], 0) + (one["desired_state"] != "deleted")
    found = [records.tenant(row) for row in await known.list(records.TENANTS)]
    return [
        {
            "tenant": one.slug,
            "name": one.name,
            "status": "hold" if one.hold else one.status,
            "tier": one.tier,
            "stacks": owned.get(one.id, 0),
            "listener": one.display.get("listener_status") or "",
            "message": one.display.get("listener_message") or "",
            "id": one.id,
        }
        for one in sorted(found, key=lambda one: one.slug)
    ]
