"""The night ends well, every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.night import scene, story


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_bad_night_is_handled_with_our_commands_alone(tmp_path: Path) -> None:
    async with scene.opened(tmp_path) as made:
        await story.night(made, tmp_path)
        titles = [line for line in made.lines if line.startswith("## ")]
    assert len(titles) == 7
