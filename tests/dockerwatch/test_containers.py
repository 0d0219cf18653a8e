"""What the ends of containers mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from listener.dockerwatch import containers
from listener.dockerwatch.containers import End, Ends

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def ends(*found: tuple[float, int, bool]) -> Ends:
    """So many seconds ago, with that code, for want of memory or not."""
    made = Ends()
    for ago, code, is_oom in found:
        at = NOW - timedelta(seconds=ago)
        if is_oom:
            made.kill("uuid", "bot", at - timedelta(seconds=0.1))
        made.add("uuid", "bot", End(at, code))
    return made


def kinds(made: Ends, now: datetime = NOW) -> list[str]:
    return [one.kind for one in made.report(now).observations]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([], []),
        ([(1, 0, False), (2, 143, False), (3, 137, False), (4, 0, False)], []),
        ([(1, 137, True)], ["oom"]),
        ([(3500, 137, True)], ["oom"]),
        ([(3700, 137, True)], []),
        ([(1, 1, False), (2, 1, False)], []),
        ([(1, 1, False), (100, 2, False), (500, 1, False)], ["crash_loop"]),
        ([(1, 1, False), (100, 2, False), (700, 1, False)], []),
        ([(1, 137, True), (5, 137, True), (9, 137, True)], ["oom", "crash_loop"]),
    ],
)
def test_a_memory_kill_and_a_crash_loop_are_told_and_a_planned_end_is_not(
    found: list[tuple[float, int, bool]], told: list[str]
) -> None:
    assert kinds(ends(*sorted(found, reverse=True))) == told


def test_an_end_that_is_heard_twice_counts_once() -> None:
    assert kinds(ends((1, 1, False), (1, 1, False), (1, 1, False))) == []


def test_a_memory_kill_that_is_told_after_the_end_counts_and_one_that_was_survived_does_not() -> None:
    made = ends((100, 143, False), (1, 137, False))
    made.kill("uuid", "bot", NOW - timedelta(seconds=200))
    made.kill("uuid", "neighbour", NOW)
    assert kinds(made) == []
    made.kill("uuid", "bot", NOW)
    assert kinds(made) == ["oom"]


def test_what_is_over_is_forgotten() -> None:
    made = ends((1, 137, True))
    assert kinds(made, NOW + timedelta(hours=2)) == []
    assert (made.kept, made.kills) == ({}, {})


def test_a_report_is_read_as_it_was_written() -> None:
    report = ends((1, 137, True)).report(NOW)
    assert containers.read(report.json()) == report
    assert report.is_fresh(NOW + timedelta(minutes=4))
    assert not report.is_fresh(NOW + timedelta(minutes=6))


@pytest.mark.parametrize("data", [None, [], {}, {"at": "x", "observations": []}, {"at": NOW.isoformat()}])
def test_what_is_no_report_is_unknown(data: object) -> None:
    assert containers.read(data) is None
