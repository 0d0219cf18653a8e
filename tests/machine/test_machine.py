"""Anything in any order: nothing that must never happen happens, and in the end there is peace."""

from __future__ import annotations

import os
import time

import pytest

from listener.compose import catalog as catalogs
from tests.handlers.upstream import Upstream
from tests.machine import machine, pairs
from tests.machine.cast import Tally

HALVES = (1, 2)
"""Numbers of the long run's two parts."""


def told(tally: Tally, seconds: float) -> str:
    """What a run has met, for people."""
    figures = f"{tally.steps} steps in {tally.examples} examples, {tally.effective} with an effect"
    figures += f", {tally.acts} calls to change something in Coolify"
    return (
        f"{figures}, {seconds:.0f} s, {tally.steps / seconds:.0f} steps a second\n{pairs.table(tally.pairs)}"
    )


def test_the_machine_has_rules_for_everything_that_can_happen() -> None:
    assert len(pairs.events()) >= 25


def test_a_few_things_in_any_order_end_well(home: Upstream, catalog: catalogs.Catalog) -> None:
    tally = machine.run(home, catalog, machine.Size(3, 15, 11))
    assert tally.effective


@pytest.mark.endless
@pytest.mark.timeout(5400)
def test_anything_in_any_order_ends_well(
    home: Upstream, catalog: catalogs.Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every pair of status and event that must have occurred has occurred. About half an hour."""
    began, met = time.monotonic(), Tally()
    for number in HALVES:
        met = met.and_also(machine.run(home, catalog, machine.Size(64, 200, number)))
        with capsys.disabled():
            print(f"\n{told(met, time.monotonic() - began)}")  # noqa: T201 - a long run tells what it met
    assert met.steps >= 20_000
    assert met.effective >= met.steps / 2
    assert [pair for pair in pairs.demanded() if not met.pairs[pair]] == []


@pytest.mark.endless
@pytest.mark.timeout(0)
def test_anything_at_all_ends_well(home: Upstream, catalog: catalogs.Catalog) -> None:
    """Other numbers at each run, until one day; `MACHINE_NUMBER` repeats one."""
    number = int(os.environ.get("MACHINE_NUMBER", time.time()))
    tally = machine.run(home, catalog, machine.Size(2000, 200, number))
    assert tally.steps, number
