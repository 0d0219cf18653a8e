"""`cloudfreedom backup restore`: a stack stops, its data becomes that of a snapshot, it runs again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree

import anyio

from handlers.status import Health, Status
from listener import errors
from listener.backup import stack as stacks
from listener.backup import trouble, volumes
from listener.backup.snapshots import Snapshot
from listener.backup.volumes import Volume
from listener.cli import audit, backup_here, backup_rest, command, reach, rows, show
from listener.cli.backup_here import Copy, Here
from listener.cli.exits import Exit
from listener.cli.signals import until_told

QUESTION = (
    "Put {into} back to what {name} was on {at} UTC? It is stopped for that, and what it has now moves aside"
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a person typed. `into` empty = the same stack, `snapshot` empty = the newest."""

    stack: str
    snapshot: str
    into: str
    folder: Path
    yes: bool
    seconds: float


def restore(order: Order, confirm: Callable[[str], bool]) -> Exit:
    """The stack has the snapshot's data, owners and rights included, and runs again if it is to run."""
    return reach.run(partial(until_told, partial(_restore, order, confirm)))


async def _restore(order: Order, confirm: Callable[[str], bool]) -> Exit:
    async with backup_here.opened() as here:
        await backup_rest.tidy(here, order.folder)
        snapshot = await chosen(here, order.stack, order.snapshot)
        target = await _target(here, order.into or snapshot.stack)
        if target.stack.template != snapshot.tags.get("template"):
            raise _other_template(target, snapshot)
        wanted = target.volumes(order.folder)
        at = f"{snapshot.at.astimezone(UTC):%Y-%m-%d %H:%M}"
        question = QUESTION.format(into=target.stack.name, name=snapshot.name, at=at)
        if not command.agreed(question, yes=order.yes, confirm=confirm):
            return Exit.FAILED
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
        try:
            trees = await stacks.restored(here.restic, snapshot, wanted)
            async with backup_rest.at_rest(here, target.stack, "its data is restored", order.seconds):
                _swapped(here, wanted, trees, stamp)
        except OSError as error:
            raise trouble.of_disk(error) from error
        finally:
            for volume in wanted:
                volumes.clear(volume)
        said = audit.line(
            "backup.restore",
            stack_id=target.stack.id,
            tenant_id=target.row.tenant_id,
            detail={"snapshot": snapshot.id, "from": snapshot.stack},
        )
        await reach.writer(here.known).commit([said])
        show.line(f"{target.stack.name} has the data of {at} UTC ({snapshot.id}).")
        return await _again(here, target.stack, wanted, order.seconds)


async def chosen(here: Here, named: str, snapshot: str) -> Snapshot:
    """The snapshot that is meant; a record's id will do for a stack whose record is gone.

    Raises `BACKUP_UNKNOWN`.
    """
    known = [one for one in await rows.stacks(here.known) if named in (one.id, one.name, one.stack)]
    stack = rows.choose(named, known).id if known else named
    found = await here.restic.snapshots(f"inst={here.inst}", f"stack={stack}")
    meant = [one for one in found if snapshot in ("", one.id)]
    if not meant:
        raise errors.Terminal(
            "BACKUP_UNKNOWN",
            f"there is no such backup of {named!r}",
            why=f"the repository holds {len(found)} of it",
            fix="`cloudfreedom backup list` shows all that can be restored",
        )
    return meant[-1]


async def _target(here: Here, named: str) -> Copy:
    stack = await rows.pick(here.known, named)
    for copy in await here.copies():
        if copy.stack.id == stack.id:
            return copy
    raise errors.Terminal(
        "BACKUP_VOLUME_MISSING",
        f"{stack.name} has no volumes on this host",
        why="the listener's ledger knows no service of it on COOLIFY_SERVER_UUID",
        fix="make a stack of the same template first, wait until it runs, and restore into that one",
    )


def _swapped(here: Here, wanted: Sequence[Volume], trees: Mapping[Path, Path], stamp: str) -> None:
    """Every volume has its new tree, or every one its old: also after a crash in between, by `tidy`."""
    state = here.state
    assert state is not None, "opened alone"
    state.swap = {"stamp": stamp, "folders": [volume.folder.name for volume in wanted]}
    state.keep()
    try:
        for volume in wanted:
            volumes.swap(volume.folder, trees[volume.folder], stamp)
    except OSError:
        for volume in wanted:
            volumes.take_back(volume.folder, stamp)
        raise
    finally:
        state.swap = {}
        state.keep()


async def _again(here: Here, stack: rows.Stack, wanted: Sequence[Volume], seconds: float) -> Exit:
    """It runs, and what was moved aside is gone; or it does not, and the person knows where that is."""
    runs = False
    if stack.wanted == "running":
        with anyio.move_on_after(seconds):
            while not runs:
                await anyio.sleep(backup_rest.LOOK)
                now = await rows.read(here.known, stack.id)
                runs = now is not None and now.status == Status.RUNNING and now.health != Health.UNHEALTHY
    aside = [old for volume in wanted for old in volumes.moved_aside(volume.folder)]
    if runs:
        for old in aside:
            rmtree(old)
        show.line(f"{stack.name} runs; what it had before is removed.")
        return Exit.DONE
    for old in aside:
        show.line(f"What it had before is kept until it ran and was copied once: {old}")
    return Exit.FAILED if stack.wanted == "running" else Exit.DONE


def _other_template(target: Copy, snapshot: Snapshot) -> errors.Refusal:
    return errors.Refusal(
        "BACKUP_OTHER_TEMPLATE",
        f"{target.stack.name} is no {snapshot.tags.get('template')}, as the backup is.",
        why="their volumes are not each other's",
        fix="restore into a stack of the same template",
    )
