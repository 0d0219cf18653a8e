"""One stage for all tests that name it: each leaves it as it found it, or says so by failing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults import stage as stages


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A daemon as a process under faults takes minutes in all: the whole folder is long."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.long)


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[stages.Stage]:
    """The one stage, with one stack that runs."""
    async with stages.opened(tmp_path_factory.mktemp("stage")) as opened:
        await opened.until_shown(await opened.create(), "running")
        yield opened


@pytest_asyncio.fixture(loop_scope="package")
async def stage(shared: stages.Stage) -> stages.Stage:
    """The one stage, calm, whatever an earlier test left."""
    await shared.calm()
    return shared
