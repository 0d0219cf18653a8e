"""The talk that release notes quote still happens."""

from __future__ import annotations

import pytest

from . import fakes, talk


@pytest.mark.long
def test_the_talk_ends_well_and_shows_edits_and_the_bots_own_log() -> None:
    lines: list[str] = []
    assert talk.main(lines.append) == 0
    text = "".join(lines)
    assert "bot (edit)   Bees use the sun as a compass" in text
    assert '"event": "message.answered"' in text
    assert text.rstrip().endswith("exit code 0")
    assert fakes.TOKEN not in text
    assert fakes.KEY not in text
