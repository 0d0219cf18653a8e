"""Files of faults: what they may say, and how what they may not say is told."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
import yaml

from listener import errors
from listener.cli import exits
from listener.sandbox import faults, faults_file, faults_help
from tests.cli.commands import cloudfreedom

EXAMPLE = Path("example")


def kinds() -> set[tuple[str, str]]:
    """Every place with everything that can go wrong there."""
    found = set()
    for kind in typing.get_args(faults.Kind):
        where, what = (typing.get_type_hints(kind)[name] for name in ("where", "what"))
        found |= {(place, word) for place in typing.get_args(where) for word in typing.get_args(what)}
    return found


def refusal(tmp_path: Path, text: str | bytes) -> str:
    """What is said about a file with this content."""
    path = tmp_path / "faults.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(errors.Refusal) as caught:
        faults_file.load(path)
    assert exits.code_of(caught.value) is exits.Exit.CONFIGURATION
    assert caught.value.why
    assert caught.value.fix
    return caught.value.message


def test_the_example_has_every_kind_of_fault() -> None:
    shown = {(entry.where, entry.what) for entry in faults_file.load(EXAMPLE)}
    assert {what for _, what in kinds()} == {what for _, what in shown}


def test_docstring_and_help_name_every_kind_of_fault() -> None:
    for text in (faults.__doc__, faults_help.TEXT):
        words = set(re.findall(r"\w+", text or ""))
        assert {what for _, what in kinds()} <= words


def test_help_shows_an_entry_that_may_be_used() -> None:
    for text in (faults.__doc__, faults_help.TEXT):
        (line,) = [line for line in (text or "").splitlines() if line.lstrip().startswith("- {")]
        assert yaml.safe_load(line)[0]["where"] == "coolify"


def test_every_entry_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(
        "- {after: 1, for: 2, where: coolify, what: status, status: 429, headers: {Retry-After: 3}}\n"
        "- {where: pocketbase, what: drop, effect: true}\n"
        "- {for: 1, where: jobs, what: hold, job: stop}\n"
        "- {for: 1, where: jobs, what: hold, times: 2}\n"
    )
    status, drop, *held = faults_file.load(path)
    assert (status.after, status.seconds_at_most) == (1, 2)
    assert isinstance(status, faults.Status)
    assert status.fault()["headers"] == {"Retry-After": "3"}
    assert status.fault()["times"] == faults.ENDLESS
    assert isinstance(drop, faults.Broken)
    assert (drop.fault()["times"], drop.fault()["effect"]) == (1, True)
    assert [job.fault()["times"] for job in held if isinstance(job, faults.Job)] == [faults.ENDLESS, 2]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{where: coolify, what: nap}", "'nap'"),
        ("{where: coolify}", "what"),
        ("{what: drop}", "where: Field required"),
        ("{where: jobs, what: drop}", "where: Input should be 'coolify' or 'pocketbase'"),
        ("{where: coolify, what: drop, when: now}", "when: Extra inputs are not permitted"),
        ("{where: coolify, what: status}", "status: Field required"),
        ("{where: coolify, what: status, status: 99}", "status: "),
        ('{where: coolify, what: status, status: 429, headers: {A: "b\\r\\nC: d"}}', "headers.A"),
        ("{where: coolify, what: drop, after: -1}", "after: "),
        ("{where: coolify, what: drop, after: .inf}", "after: "),
        ("{where: coolify, what: drop, after: true}", "after: "),
        ("{where: coolify, what: drop, after: 1, after: 2}", "`after` is given twice"),
        ("{where: coolify, what: drop, path: '['}", "path: is no pattern"),
        ("{where: coolify, what: drop, every: 1, for: 2}", "`every` is shorter than `for`"),
        ("{where: jobs, what: reorder}", "`reorder` needs `for`"),
        ("{where: jobs, what: hold, job: nap}", "job: "),
        ("{where: coolify, what: turn, knobs: {nap: 1}}", "knobs: no knob 'nap'"),
        ("{where: coolify, what: turn, knobs: {unhealthy: '['}}", "is no pattern"),
        ("{where: pocketbase, what: cut, for: 1}", "for: Extra inputs"),
        ("7", "valid dictionary"),
        ("{7: 8}", "what"),
        ("null", "valid dictionary"),
    ],
    ids=str,
)
def test_a_wrong_entry_is_told_with_its_line(tmp_path: Path, entry: str, told: str) -> None:
    text = f"# a remark\n- {{where: coolify, what: drop}}\n\n- {entry}\n"
    message = refusal(tmp_path, text)
    assert "entry 2 (line 4): " in message
    assert told in message
    assert "entry 1" not in message


@pytest.mark.parametrize(
    "content",
    [
        "",
        "7",
        "{}",
        "[]",
        "- [",
        "\t- x",
        "- 2024-13-45",
        b"\xff\xfe\x00",
        "- &a [*a]",
        "[" * 5000,
        "- !!x 1",
    ],
    ids=["empty", "number", "map", "none", "open", "tab", "date", "bytes", "itself", "deep", "tag"],
)
def test_what_is_no_list_of_faults_is_told(tmp_path: Path, content: str | bytes) -> None:
    assert "cannot be used" in refusal(tmp_path, content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(errors.Refusal, match="cannot be used"):
            faults_file.load(path)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "- {where: x, what: drop, effect: 7}\n- {what: lag}\n")
    assert len(message.splitlines()) == 1 + 2 + 2


async def test_the_command_ends_with_78_before_it_starts_anything(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("- {where: moon, what: cut}\n")
    done = await cloudfreedom({}, "sandbox", "--faults", str(tmp_path / "faults.yaml"))
    assert (done.code, done.out) == (78, "")
    assert "error CONFIGURATION" in done.err
    assert "entry 1 (line 1): where: " in done.err


async def test_the_walk_refuses_faults_and_says_why() -> None:
    done = await cloudfreedom({}, "sandbox", "--once", "--faults", "example")
    assert done.code == 2
    assert "the walk counts calls and seconds" in " ".join(done.err.split())
