"""Whatever happens at once, nothing is lost, made twice, orphaned, stopped or deleted that should not be."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.soak import deeds, storm
from tests.soak.__main__ import SECONDS


@pytest.mark.endless
@pytest.mark.timeout(3600)
async def test_everything_at_once_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(10**6))
    seconds = float(os.environ.get("SOAK_SECONDS") or SECONDS)

    def tell(line: str) -> None:
        with capsys.disabled():
            print(line)  # noqa: T201 - progress

    tell(f"\nseed {seed}, {seconds:.0f} s")
    figures = await storm.soak(tmp_path, seed=seed, seconds=seconds, tell=tell)
    tell(figures.told())
    assert figures.is_whole, figures.told()


def test_a_plan_is_the_same_for_the_same_seed_and_has_every_deed() -> None:
    plan = deeds.plan(7, 120.0, a_second=2.0)
    assert plan == deeds.plan(7, 120.0, a_second=2.0)
    assert plan != deeds.plan(8, 120.0, a_second=2.0)
    assert {one.kind.name for one in plan} == {kind.name for kind in deeds.DEEDS}
    assert all(0.0 <= one.at < 120.0 for one in plan)
