"""What is sent to Coolify is what was reviewed."""

from __future__ import annotations

from tests.compose import golden


def test_every_document_is_as_it_was_reviewed() -> None:
    """After a change that is meant: `python -m tests.compose.golden`, and a look at the difference."""
    there = {path.name: path.read_text("utf-8") for path in golden.FOLDER.iterdir()}
    assert there == dict(golden.documents())
