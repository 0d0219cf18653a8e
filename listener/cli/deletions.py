"""`cloudfreedom deletions`, `undelete` and `approve --waiting`: what goes, what waits, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from handlers import records
from handlers.requests import undelete as undeleting
from listener import errors
from listener.cli import command, configured, leaving, reach, show
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write

Confirm = Callable[[str], bool]
COLUMNS = ("tenant", "stack", "record", "stage", "since", "until", "approved", "id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deletions a person means: one by name, a tenant's, those of the last while, or all."""

    stack: str = ""
    tenant: str = ""
    since: str = ""


def show_all(*, as_json: bool) -> Exit:
    """Everything on its way out, and what the brake lets go."""
    board = reach.run(_board)
    waiting = sum(one.waits for one in board.stacks)
    if as_json:
        brake = {"used": board.room.used, "limit": board.room.limit, "waiting": waiting}
        tenants = [{"id": one, "slug": slug} for one, slug in board.tenants.items()]
        show.as_json({"brake": brake, "stacks": [one.json() for one in board.stacks], "tenants": tenants})
        return Exit.DONE
    show.columns([{name: one.json()[name] for name in COLUMNS} for one in board.stacks])
    for tenant, slug in board.tenants.items():
        show.line(f"tenant {slug} is gone: `cloudfreedom undelete --tenant {tenant}` brings it back")
    count = len(board.stacks)
    show.line(
        f"{count} deletion{'' if count == 1 else 's'}; the brake let {board.room.used} of "
        f"{board.room.limit} go within this hour, {waiting} wait."
    )
    return Exit.DONE


def approve(*, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """Every deletion that waits for the brake may go."""
    return reach.run(partial(_approve, yes, confirm, seconds))


def undelete(wanted: Wanted, *, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The stacks that are meant are wanted again, with their tenant where that is gone too."""
    return reach.run(partial(_undelete, wanted, yes, confirm, seconds))


async def _board() -> leaving.Board:
    async with reach.database(configured.load(configured.Database)) as known:
        return await leaving.read(known)


async def _approve(yes: bool, confirm: Confirm, seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        waiting = [one for one in (await leaving.read(known)).stacks if one.waits]
        if not waiting:
            show.line("No deletion waits.")
            return Exit.DONE
        _listed(waiting)
        if not command.agreed(f"Stop {_counted(waiting)} now?", yes=yes, confirm=confirm):
            return Exit.FAILED
        return await _asked(known, "approve", waiting, seconds)


async def _undelete(wanted: Wanted, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    since = leaving.span(wanted.since) if wanted.since else None
    async with reach.database(configured.load(configured.Database)) as known:
        board = await leaving.read(known)
        found = leaving.chosen(board, wanted.stack, tenant=wanted.tenant, since=since)
        tenants = [one for one in board.tenants if wanted.tenant in (one, board.tenants[one])]
        if not found and not tenants:
            raise errors.Terminal(
                "NOTHING_TO_UNDELETE",
                "nothing was brought back",
                why="nothing of that is being deleted, or its data is removed already",
                fix="`cloudfreedom deletions` shows all that can come back",
            )
        _listed(found)
        question = f"Bring back {_counted(found)}?" + (f" Tenant {wanted.tenant} too." if tenants else "")
        if not command.agreed(question, yes=yes, confirm=confirm):
            return Exit.FAILED
        for tenant in tenants:
            await command.carried_out(known, undeleting.VERB, tenant, {}, seconds)
        await _wanted_again(known, [one for one in found if one.record == "there"])
        gone = [one for one in found if one.record == "gone"]
        return await _asked(known, undeleting.VERB, gone, seconds) if gone else Exit.DONE


async def _wanted_again(known: PocketBase, found: Sequence[leaving.Leaving]) -> None:
    for one in found:
        fields = {"desired_state": one.wish}
        await reach.writer(known).commit([Write("PATCH", records.STACKS, one.id, fields)])
        show.line(f"{one.name} is wanted {one.wish} again.")


async def _asked(known: PocketBase, verb: str, found: Sequence[leaving.Leaving], seconds: float) -> Exit:
    """The leader was asked for each; the worst answer counts."""
    worst = Exit.DONE
    for one in found:
        show.line(one.name)
        answer = await command.carried_out(known, verb, one.id, {}, seconds)
        worst = answer if answer is not Exit.DONE else worst
    return worst


def _listed(found: Sequence[leaving.Leaving]) -> None:
    show.columns([{name: one.json()[name] for name in COLUMNS} for one in found])


def _counted(found: Sequence[leaving.Leaving]) -> str:
    return f"{len(found)} stack{'' if len(found) == 1 else 's'}"
