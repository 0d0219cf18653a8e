"""What holds for every test: the fixtures, and one event loop a test."""

from __future__ import annotations

import asyncio

import pytest

from tests.fixtures import database, prepared_database

__all__ = ["database", "prepared_database"]


@pytest.fixture(autouse=True)
def _no_loop_left() -> None:
    """looptime 0.9 would make a loop that nobody closes where an earlier test left none set."""
    asyncio.set_event_loop(None)
