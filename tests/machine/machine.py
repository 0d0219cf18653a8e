"""The machine with all its rules, and how long it runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from listener.compose import catalog as catalogs
from tests.handlers.upstream import Upstream
from tests.machine.calm import Calm
from tests.machine.cast import EVENTS, Tally
from tests.machine.passing import Passing
from tests.machine.people import People
from tests.machine.troubles import Troubles

ALL: frozenset[str] = frozenset()
"""No event is left out."""


class Machine(People, Troubles, Passing, Calm):
    """Anything in any order."""


@dataclass(frozen=True)
class Size:
    """How many examples of how many steps; a number always gives the same ones."""

    examples: int
    steps: int
    number: int


def run(home: Upstream, catalog: catalogs.Catalog, size: Size, *, only: frozenset[str] = ALL) -> Tally:
    """The examples were run, with those events only; raises what was broken."""
    Machine.home, Machine.catalog, Machine.tally = home, catalog, Tally()
    left_out = dict.fromkeys(set(EVENTS) - only) if only else {}
    narrow: Any = type("Narrow", (Machine,), left_out)
    chosen = settings(
        max_examples=size.examples,
        stateful_step_count=size.steps,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    with asyncio.Runner() as Machine.runner:
        run_state_machine_as_test(seed(size.number)(narrow), settings=chosen)
    return Machine.tally
