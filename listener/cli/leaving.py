"""What is being deleted: by record, or by the ledger alone where the record is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import brake, ledger, records
from handlers.eyes import ID_VIEWS
from handlers.stacks import last_copy
from listener.cli import rows
from listener.pocketbase.client import PocketBase

WAITS = "waits"
"""Of the deletions that still run, those that the brake holds back, or that nobody has looked at so far."""
STAGES = {"": WAITS, "stopping": "stopping", "stopped": "stopping", "retained": "kept"}


@dataclass(frozen=True, slots=True)
class Leaving:
    """One stack on its way out whose data is still there."""

    id: str
    tenant: str
    """The tenant's slug, or its id where the record is gone too."""
    stack: str
    record: str
    """`there`, or `gone` when it was deleted in PocketBase."""
    stage: str
    """waits (it runs on) · stopping · kept (stopped, its data there) · purging."""
    since: str
    until: str
    """Until when its data is kept."""
    approved: str
    """What staff approved: `stop`, `purge`, or nothing."""
    backup: str
    """Its last copy: `proven`, `waived` by staff, or nothing so far."""
    service_uuid: str
    wish: str = "running"
    """What it is to do when it comes back."""
    tenant_id: str = ""

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.tenant}/{self.stack}"

    @property
    def wanted(self) -> str:
        """All of them are wanted deleted."""
        return "deleted"

    @property
    def waits(self) -> bool:
        """The brake holds it back and nobody approved it."""
        return self.stage == WAITS and self.approved != "stop"

    def json(self) -> dict[str, str]:
        """Every field, by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Room:
    """What the brake lets go within an hour."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on its way out, and the brake."""

    stacks: Sequence[Leaving]
    room: Room
    tenants: Mapping[str, str]
    """Tenants whose record is gone and may come back: id to slug."""
    hidden: int = 0
    """Stacks that a list rule keeps from us: they are not gone."""


async def read(known: PocketBase) -> Board:
    """As PocketBase holds it now."""
    kept = [ledger.LedgerRow.read(row) for row in await known.list(ledger.COLLECTION)]
    stacks = [row for row in kept if row.kind == records.STACKS]
    there = {row["id"]: records.stack(row) for row in await known.list(records.STACKS)}
    hidden = {row["id"] for row in await known.list(ID_VIEWS[records.STACKS])} - there.keys()
    slugs = {row["id"]: str(row.get("slug") or row["id"]) for row in await known.list(records.TENANTS)}
    projects = [row for row in kept if row.kind == records.TENANTS and row.stage != "closed"]
    gone = {row.id: str(row.made.get("slug") or row.id) for row in projects if row.id not in slugs}
    names = {**gone, **slugs}
    found = [
        _leaving(row, there.get(row.id), names.get(row.tenant_id, row.tenant_id))
        for row in stacks
        if row.service_uuid and row.stage != "closed" and row.id not in hidden
        if is_leaving(row, there.get(row.id))
    ]
    since = datetime.now(UTC) - brake.HOUR
    used = sum(brake.went_since(row, since) for row in stacks)
    limit = brake.limit(sum(row.stage != "closed" for row in stacks))
    order = sorted(found, key=lambda one: (one.tenant, one.stack))
    return Board(order, Room(used, limit), gone, len(hidden))


def chosen(board: Board, named: str, *, tenant: str, since: timedelta | None) -> list[Leaving]:
    """The stacks that are meant: one, a tenant's, or all; of those only what was deleted within `since`.

    What the listener has not looked at so far was deleted just now.
    """
    if named:
        exact = [one for one in board.stacks if named in (one.id, one.stack, one.name)]
        return [rows.choose(named, exact, why="nothing of that id or name is being deleted")]
    oldest = _text(datetime.now(UTC) - since) if since else ""
    return [
        one
        for one in board.stacks
        if (not tenant or tenant in (one.tenant, one.tenant_id)) and (not one.since or one.since >= oldest)
    ]


def tenants(board: Board, found: Sequence[Leaving], *, tenant: str) -> dict[str, str]:
    """Tenants that are gone and have to come back first: the one that is meant, and those of `found`."""
    owners = {one.tenant_id for one in found}
    return {one: slug for one, slug in board.tenants.items() if one in owners or tenant in (one, slug)}


def is_leaving(row: ledger.LedgerRow, record: records.StackRecord | None) -> bool:
    """An orphan is nobody's deletion: `cloudfreedom orphans` has it."""
    if record is None and row.orphan:
        return False
    return record is None or record.desired_state == "deleted" or row.stage == "retained"


def _leaving(row: ledger.LedgerRow, record: records.StackRecord | None, tenant: str) -> Leaving:
    seen = row.deletion_seen
    until = seen + timedelta(days=max(row.retention_days, 1)) if seen else None
    return Leaving(
        id=row.id,
        tenant=tenant,
        stack=record.stack_name if record else str(row.made.get("stack_name") or row.id),
        record="there" if record else "gone",
        stage="purging" if (row.intent or {}).get("what") == "delete" else STAGES[row.stage],
        since=_text(seen),
        until=_text(until),
        approved=str(row.made.get(brake.APPROVED) or ""),
        backup=_backup(row),
        service_uuid=row.service_uuid,
        wish=str(row.made.get("wish") or "running"),
        tenant_id=row.tenant_id,
    )


def _backup(row: ledger.LedgerRow) -> str:
    if row.made.get(last_copy.PROVEN):
        return "proven"
    return "waived" if row.made.get(last_copy.WAIVED) else ""


def _text(moment: Any) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes") if moment else ""
