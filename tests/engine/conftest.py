"""A blocking call inside the loop is an error here, and every log line is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

# looptime 0.9 asks the policy for a loop before each test, plain ones too; on Python 3.11 the first such
# question makes a loop that nobody closes, unless one was ever set.
asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx("listener"):
        yield


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """Every line logged during the test."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines
