"""`cloudfreedom backup drill`: a snapshot restored where nothing runs, and looked at; the outcome is kept."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import partial

from handlers.status import stamp
from listener import errors
from listener.backup.snapshots import Snapshot
from listener.cli import audit, backup_here, backup_proof, backup_restore, reach, show
from listener.cli.backup_here import Here
from listener.cli.exits import Exit
from listener.cli.signals import until_told

PART = "5%"
"""Of the repository's data that is read at each drill."""


def drill(named: str) -> Exit:
    """The newest snapshot of a stack is proven, and its record says so; raises `BACKUP_NOT_PROVEN`."""
    return reach.run(partial(until_told, partial(_drill, named)))


async def _drill(named: str) -> Exit:
    async with backup_here.opened() as here:
        snapshot = await _chosen(here, named)
        began = datetime.now(UTC)
        try:
            told = await _proven(here, snapshot)
        except errors.Terminal as error:
            await _keep(here, snapshot, {"state": "failed", "error": str(error)[:500]})
            raise
        await _keep(here, snapshot, {"proven": stamp(datetime.now(UTC))})
    seconds = (datetime.now(UTC) - began).total_seconds()
    show.line(f"{snapshot.name}, {snapshot.id} of {snapshot.at:%Y-%m-%d %H:%M}: {told} ({seconds:.0f} s)")
    return Exit.DONE


async def _chosen(here: Here, named: str) -> Snapshot:
    if named:
        return await backup_restore.chosen(here, named, "")
    newest = {one.stack: one for one in await here.restic.snapshots(f"inst={here.inst}")}
    if not newest:
        raise errors.Terminal(
            "BACKUP_UNKNOWN",
            "there is nothing to prove",
            why="the repository holds no backup of this installation",
            fix="`cloudfreedom backup run`",
        )
    return random.choice(list(newest.values()))  # noqa: S311 - any will do


async def _proven(here: Here, snapshot: Snapshot) -> str:
    await here.restic.check(PART)
    databases, same = await backup_proof.proven(here, snapshot)
    return f"restored; {databases} databases whole, {same} files equal; {PART} of the repository read"


async def _keep(here: Here, snapshot: Snapshot, fields: dict[str, str]) -> None:
    """On the record, if it is still there, and in the audit."""
    for copy in await here.copies():
        if copy.stack.id == snapshot.stack:
            await here.say(copy, fields)
            if "error" not in fields:
                await backup_proof.told(here, copy, snapshot)
    outcome = "failed" if "error" in fields else "done"
    detail = {"snapshot": snapshot.id}
    line = audit.line("backup.drill", stack_id=snapshot.stack, detail=detail, outcome=outcome)
    await reach.writer(here.known).commit([line])
