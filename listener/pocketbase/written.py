"""Whether a row holds what was sent, from the answer or read again later. Pure.

PocketBase tidies what it saves: dates become `2026-01-01 00:00:00.000Z`, null becomes the type's own empty
value, a relation's ids lose their doubles; `field+`, `+field` and `field-` change a field by an amount, so
its value afterwards is nobody's to know (PocketBase 0.40.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from listener import errors
from listener.pocketbase.batch import Write
from listener.pocketbase.client import Row


def complete(writes: Sequence[Write], rows: Sequence[Row]) -> list[Row]:
    """The rows; raises `Global` `FIELD_DROPPED` when a sent field is in none of the saved row's.

    PocketBase answers 200 and drops what its schema does not know or hides from us.
    """
    for write, row in zip(writes, rows, strict=True):
        names = {name.strip("+-") for name in write.body} if write.method != "DELETE" else set()
        if missing := sorted(names - row.keys()):
            raise errors.Global(
                "FIELD_DROPPED",
                f"PocketBase dropped {', '.join(f'{write.collection}.{name}' for name in missing)}",
                why="it saves what it knows and says nothing of the rest: the field is missing or hidden",
                fix="run `cloudfreedom schema apply`",
            )
    return list(rows)


def all_hold(writes: Sequence[Write], rows: Sequence[Row | None]) -> bool:
    """Each row is as the group leaves it: where two writes touch one row, the later one's fields count."""
    last: dict[tuple[str, str], tuple[Write, Row | None]] = {}
    for write, row in zip(writes, rows, strict=True):
        key = write.collection, write.id
        before = last[key][0].body if key in last else {}
        last[key] = replace(write, body={**before, **write.body}), row
    return all(holds(write, row) for write, row in last.values())


def holds(write: Write, row: Row | None) -> bool:
    """The row is as the write wanted it; amounts (`field+`) are left out of the comparison."""
    if write.method == "DELETE" or row is None:
        return write.method == "DELETE" and row is None
    plain = {name: value for name, value in write.body.items() if name == name.strip("+-")}
    return all(name in row and _same(value, row[name]) for name, value in plain.items())


def _same(sent: Any, saved: Any) -> bool:
    if sent == saved or (_is_empty(sent) and _is_empty(saved)):
        return True
    if isinstance(sent, list) and not isinstance(saved, list):
        return len(sent) == 1 and _same(sent[0], saved)
    if isinstance(sent, list) and all(isinstance(item, str) for item in (*sent, *saved)):
        return set(sent) == set(saved)
    moment = _moment(sent)
    return moment is not None and moment == _moment(saved)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", 0, False, [], {})


def _moment(value: Any) -> datetime | None:
    """A date text as UTC in whole milliseconds, PocketBase's resolution; None for any other value."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
