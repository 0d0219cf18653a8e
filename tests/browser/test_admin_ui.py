"""The admin UI sends whole forms and keeps drafts; with our hooks that does no harm."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.browser import stage as stages
from tests.browser import story

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture
def chromium() -> str:
    """The program's path. Without it the test is skipped, but not where CI is set."""
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed")
    assert path is not None, "chromium is missing: apt-get install chromium"
    return path


async def test_staff_lead_a_stack_through_its_whole_life_in_the_admin_ui(
    tmp_path: Path, chromium: str
) -> None:
    async with stages.opened(tmp_path, chromium) as stage:
        await story.whole(stage)
