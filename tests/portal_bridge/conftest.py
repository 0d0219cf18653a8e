"""The fixtures of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fixtures import Database
from tests.portal_bridge import stage as stages


@pytest_asyncio.fixture(loop_scope="function")
async def stage(database: Database) -> AsyncIterator[stages.Stage]:
    """A bridge, real PocketBase, and a stand-in for Coolify, of the test's own."""
    async with stages.made(database) as made:
        yield made
