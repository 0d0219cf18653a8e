"""A machine that finds nothing proves nothing: each seeded bug is found, and the product passes the same."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from listener.compose import catalog as catalogs
from tests.handlers.upstream import Upstream
from tests.machine import machine, mutants

SIZE = machine.Size(20, 40, 7)
"""A bug must be found within so many examples."""
QUICK = ("no-intent",)
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in mutants.MUTANTS]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_the_machine_finds_a_seeded_bug(
    home: Upstream, catalog: catalogs.Catalog, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mutant = mutants.MUTANTS[name]
    mutant.patch(monkeypatch)
    with suppress(AssertionError):
        machine.run(home, catalog, SIZE, only=frozenset(mutant.events.split()))
    broken = machine.Machine.tally.broken
    assert [one for one in broken if re.search(mutant.claims, one)], broken


@pytest.mark.endless
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_the_product_passes_where_the_bug_was_found(
    home: Upstream, catalog: catalogs.Catalog, name: str
) -> None:
    only = frozenset(mutants.MUTANTS[name].events.split())
    assert machine.run(home, catalog, SIZE, only=only).broken == []
