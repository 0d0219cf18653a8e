"""Snapshots as restic lists them, what our tags say of them, and which are over. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

TAGS = ("inst", "tenant", "stack", "name", "template", "version", "tier")
"""Whose copy it is, in this order; `name` and `tier` as they were then."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One copy of one stack."""

    id: str
    at: datetime
    paths: Sequence[str]
    """Absolute, as they were then."""
    tags: Mapping[str, str]

    @property
    def stack(self) -> str:
        """The record's id."""
        return self.tags.get("stack", "")

    @property
    def name(self) -> str:
        """How people called it."""
        return self.tags.get("name") or self.stack

    def volumes(self) -> dict[str, PurePosixPath]:
        """By the volume's own name, the folder that held it: `<service uuid>_<volume>`."""
        folders = {PurePosixPath(path).parent for path in self.paths}
        return {folder.name.partition("_")[2]: folder for folder in sorted(folders)}


def tags(given: Mapping[str, str]) -> list[str]:
    """`name=value` for each of ours; restic parts tags by commas."""
    return [f"{name}={given.get(name, '').replace(',', ' ')}" for name in TAGS]


def read(rows: Iterable[Mapping[str, Any]]) -> list[Snapshot]:
    """Snapshots with a stack in their tags, oldest first, from `restic snapshots --json`."""
    found = []
    for row in rows:
        named = dict(tag.split("=", 1) for tag in row.get("tags") or () if "=" in tag)
        if named.get("stack"):
            # Go writes nanoseconds, Python reads microseconds.
            text = str(row["time"])
            at = datetime.fromisoformat(text[:19] + text[19:].lstrip(".0123456789").replace("Z", "+00:00"))
            found.append(Snapshot(str(row["short_id"]), at, tuple(row["paths"]), named))
    return sorted(found, key=lambda one: one.at)


def over(
    found: Iterable[Snapshot], days: Mapping[str, int], kept: AbstractSet[str], now: datetime
) -> list[Snapshot]:
    """Those that are older than `days` says for their stack; of what is `kept` the newest is not over."""
    ordered = sorted(found, key=lambda one: one.at)
    newest = {one.stack: one.id for one in ordered}
    return [
        one
        for one in ordered
        if now - one.at > timedelta(days=days[one.stack])
        and not (one.stack in kept and newest[one.stack] == one.id)
    ]
