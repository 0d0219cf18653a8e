"""`cloudfreedom timeline`: a stack's history as its tenant reads it."""

from __future__ import annotations

from collections.abc import Sequence

from listener.cli import audit, configured, reach, rows, show
from listener.pocketbase.client import PocketBase, quoted

VIEW = "stack_timeline"
COLUMNS = ("at", "by", "text")
DETAILED = ("at", "by", "text", "verb", "outcome", "begun", "ended")
"""With JSON."""


def timeline(named: str, *, lines: int, as_json: bool) -> None:
    """The last `lines` sentences are printed, oldest first."""
    found = reach.run(lambda: gather(named, lines))
    if as_json:
        show.as_json(found)
    elif not found:
        show.line("nothing was done so far")
    else:
        show.columns([{**{name: one[name] for name in COLUMNS}, "at": one["at"][:16]} for one in found])


async def gather(named: str, lines: int) -> Sequence[dict[str, str]]:
    """The last rows of the stack's history, oldest first."""
    async with reach.database(configured.load(configured.Database)) as known:
        stack = await rows.pick(known, named)
        return await _read(known, stack.id, lines)


async def _read(known: PocketBase, record_id: str, lines: int) -> Sequence[dict[str, str]]:
    condition = f"stack_id={quoted(record_id)}"
    found = await audit.last(known, condition, lines, collection=VIEW, sort="-at")
    return [{name: str(row.get(name) or "") for name in DETAILED} for row in found]
