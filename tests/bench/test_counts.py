"""No operation asks for more than it did: of Coolify, of PocketBase, lists and written rows included.

Counted, not timed, so it holds on a busy machine. A change that needs more raises its line, and says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import counting

MOST: dict[str, tuple[int, int, int, int, int]] = {
    "provision a second stack": (3, 2, 5, 6, 9),
    "suspend": (2, 4, 7, 4, 8),
    "resume": (1, 2, 4, 4, 7),
    "edit a variable": (4, 2, 4, 4, 8),
    "save without a change (echo)": (0, 0, 1, 0, 0),
    "sweep with nothing to do": (0, 1, 22, 0, 0),
    "delete, data kept": (3, 4, 7, 4, 8),
}
"""Operation -> `counting.totals` at most."""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_no_operation_asks_for_more_than_it_did(tmp_path: Path) -> None:
    found = {one["name"]: counting.totals(one) for one in await counting.counted(tmp_path)}
    assert set(found) == set(MOST)
    more = {name: (counts, MOST[name]) for name, counts in found.items() if grew(counts, MOST[name])}
    assert not more, f"found, at most: {more}"


@pytest.mark.parametrize("which", range(5))
def test_one_more_of_anything_counts_as_growth(which: int) -> None:
    kept = MOST["suspend"]
    assert not grew(kept, kept)
    assert grew(tuple(number + (place == which) for place, number in enumerate(kept)), kept)


def grew(counts: tuple[int, ...], most: tuple[int, ...]) -> bool:
    """Something was asked for more often than the table has it."""
    return any(number > limit for number, limit in zip(counts, most, strict=True))
