"""Each kind of alert, from a real cause to a person and back: raised once, cleared once, nothing between."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from typer.main import get_command

from handlers.alerting.kinds import KINDS
from listener.cli import main
from listener.compose import catalog as catalogs
from tests.alerts.conftest import Receiver
from tests.alerts.every import page
from tests.alerts.every.case import Case, played
from tests.alerts.every.everything import CASES, place
from tests.cli import remedies
from tests.handlers.upstream import Upstream

QUICK = ("blocked", "disk")
"""Kinds that every run plays; all others take minutes together."""


def _param(case: Case) -> object:
    marks = () if case.kind in QUICK else (pytest.mark.long,)
    return pytest.param(case, id=f"{case.kind}: {case.cause}", marks=marks)


def test_every_kind_has_a_case_and_a_line_in_the_list_for_people() -> None:
    assert {case.kind for case in CASES} == KINDS.keys()
    assert page.kinds(page.FILE.read_text()) == KINDS.keys()


def test_every_kind_says_what_to_do() -> None:
    assert [name for name, kind in KINDS.items() if not kind.fix] == []
    typed = {words.split()[0] for kind in KINDS.values() for words in remedies.COMMAND.findall(kind.fix)}
    assert typed <= get_command(main.app).commands.keys()  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", [*map(_param, CASES)])
async def test_it_is_raised_once_and_cleared_once(
    case: Case, upstream: Upstream, catalog: catalogs.Catalog, receiver: Receiver, tmp_path: Path
) -> None:
    async with place(upstream, catalog, receiver=receiver, folder=tmp_path) as tower:
        story = await played(tower, case)
    kind = KINDS[case.kind]
    for notice, state in ((story.raised, "raised"), (story.cleared, "cleared")):
        assert (notice["kind"], notice["state"]) == (case.kind, state)
        assert notice["severity"] == kind.severity
        assert notice["title"].endswith(f" {kind.title}")
        assert notice["text"]
        assert notice["fix"] == kind.fix.replace("STACK", notice["stack_id"])
    assert {name for name, _ in story.others} == {*case.besides}
    ends = Counter(name for name, state in story.others.elements() if state == "cleared")
    assert ends == Counter(name for name, state in story.others.elements() if state == "raised")
