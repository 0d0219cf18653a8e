"""What the tables say of the figures, and that no figure is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench import kept, quick, report, scale, targets

IDLE = {"seconds": 60.0, "cpu": 0.1, "asked": {"coolify": 1}, "sweeps": 0.0}
RUN = {"idle": IDLE, "sweep": {"seconds": 0.1, "cpu": 0.2, "asked": {"pocketbase": 20}}, "memory": 70.0}


def lines(raw: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {line[0]: line[1:] for line in (target.line(raw) for target in targets.TARGETS)}


def test_a_target_without_a_figure_says_that_it_was_not_run() -> None:
    assert {line[2] for line in lines({}).values()} == {targets.NOT_RUN}


@pytest.mark.parametrize(("memory", "word"), [(64.9, "met"), (65.1, "**missed**")])
def test_a_target_is_met_when_the_median_of_the_runs_is(memory: float, word: str) -> None:
    runs = [{**RUN, "memory": value} for value in (1.0, memory, 999.0)]
    line = lines({"scale": {"200": runs}})["M8 resident, 200 stacks"]
    assert line == ("≤ 65 MiB", f"{memory} (1 to 999) MiB", word)


def test_ratios_are_taken_within_one_run() -> None:
    bursts = {"P": [{"last": 1.0}, {"last": 4.0}], "L": [{"last": 2.0}, {"last": 4.0}]}
    line = lines({"burst": bursts})["M3 burst, last POST against P's"]
    assert line[1:] == ("1.5 (1 to 2) ×", "met")


def test_an_idle_hour_is_the_idle_time_scaled_and_its_sweeps() -> None:
    assert targets.hourly(RUN, "cpu") == pytest.approx(0.1 * 60 + 12 * 0.2)
    assert targets.hourly(RUN, "coolify") == 60
    assert targets.hourly(RUN, "pocketbase") == 12 * 20
    swept = {**RUN, "idle": {**IDLE, "sweeps": 1.0}}
    assert targets.hourly(swept, "cpu") == pytest.approx(0.1 * 60)


def test_the_exponent_tells_how_cost_grows() -> None:
    assert targets.exponent({100: 3.0, 1_000: 30.0, 10_000: 300.0}) == pytest.approx(1.0)
    assert targets.exponent({100: 5.0, 10_000: 5.0}) == pytest.approx(0.0)


def test_the_part_replaces_its_predecessor_and_nothing_else() -> None:
    first = report.written("# Benchmarks\n\nmore\n", "| a |")
    second = report.written(f"{first}\n## After\n", "| b |")
    assert second == first.replace("| a |", "| b |") + "\n## After\n"


def test_the_file_says_what_the_kept_figures_say() -> None:
    """Where figures are kept at all: rendering them again changes nothing."""
    if not kept.FILE.exists():
        pytest.skip("no figures are kept")
    text = quick.FILE.read_text()
    for target in targets.TARGETS:
        assert f"| {' | '.join(target.line(kept.read()))} |" in text


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_crowd_is_what_the_daemon_would_have_made(tmp_path: Path) -> None:
    """`measured` asserts that the daemon changes nothing at Coolify after it looked at each."""
    found = await scale.measured(tmp_path, 60, idle=1.0)
    assert found["settled"] > found["ready"]
