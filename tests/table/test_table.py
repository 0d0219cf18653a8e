"""Nothing is lost, made twice or orphaned, whatever breaks; and the table says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.table import __main__ as command
from tests.table.counts import Count
from tests.table.registry import ROWS


@pytest.mark.endless
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ROWS)
async def test_nothing_is_lost_made_twice_or_orphaned(tmp_path: Path, name: str) -> None:
    count = await ROWS[name].run(tmp_path, ROWS[name].small)
    assert count.is_whole, count


@pytest.mark.parametrize("field", ["lost", "twins", "orphans", "unlike"])
def test_a_count_of_anything_but_nothing_is_not_whole(field: str) -> None:
    nothing = Count(lost=0, twins=0, orphans=0, unlike=0, seconds=1.0)
    assert nothing.is_whole
    assert not Count(**{**dataclasses.asdict(nothing), field: 1}).is_whole


def test_the_table_replaces_its_predecessor_and_nothing_else() -> None:
    first = command.written("# Benchmarks\n\nmore\n", "| a |")
    assert first.startswith("# Benchmarks\n\nmore\n")
    second = command.written(f"{first}\n## After\n", "| b |")
    assert "| a |" not in second
    assert second == first.replace("| a |", "| b |") + "\n## After\n"
