"""`cloudfreedom erase`: of a deleted stack, or of a tenant without stacks, nothing personal stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from handlers import ledger, records
from handlers.requests import erase as erasing
from listener import errors
from listener.cli import command, configured, reach, rows, show
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase, quoted

Confirm = Callable[[str], bool]
STAGES = {"retained": "kept", "closed": "purged"}
"""Of the stages in the ledger, those of a stack that can be erased."""
LIVE = "live"
GOES = (
    "Goes:    service and volumes in Coolify (an hour after this at the earliest), record, secrets, "
    "schedules, alerts, tombstones, ledger row; every text, reason and detail in audit and requests."
)
STAYS = (
    "Remains: of each row of the audit verb, outcome, times, ids, actor; who asked for this, and why; "
    "backups and logs of PocketBase, logs of Coolify, and copies of volumes elsewhere."
)
TENANT = (
    "Of the tenant: name, slug, domain, owners, hold; its id, tier and numbers remain, its project as well."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One stack of which something is kept."""

    id: str
    tenant: str
    """The tenant's slug, or its id where the record is gone."""
    stack: str
    record: str
    """`there`, or `gone`."""
    stage: str
    """live · kept (stopped, its data there) · purged."""
    tenant_id: str = ""

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.tenant}/{self.stack}"

    @property
    def wanted(self) -> str:
        """Live ones are no candidates while a deleted one has the name."""
        return LIVE if self.stage == LIVE else "deleted"


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant that is meant: by its record, or by the ledger where that is gone."""

    id: str
    slug: str


def stack(named: str, reason: str, *, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The leader was asked to erase the deleted stack, also one whose record is gone."""
    return reach.run(partial(_stack, named, _reason(reason), yes, confirm, seconds))


def tenant(named: str, reason: str, *, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The leader was asked to erase the tenant's deleted stacks; and itself, if it has none any more."""
    return reach.run(partial(_tenant, named, _reason(reason), yes, confirm, seconds))


async def _stack(named: str, reason: str, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        found = [one for one in await _kept(known) if named in (one.id, one.stack, one.name)]
        if not found and await known.page_first("stack_operations", f"stack_id={quoted(named)}"):
            found = [Kept(named, "", named, "gone", "purged")]
        deleted = [one for one in found if one.stage != LIVE]
        chosen = rows.choose(named, deleted or found, why="nothing is kept of a stack of that id or name")
        if chosen.stage == LIVE:
            raise _live([chosen])
        _told([chosen])
        if not command.agreed(f"Erase {chosen.name} for good?", yes=yes, confirm=confirm):
            return Exit.FAILED
        return await command.carried_out(known, erasing.VERB, chosen.id, {"reason": reason}, seconds)


async def _tenant(named: str, reason: str, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        meant = await _meant(known, named)
        found = [one for one in await _kept(known) if one.tenant_id == meant.id]
        live, deleted = _parted(found)
        if live and not deleted:
            raise _live(live)
        _told(deleted, TENANT if not found else "")
        for one in live:
            show.line(f"{one.name} ({one.id}) is not deleted and stays: delete it first.")
        if not command.agreed(_question(meant, deleted), yes=yes, confirm=confirm):
            return Exit.FAILED
        if not found:
            return await command.carried_out(known, erasing.VERB, meant.id, {"reason": reason}, seconds)
        worst = Exit.REFUSED if live else Exit.DONE
        for one in deleted:
            show.line(one.name)
            answer = await command.carried_out(known, erasing.VERB, one.id, {"reason": reason}, seconds)
            worst = answer if answer is not Exit.DONE else worst
        show.line(f"When its stacks are gone, run this again: then tenant {meant.slug} itself is erased.")
        return worst


async def _kept(known: PocketBase) -> list[Kept]:
    """Every stack that has a record or a row in the ledger."""
    kept = [ledger.LedgerRow.read(row) for row in await known.list(ledger.COLLECTION)]
    stacks = {row.id: row for row in kept if row.kind == records.STACKS}
    there = {row["id"]: records.stack(row) for row in await known.list(records.STACKS)}
    slugs = {row["id"]: str(row.get("slug") or row["id"]) for row in await known.list(records.TENANTS)}
    found = [_one(one, stacks.get(one), there.get(one), slugs) for one in {**stacks, **there}]
    return sorted(found, key=lambda one: (one.tenant, one.stack, one.id))


def _one(
    record_id: str,
    row: ledger.LedgerRow | None,
    record: records.StackRecord | None,
    slugs: Mapping[str, str],
) -> Kept:
    owner = record.tenant_id if record else row.tenant_id if row else ""
    made: Mapping[str, Any] = row.made if row else {}
    return Kept(
        id=record_id,
        tenant=slugs.get(owner, owner),
        stack=record.stack_name if record else str(made.get("stack_name") or record_id),
        record="there" if record else "gone",
        stage=STAGES.get(row.stage if row else "", LIVE),
        tenant_id=owner,
    )


async def _meant(known: PocketBase, named: str) -> Tenant:
    is_named = f"slug={quoted(named)} || id={quoted(named)}"
    if row := await known.page_first(records.TENANTS, is_named):
        return Tenant(row["id"], str(row["slug"]))
    for kept in await known.list(ledger.COLLECTION, filter=f"kind={quoted(records.TENANTS)}"):
        row_of = ledger.LedgerRow.read(kept)
        if named in (row_of.id, row_of.made.get("slug")):
            return Tenant(row_of.id, str(row_of.made.get("slug") or row_of.id))
    raise errors.Terminal(
        "TENANT_UNKNOWN",
        f"there is no tenant {named!r}",
        why="neither a record nor the ledger has that slug or id",
        fix="`cloudfreedom tenants` shows all",
    )


def _parted(found: Sequence[Kept]) -> tuple[list[Kept], list[Kept]]:
    """The live ones, and those that can be erased."""
    live = [one for one in found if one.stage == LIVE]
    return live, [one for one in found if one not in live]


def _question(meant: Tenant, deleted: Sequence[Kept]) -> str:
    count = len(deleted)
    what = (
        f"{count} stack{'' if count == 1 else 's'} of tenant {meant.slug}"
        if count
        else f"tenant {meant.slug}"
    )
    return f"Erase {what} for good?"


def _told(found: Sequence[Kept], more: str = "") -> None:
    """The blast radius: which stacks, what goes, what remains."""
    columns = ("tenant", "stack", "record", "stage", "id")
    if found:
        show.columns([{name: str(getattr(one, name)) for name in columns} for one in found])
    for line in (more, GOES, STAYS):
        if line:
            show.line(line)


def _live(found: Sequence[Kept]) -> errors.Refusal:
    return errors.Refusal(
        "ERASE_REFUSED",
        "Nothing was erased: only a deleted stack that is stopped can be erased.",
        why="not deleted, or not seen stopped yet: " + ", ".join(f"{one.name} ({one.id})" for one in found),
        fix="delete it first: `cloudfreedom delete`, and wait until it is `deleted`",
    )


def _reason(given: str) -> str:
    """The reason, which stays in the audit; raises `REASON_UNFIT` for what may be about a person."""
    if erasing.REASON.fullmatch(given):
        return given
    raise errors.Terminal(
        "REASON_UNFIT",
        "nothing was asked for",
        why="the reason stays in the audit, so it may hold nothing about a person",
        fix="give the number of the letter or ticket: up to 40 letters, digits and ._/#-",
    )
