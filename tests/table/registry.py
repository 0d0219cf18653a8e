"""Every row of the table: its fault, its size, and what listeners without a memory came to under it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.table import faults, measures
from tests.table.counts import Count


@dataclass(frozen=True)
class Row:
    """One fault. `small` is the size that the tests run, where the whole takes a minute or more."""

    run: Callable[[Path, int], Awaitable[Count]]
    size: int
    small: int
    without: str = "–"
    """Lost / twins / orphans of a script that tries once, and of one that tries again."""
    defined: str = ""
    """Where the fault is defined larger than it is run here."""


ROWS: Mapping[str, Row] = {
    "listener killed": Row(faults.listener_killed, 200, 60, "131 / 0 / 68 · 0 / 76 / 76"),
    "database killed": Row(faults.database_killed, 200, 60, "82 / 0 / 112 · 0 / 0 / 0"),
    "creates fail": Row(faults.creates_fail, 200, 60, "17 / 0 / 14 · 0 / 18 / 18"),
    "throttled": Row(faults.throttled, 200, 40, "140 / 0 / 0 · 140 / 0 / 0"),
    "database away": Row(faults.database_away, 20, 20, "0 / 0 / 0 · 0 / 0 / 0"),
    "M9 gaps": Row(measures.gaps, 50, 20, defined="200 stacks, 20 writes a second, 60 s"),
    "M10 kills": Row(measures.kills, 20, 8, "11 / 0 / 9 of 70, 10 kills", "200 kills"),
    "M11 soup": Row(measures.soup, 30, 10, defined="100 stacks, 10 min"),
    "M12 blinded": Row(measures.blinded, 100, 20, defined="200 stacks"),
    "M13 drained": Row(measures.drained, 30, 30),
    "M14 two daemons": Row(measures.two_daemons, 50, 50, defined="frozen for 60 s"),
}
"""Name of the fault -> its row."""
