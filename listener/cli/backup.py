"""`cloudfreedom backup init`, `run` and `prune`: every stack once, each outcome on its record."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from handlers.amounts import size
from handlers.status import Status, stamp
from listener import errors
from listener.backup import snapshots, volumes
from listener.backup import stack as stacks
from listener.cli import backup_here, backup_proof, backup_rest, reach, rows, show
from listener.cli.backup_here import Copy, Here
from listener.cli.exits import Exit
from listener.cli.signals import until_told
from listener.dockerwatch.disk import MEGABYTE

LONGEST = 500
"""Characters of an error on a record."""


def init() -> Exit:
    """The repository is made."""
    return reach.run(_init)


def run(named: str, folder: Path, *, prune: bool, seconds: float) -> Exit:
    """Every stack that should be is copied; FAILED when one was not. SIGTERM ends it tidily."""
    return reach.run(partial(until_told, partial(_run, named, folder, prune, seconds)))


def run_asked(folder: Path, *, seconds: float) -> Exit:
    """Stacks of which a person wants a copy now are copied; nothing is waited for where there is none."""
    return reach.run(partial(until_told, partial(_asked, folder, seconds)))


def prune() -> Exit:
    """Copies that are older than their tariff says are gone."""
    return reach.run(_prune)


async def _init() -> Exit:
    async with backup_here.opened() as here:
        await here.restic.init()
    show.line("The repository is made. Keep BACKUP_PASSWORD off this host: without it nobody can read it.")
    return Exit.DONE


async def _asked(folder: Path, seconds: float) -> Exit:
    async with backup_here.opened(alone=False) as here:
        wanted = [one for one in backup_here.wanted(here, await here.copies()) if one.is_asked]
    ends = [await _run(one.stack.id, folder, prune=False, seconds=seconds) for one in wanted]
    return max(ends, default=Exit.DONE)


async def _run(named: str, folder: Path, prune: bool, seconds: float) -> Exit:
    async with backup_here.opened() as here:
        await backup_rest.tidy(here, folder)
        copies = backup_here.wanted(here, await here.copies())
        if named:
            meant = [one for one in copies if one.stack.id == named]
            copies = meant or await _chosen(here, copies, named)
        trouble = await _trouble(here)
        ends = [await _one(here, copy, folder, seconds, trouble) for copy in copies]
        show.line(f"{sum(ends)} of {len(ends)} stacks copied.")
        if prune and trouble is None:
            await _forget(here)
    return Exit.DONE if all(ends) else Exit.FAILED


async def _prune() -> Exit:
    async with backup_here.opened() as here:
        await _forget(here)
    return Exit.DONE


async def _trouble(here: Here) -> errors.ListenerError | None:
    """Why no stack can be copied: told once on each record, and not found out again for each."""
    try:
        await here.restic.prove()
    except errors.ListenerError as error:
        return error
    return None


async def _one(
    here: Here, copy: Copy, folder: Path, seconds: float, trouble: errors.ListenerError | None
) -> bool:
    tried = stamp(datetime.now(UTC))
    try:
        if trouble is not None:
            raise trouble
        fields, broken = await _copied(here, copy, folder, seconds)
        if broken:
            raise _as_it_lay(broken, str(fields["snapshot"]))
        if copy.rests:
            fields |= await _proven(here, copy)
    except errors.ListenerError as error:
        show.line(f"! {copy.stack.name}: {error}")
        await here.say(copy, {"state": "failed", "tried": tried, "error": str(error)[:LONGEST]})
        return False
    await here.say(copy, {**fields, "state": "done", "tried": tried, "error": ""}, done=True)
    show.line(f"{copy.stack.name}: {fields['snapshot']}, {size(int(fields['bytes']) // MEGABYTE)}")
    return True


async def _copied(here: Here, copy: Copy, folder: Path, seconds: float) -> tuple[dict[str, Any], list[str]]:
    """The facts of a new snapshot, and the databases that could only be copied as they lay."""
    wanted = copy.volumes(folder)
    async with AsyncExitStack() as resting:
        if copy.must_stop and not copy.rests:
            rest = backup_rest.at_rest(here, copy.stack, "its data is copied", seconds)
            await resting.enter_async_context(rest)
        made, broken = await stacks.copied(here.restic, wanted, tags(here, copy))
    if copy.stack.status == Status.RUNNING and not broken:
        for volume in wanted:
            for old in volumes.moved_aside(volume.folder):
                rmtree(old)
    return {"snapshot": made.id, "bytes": made.bytes}, broken


async def _proven(here: Here, copy: Copy) -> dict[str, str]:
    """The last copy of a deleted stack counts as soon as it is proven."""
    newest = (await here.restic.snapshots(f"inst={here.inst}", f"stack={copy.stack.id}"))[-1]
    await backup_proof.proven(here, newest)
    await backup_proof.told(here, copy, newest)
    return {"proven": stamp(datetime.now(UTC))}


def tags(here: Here, copy: Copy) -> list[str]:
    """Whose copy it is, on the snapshot itself: it is found again without PocketBase."""
    named = {"tenant": copy.row.tenant_id, "stack": copy.stack.id, "name": copy.stack.name}
    named |= {"template": copy.stack.template, "version": copy.row.template_version}
    return snapshots.tags({"inst": here.inst, "tier": copy.stack.tier, **named})


async def _forget(here: Here) -> None:
    found = await here.restic.snapshots(f"inst={here.inst}")
    tiers = {one.stack.id: one.stack.tier for one in await here.copies()}
    days = {one.stack: here.days(tiers.get(one.stack) or one.tags.get("tier", "")) for one in found}
    now = datetime.now(UTC)
    over = snapshots.over(found, days, await here.kept(days, now), now)
    await here.restic.forget([one.id for one in over])
    show.line(f"{len(over)} of {len(found)} copies were over and are removed.")


def _as_it_lay(broken: list[str], snapshot: str) -> errors.Terminal:
    return errors.Terminal(
        "BACKUP_DATABASE_UNREADABLE",
        f"{len(broken)} databases could not be copied as databases",
        why=broken[0],
        fix=f"is it sound, and not locked? snapshot {snapshot} has the file as it lay, which proves nothing",
    )


async def _chosen(here: Here, copies: list[Copy], named: str) -> list[Copy]:
    """The one that is called so; raises `BACKUP_NOT_DUE` for one that is not copied."""
    stack = await rows.pick(here.known, named)
    if found := [one for one in copies if one.stack.id == stack.id]:
        return found
    raise errors.Refusal(
        "BACKUP_NOT_DUE",
        f"{stack.name} has no backups.",
        why="its tariff has none, its template stores nothing, it has no service yet, or on another server; "
        "or its last copy is proven",
        fix="`backups` of its row in `plan_tiers`; `cloudfreedom templates show`; run it on the stack's host",
    )
