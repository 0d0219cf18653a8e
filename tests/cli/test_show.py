"""What is printed: plain columns in a pipe, nothing that a terminal would obey."""

from __future__ import annotations

import json

import pytest

from listener.cli import show
from listener.cli.doctor import report
from listener.cli.exits import Exit


def test_a_pipe_gets_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show.columns([{"tenant": "acme", "note": ""}, {"tenant": "a", "note": "Läuft."}])
    assert capsys.readouterr().out.splitlines() == ["TENANT  NOTE", "acme    -", "a       Läuft."]


def test_what_people_typed_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show.columns([{"name": "a\x1b[2Jb\nc"}])
    show.line("x\x1b]0;title\x07y")
    assert capsys.readouterr().out.splitlines() == ["NAME", "a [2Jb c", "x ]0;title y"]


def test_json_keeps_real_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show.as_json([{"name": "Müller"}])
    out = capsys.readouterr().out
    assert "Müller" in out
    assert json.loads(out) == [{"name": "Müller"}]


FAILED = report.failure("x", "y")
AWAY = report.failure("x", "y", Exit.UNAVAILABLE)
BARRED = report.failure("x", "y", Exit.CREDENTIALS)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([report.good("x"), report.warning("x", "y"), report.unsure("x")], Exit.DONE),
        ([report.good("x"), FAILED], Exit.FAILED),
        ([AWAY, AWAY, report.skipped("x")], Exit.UNAVAILABLE),
        ([BARRED], Exit.CREDENTIALS),
        ([AWAY, BARRED], Exit.FAILED),
    ],
    ids=["none", "one", "away", "barred", "mixed"],
)
def test_the_doctors_exit_code_is_what_all_failures_mean(lines: list[report.Line], code: Exit) -> None:
    assert report.verdict(lines) is code
