"""The file of variables: dotenv, long values in quotes, and no value in any complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from listener import errors
from listener.cli import envfile
from tests.cli.commands import PROMPT, env_file


def test_values_may_have_several_lines_and_any_character(tmp_path: Path) -> None:
    path = env_file(tmp_path, MODEL="a $HOME #1 ${X} ü")
    found = envfile.read(path)
    assert (found["SYSTEM_PROMPT"], found["MODEL"]) == (PROMPT, "a $HOME #1 ${X} ü")


def test_export_comments_and_empty_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.env"
    path.write_text("\ufeffexport A=1 # one\n\n#B=2\nC=\nD='x # y'\n")
    assert envfile.read(path) == {"A": "1", "C": "", "D": "x # y"}


def test_every_bad_line_is_named_by_number_and_none_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "file.env"
    path.write_text('A=1\n\nfake secret without a name\nB\nA=2\nC="fake open\n')
    with pytest.raises(errors.Refusal) as caught:
        envfile.read(path)
    why = caught.value.why
    assert [part.split()[1] for part in why.split("; ")] == ["3", "4", "5", "6"]
    assert "fake" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [None, b"", b"# only words\n", b"\xff\xfe"], ids=["no", "empty", "words", "bin"]
)
def test_a_file_without_variables_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file.env"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(errors.Refusal, match="cannot be used"):
        envfile.read(path)
