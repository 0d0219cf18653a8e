"""Stacks that need a person: blocked, there before the listener, stuck, or orphaned; each with its command.

Read from PocketBase alone, as the listener wrote it down: no look at Coolify, whatever the number of stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import brake, ledger, orphans
from handlers.eyes import REQUESTS
from handlers.stacks import hosts
from listener import app
from listener.cli import lease, rows
from listener.cli.doctor import report, scene
from listener.pocketbase.client import PocketBase

UNKNOWN = report.skipped("not asked: PocketBase has not let us in")
OVERVIEW = "stack_overview"
ERROR, BLOCKED, PENDING, UNDER_WAY = 0, 1, 3, 4
"""`attention` in the overview: failed · blocked · pending for 5 minutes · deploying or deleting for 10."""
PART = " · "
"""Between the parts of what a record says for staff: code, what, why, what helps."""
FIX = 2
"""Where the help stands behind the code."""
AGAIN = ", then `action: retry`"
NEW = "for a new service"
"""Beginning of that help where there is nothing to adopt (`handlers.stacks.foreign`)."""
MOST = 5
"""Lines for one kind of trouble; the rest is counted."""
COMMANDS = {
    "SERVICE_MISSING": "recreate",
    "SERVICE_FOREIGN": "retry",
    "STOPPED_AGAIN": "restart",
    "NEEDS_APPROVAL": "approve",
    "DELETION_BRAKED": "approve",
}
"""Code -> the command that ends it, once its cause is gone; any other is told by `explain`."""
BEATS = 4
"""A command is carried out within one; one that is open for longer is heard by nobody."""
NOBODY = "`cloudfreedom run`: no listener leads"
NOT_HEARD = "see the check “this listener” on the host of the leader, which `cloudfreedom status` names"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One stack, and what is the matter with it."""

    name: str
    text: str
    fix: str


async def blocked(here: scene.Scene) -> list[report.Line]:
    """Stacks for which nothing is done until a person acts."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    known = here.database.client
    overview = await _overview(known, (ERROR, BLOCKED))
    told = {one.id: one for one in await rows.stacks(known)} if overview else {}
    found = [_blocked(told[row["id"]]) for row in overview if row["id"] in told]
    return _lines(found, "none needs a person")


async def foreign(here: scene.Scene) -> list[report.Line]:
    """Stacks that something else made, and that nobody has given to the listener yet."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    known = here.database.client
    remembered = {row["id"] for row in await known.list(ledger.COLLECTION, fields="id")}
    found = [
        _foreign(one)
        for one in await rows.stacks(known)
        if one.id not in remembered and (one.service_uuid or one.status in hosts.FOREIGN_STATUS)
    ]
    return _lines(found, "the ledger knows every stack that runs")


async def stuck(here: scene.Scene) -> list[report.Line]:
    """Stacks that are on their way for longer than that may take, and commands that nobody carried out."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    known = here.database.client
    is_led = (await lease.read(known)).is_led
    late = await _overview(known, (PENDING, UNDER_WAY))
    told = {one.id: one for one in await rows.stacks(known)} if late else {}
    catalog, found = app.load_catalog(here.settings, set_aside=True), []
    for row in late:
        one = told.get(row["id"])
        template = catalog.get(one.template) if one else None
        deadline = template.manifest.health.deadline / 60 if template and row["status"] == "deploying" else 0
        if one is not None and row["age"] > deadline:
            found.append(_stuck(one, row["age"], is_led=is_led))
    return [*_lines(found, "none is on its way for too long"), *await _requests(here, known, is_led=is_led)]


async def orphaned(here: scene.Scene) -> list[report.Line]:
    """Services of ours without a record, as the listener found them."""
    if here.database is None or not here.is_known:
        return [UNKNOWN]
    book = ledger.Ledger()
    await book.load(here.database.client)
    alive = orphans.alive(book)
    waiting = [row for row in alive if not brake.is_approved(row)]
    found = [
        Trouble(
            str(row.made.get("service_name") or row.id),
            f"found {row.orphan[:10]} without a record; its data is kept until you say otherwise",
            "put the record back with the same id and tenant, or let it go: "
            f"`cloudfreedom orphans approve {row.id}`",
        )
        for row in waiting
    ]
    rest = len(alive) - len(waiting)
    return _lines(found, f"{rest} approved, going by themselves" if rest else "none")


async def _overview(known: PocketBase, kinds: Iterable[int]) -> Sequence[Any]:
    """Rows of those kinds, those that have waited longest first."""
    condition = " || ".join(f"attention={kind}" for kind in kinds)
    found = await known.list(OVERVIEW, filter=condition)
    return sorted(found, key=lambda row: (row["attention"], -row["age"]))


async def _requests(here: scene.Scene, known: PocketBase, *, is_led: bool) -> list[report.Line]:
    """Commands to the leader that nobody took."""
    most = timedelta(seconds=here.settings.waits().beat * BEATS)
    now = datetime.now(UTC)
    left = [
        f"{row['verb']} {row['target']}"
        for row in await known.list(REQUESTS, filter="state='open'", fields="id,verb,target,created")
        if now - datetime.fromisoformat(row["created"]) > most
    ]
    if not left:
        return []
    fix = NOT_HEARD if is_led else NOBODY
    return [report.warning(f"commands that nobody carries out: {', '.join(left[:MOST])}", fix)]


def _blocked(one: rows.Stack) -> Trouble:
    """What the record says for staff: its code, what was seen, and the command that ends it."""
    code, *parts = one.error_message.split(PART)
    command = COMMANDS.get(code)
    text = f"{code}, {parts[0]}" if parts else one.message or one.status
    told = parts[FIX].removesuffix(AGAIN) if len(parts) > FIX else ""
    if command is None:
        return Trouble(
            one.name, text, f"{told or 'look closer'}; `cloudfreedom explain {one.name}` says more"
        )
    first = f"{told}, then " if command == "retry" and told else ""
    return Trouble(one.name, text, f"{first}`cloudfreedom {command} {one.name}`")


def _stuck(one: rows.Stack, minutes: int, *, is_led: bool) -> Trouble:
    text = f"{one.status} for {minutes} minutes" + (f": {one.message}" if one.message else "")
    look = f"`cloudfreedom explain {one.name}` says what it waits for"
    return Trouble(one.name, text, f"`cloudfreedom apply {one.name}`; {look}" if is_led else NOBODY)


def _foreign(one: rows.Stack) -> Trouble:
    """Which command, the record says: there is something to adopt, or there is not."""
    _, what, *rest = [*one.error_message.split(PART), "it was there before the listener"][:4]
    command = "recreate" if rest and rest[-1].startswith(NEW) else "adopt"
    look = "" if rest else f"see `cloudfreedom explain {one.name}`, then "
    return Trouble(one.name, what, f"{look}`cloudfreedom {command} {one.name}`")


def _lines(found: Sequence[Trouble], fine: str) -> list[report.Line]:
    if not found:
        return [report.good(fine)]
    lines = [report.warning(f"{one.name}: {one.text}", one.fix) for one in found[:MOST]]
    if found[MOST:]:
        lines.append(report.warning(f"and {len(found[MOST:])} more", "`cloudfreedom status` shows all"))
    return lines
