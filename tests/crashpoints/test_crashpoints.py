"""Killed at any request that changes something, the daemon comes to the same end as without a kill."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.crashpoints import place as places
from tests.crashpoints import tour
from tests.crashpoints.actions import ACTIONS

SAMPLE, SECONDS = 4, 9.0
"""Cuts of one action at most, and the time after which no other is begun. Action and cuts are drawn anew in
every session, by the seed that pytest-randomly prints."""
PLACES = 6
LEAST = 100
"""Points in all; fewer would mean that the proxies see too little."""
SWIFT = ("provision second", "edit", "drop a variable", "change the domain", "resume", "restart", "suspend")


@pytest.mark.long
async def test_a_kill_at_some_points_changes_no_end(tmp_path: Path) -> None:
    done, action, began = tour.Tour(), random.choice(SWIFT), time.monotonic()
    async with places.opened(tmp_path) as place:
        await done.take(place, action)
        for cut in random.sample(done.cuts(), SAMPLE):
            if not any(done.made.values()) or time.monotonic() - began < SECONDS:
                await done.take(place, cut)
    assert not done.failures, done.report()
    assert any(done.made.values())


@pytest.mark.endless
@pytest.mark.timeout(1800)
async def test_a_kill_at_any_point_of_any_action_changes_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reports every point, and whether a run was cut there."""
    done = tour.Tour()
    await tour.all_of(done, tmp_path, places_count=PLACES)
    with capsys.disabled():
        print(f"\n{done.report()}")  # noqa: T201 - the report
    assert not done.failures
    assert set(done.wholes) == set(ACTIONS)
    assert sum(len(whole.points) for whole in done.wholes.values()) >= LEAST
    assert sum(map(bool, done.made.values())) >= 0.9 * len(done.made)
