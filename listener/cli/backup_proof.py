"""A snapshot restored where nothing runs, and compared with what was copied; the leader is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from handlers.requests import copies
from listener.backup import stack as stacks
from listener.backup.snapshots import Snapshot
from listener.cli import backup_here, command, reach
from listener.cli.backup_here import Copy, Here


async def proven(here: Here, snapshot: Snapshot) -> tuple[int, int]:
    """How many databases are whole, and how many files are equal; raises `BACKUP_NOT_PROVEN`."""
    databases = same = 0
    with tempfile.TemporaryDirectory(prefix=backup_here.DRILL, dir=here.settings.backup_state_dir) as folder:
        await here.restic.restore(snapshot.id, Path(folder))
        for source in snapshot.volumes().values():
            found = await stacks.proven(Path(folder, str(source).lstrip("/")), here.restic.lock)
            databases, same = databases + found[0], same + found[1]
    return databases, same


async def told(here: Here, copy: Copy, snapshot: Snapshot) -> None:
    """Of a deleted stack at rest the leader will know that this copy is proven: its data may go in time.

    The answer is not waited for: a request stays open until a leader may act.
    """
    if copy.rests:
        arguments = {"snapshot": snapshot.id, "at": snapshot.at.isoformat()}
        request = command.written(copies.PROVEN, copy.stack.id, arguments)
        await reach.writer(here.known).commit([request])
