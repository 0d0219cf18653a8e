"""One accepted fleet under a running daemon for all tests that name it: each has tenants of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fleet import fleet as fleets
from tests.fleet.fleet import Fleet


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test runs commands against a daemon as a process: the whole folder is long."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.long)


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """The fleet, watched by a daemon that was told to accept it, and not touched yet."""
    async with fleets.left_behind(tmp_path_factory.mktemp("fleet")) as fleet:
        await fleet.accept()
        await fleet.world.start_daemon()
        await fleet.until_told()
        yield fleet
