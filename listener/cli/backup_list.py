"""`cloudfreedom backup list`: what can be restored; whose last copy failed, is overdue, or was never made."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from handlers.alerting import copies
from listener.cli import backup_here, reach, rows, show
from listener.cli.backup_here import Copy, Here
from listener.cli.exits import Exit


def show_all(named: str, *, as_json: bool) -> Exit:
    """Snapshots oldest first, then what is wrong; nothing is written anywhere."""
    return reach.run(partial(_show, named, as_json))


async def _show(named: str, as_json: bool) -> Exit:
    async with backup_here.opened(alone=False) as here:
        stack = await _id(here, named) if named else ""
        found = await here.restic.snapshots(f"inst={here.inst}")
        due = [one for one in backup_here.wanted(here, await here.copies()) if stack in ("", one.stack.id)]
    table = [
        {
            "snapshot": one.id,
            "at": f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M}",
            "stack": one.name,
            "template": f"{one.tags.get('template', '')} {one.tags.get('version', '')}".strip(),
            "id": one.stack,
        }
        for one in found
        if stack in ("", one.stack)
    ]
    wrong = [row for one in due if (row := _wrong(one))]
    if as_json:
        show.as_json({"snapshots": table, "wrong": wrong})
        return Exit.DONE
    show.columns(table)
    for row in wrong:
        show.line(f"! {row['stack']}: {row['kind']}: {row['text']}")
    show.line(f"{len(table)} copies, {len(wrong)} stacks without a fresh one.")
    return Exit.DONE


async def _id(here: Here, named: str) -> str:
    """The record's id; an id is taken at its word, as the record may be gone."""
    found = [one for one in await rows.stacks(here.known) if named in (one.id, one.name, one.stack)]
    return rows.choose(named, found).id if found else named


def _wrong(copy: Copy) -> dict[str, Any] | None:
    judged = copies.judge(copies.read(copy.record), datetime.now(UTC), is_due=True)
    return {"stack": copy.stack.name, "kind": judged[0], "text": judged[1]} if judged else None
