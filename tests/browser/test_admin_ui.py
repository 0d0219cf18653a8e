"""The admin UI sends whole forms and keeps drafts; with our hooks that does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import stage as stages
from tests.browser import story

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


async def test_staff_lead_a_stack_through_its_whole_life_in_the_admin_ui(
    tmp_path: Path, chromium: str
) -> None:
    async with stages.opened(tmp_path, chromium) as stage:
        await story.whole(stage)
