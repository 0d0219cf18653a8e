"""What holds for every test: the fixtures, and one event loop a test."""

from __future__ import annotations

import asyncio

import pytest

from tests.docker_host import _engine, docker_host
from tests.fixtures import database, prepared_database

__all__ = ["_engine", "database", "docker_host", "prepared_database"]


@pytest.fixture(autouse=True)
def _no_loop_left() -> None:
    """looptime 0.9 would make a loop that nobody closes where an earlier test left none set."""
    asyncio.set_event_loop(None)
