"""`cloudfreedom deletions`, `undelete` and `approve --waiting`: what goes, what waits, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from handlers import records
from handlers.requests import copies
from handlers.requests import undelete as undeleting
from listener import errors
from listener.cli import command, configured, leaving, reach, rows, show, spans
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write

Confirm = Callable[[str], bool]
COLUMNS = ("tenant", "stack", "record", "stage", "since", "until", "approved", "backup", "id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deletions a person means: one by name, a tenant's, those of the last while, or all."""

    stack: str = ""
    tenant: str = ""
    since: str = ""


def show_all(*, tenant: str, as_json: bool) -> Exit:
    """Everything on its way out, or a tenant's of that, and what the brake lets go."""
    board = reach.run(_board)
    stacks = leaving.chosen(board, "", tenant=tenant, since=None)
    tenants = {one: slug for one, slug in board.tenants.items() if not tenant or tenant in (one, slug)}
    waiting = sum(one.waits for one in board.stacks)
    if as_json:
        brake = {"used": board.room.used, "limit": board.room.limit, "waiting": waiting}
        gone = [{"id": one, "slug": slug} for one, slug in tenants.items()]
        told = {"brake": brake, "stacks": [one.json() for one in stacks], "tenants": gone}
        show.as_json({**told, "hidden": board.hidden})
        return Exit.DONE
    _listed(stacks)
    for one, slug in tenants.items():
        show.line(f"tenant {slug} is gone: `cloudfreedom undelete --tenant {one}` brings it back")
    if board.hidden:
        show.line(f"! {board.hidden} records are not gone but hidden by a rule: `cloudfreedom schema diff`")
    of = f" of {tenant}" if tenant else ""
    show.line(f"{len(stacks)} deletion{'' if len(stacks) == 1 else 's'}{of}.")
    show.line(
        f"The brake let {board.room.used} of {board.room.limit} go within this hour; "
        f"{waiting} wait{'s' if waiting == 1 else ''}."
    )
    return Exit.DONE


def approve(*, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """Every deletion that waits for the brake may go."""
    return reach.run(partial(_approve, yes, confirm, seconds))


def undelete(wanted: Wanted, *, yes: bool, as_json: bool, confirm: Confirm, seconds: float) -> Exit:
    """The stacks that are meant are wanted again, with their tenants where those are gone too."""
    return reach.run(partial(_undelete, wanted, yes, as_json, confirm, seconds))


def purge(named: str, *, bare: bool, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    """The stack's data goes an hour from now at the earliest; `bare` = also without a proven copy of it."""
    return reach.run(partial(_purge, named, bare, yes, confirm, seconds))


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
        answers = await command.answered(known, "approve", [one.id for one in waiting], seconds)
    return _told({one.id: one.name for one in waiting}, answers, "approved", as_json=False)


async def _purge(named: str, bare: bool, yes: bool, confirm: Confirm, seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        board = await leaving.read(known)
        found = [one for one in board.stacks if named in (one.id, one.stack, one.name)]
        target: rows.Named = rows.choose(named, found) if found else await rows.pick(known, named)
        without = " No copy of it is kept." if bare else ""
        question = command.QUESTIONS["purge"].format(name=target.name) + without
        if not command.agreed(question, yes=yes, confirm=confirm):
            return Exit.FAILED
        verbs = [copies.WAIVED, "purge"] if bare else ["purge"]
        for verb in verbs:
            done = await command.carried_out(known, verb, target.id, {}, seconds)
            if done is not Exit.DONE:
                return done
    return Exit.DONE


async def _undelete(wanted: Wanted, yes: bool, as_json: bool, confirm: Confirm, seconds: float) -> Exit:
    since = spans.read(wanted.since) if wanted.since else None
    async with reach.database(configured.load(configured.Database)) as known:
        board = await leaving.read(known)
        found = leaving.chosen(board, wanted.stack, tenant=wanted.tenant, since=since)
        tenants = leaving.tenants(board, found, tenant=wanted.tenant) if not wanted.stack else {}
        if not found and not tenants:
            raise errors.Terminal(
                "NOTHING_TO_UNDELETE",
                "nothing was brought back",
                why="nothing of that is being deleted, or its data is removed already",
                fix="`cloudfreedom deletions` shows all that can come back",
            )
        if not as_json:
            _listed(found)
        too = f" And tenant {', '.join(tenants.values())}?" if tenants else ""
        if not command.agreed(f"Bring back {_counted(found)}?{too}", yes=yes, confirm=confirm):
            return Exit.FAILED
        first = await command.answered(known, undeleting.VERB, list(tenants), seconds)
        answers = await _wanted_again(known, [one for one in found if one.record == "there"])
        gone = [one.id for one in found if one.record == "gone"]
        answers |= await command.answered(known, undeleting.VERB, gone, seconds)
    names = {one: f"tenant {slug}" for one, slug in tenants.items()} | {one.id: one.name for one in found}
    return _told(names, {**first, **answers}, "brought back", as_json=as_json)


async def _wanted_again(known: PocketBase, found: Sequence[leaving.Leaving]) -> dict[str, command.Answer]:
    """Records that are there are wanted as they were; one that is refused keeps no other."""
    writer, answers = reach.writer(known), dict[str, command.Answer]()

    async def want(one: leaving.Leaving) -> None:
        try:
            await writer.commit([Write("PATCH", records.STACKS, one.id, {"desired_state": one.wish})])
            answers[one.id] = command.Answer(is_done=True, text=f"wanted {one.wish} again")
        except errors.UpstreamRefusal as refusal:
            answers[one.id] = command.Answer(is_done=False, text=str(refusal))

    async with anyio.create_task_group() as tasks:
        for one in found:
            tasks.start_soon(want, one)
    return answers


def _told(
    names: Mapping[str, str], answers: Mapping[str, command.Answer], done: str, *, as_json: bool
) -> Exit:
    """What was refused and why, and how many were not; the worst answer counts."""
    refused = [one for one, answer in answers.items() if not answer.is_done]
    if as_json:
        rows = [
            {"id": one, "name": names[one], "done": answer.is_done, "result": answer.text}
            for one, answer in answers.items()
        ]
        show.as_json(rows)
    else:
        for one in refused:
            show.line(f"! {names[one]}: {answers[one].text}")
        show.line(f"{len(answers) - len(refused)} of {len(answers)} {done}.")
    return Exit.REFUSED if refused else Exit.DONE


def _listed(found: Sequence[leaving.Leaving]) -> None:
    show.columns([{name: one.json()[name] for name in COLUMNS} for one in found])


def _counted(found: Sequence[leaving.Leaving]) -> str:
    return f"{len(found)} stack{'' if len(found) == 1 else 's'}"
