"""No operation asks for more than it did: of Coolify, of PocketBase, lists and written rows included.

Counted, not timed, so it holds on a busy machine. A change that needs more raises its line and says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import counting

Totals = tuple[int, int, int, int, int]

MOST: dict[str, Totals] = {
    "provision a second stack": (3, 2, 10, 8, 20),
    "suspend": (2, 4, 8, 5, 10),
    "resume": (3, 2, 9, 7, 14),
    "edit a variable": (4, 4, 9, 6, 13),
    "save without a change (echo)": (0, 0, 1, 0, 0),
    "sweep with nothing to do": (0, 0, 26, 0, 0),
    "delete, data kept": (3, 6, 11, 4, 10),
}
"""Operation -> `counting.totals` as counted: calls, lists, reads, batches, rows.

Up to four lists follow a start or stop within 5 s, to show its end soon; one that shows it starting is one
look, one batch and one row.
"""
BY_CHANCE: Totals = (0, 1, 1, 1, 0)
"""More in an operation that waits for lists: a list more is a look more, and writes share a batch or not."""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_no_operation_asks_for_more_than_it_did(tmp_path: Path) -> None:
    found = {one["name"]: counting.totals(one) for one in await counting.counted(tmp_path)}
    assert set(found) == set(MOST)
    more = {name: (counts, MOST[name]) for name, counts in found.items() if grew(counts, MOST[name])}
    assert not more, f"found, and kept: {more}"


@pytest.mark.parametrize("which", range(5))
def test_one_more_of_anything_counts_as_growth_where_nothing_is_waited_for(which: int) -> None:
    kept = MOST["sweep with nothing to do"]
    one, two, three, four, five = (number + (place == which) for place, number in enumerate(kept))
    assert not grew(kept, kept)
    assert grew((one, two, three, four, five), kept)


def test_a_call_or_a_row_more_is_growth_and_a_list_more_is_chance() -> None:
    calls, lists, reads, batches, rows = kept = MOST["suspend"]
    assert grew((calls + 1, lists, reads, batches, rows), kept)
    assert grew((calls, lists, reads, batches, rows + 1), kept)
    assert not grew((calls, lists + 1, reads + 1, batches, rows), kept)
    assert grew((calls, lists + 1, reads + 2, batches, rows), kept)


def grew(counts: Totals, most: Totals) -> bool:
    """Something was asked for more often than was kept, and chance does not explain it."""
    lists = most[1]
    spare = BY_CHANCE if lists else (0, 0, 0, 0, 0)
    return any(number > limit + more for number, limit, more in zip(counts, most, spare, strict=True))
