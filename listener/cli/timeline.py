"""`cloudfreedom timeline`: a stack's history as its tenant reads it."""

from __future__ import annotations

from collections.abc import Sequence

from listener import errors
from listener.cli import configured, reach, rows, show
from listener.pocketbase import client
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
    params = {"filter": f"stack_id={quoted(record_id)}", "sort": "-at", "perPage": lines, "skipTotal": "1"}
    answer = await known.send("GET", client.path(VIEW), safe=True, params=params)
    if answer.status_code != 200:
        raise errors.Global(
            "COLLECTION_UNREADABLE",
            f"the collection {VIEW!r} cannot be read",
            why=f"HTTP {answer.status_code}",
            fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
        )
    items = client.decoded(answer)["items"]
    return [{name: str(row.get(name) or "") for name in DETAILED} for row in reversed(items)]
