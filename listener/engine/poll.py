"""The view's source: one shared list is refreshed at its own pace, and says which keys to look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio
import structlog

from listener import contract, errors

from .attempt import attempt, is_bug
from .gate import Gate
from .queue import TICK, Lane, Queue

POLL_DEADLINE = 120.0
"""Seconds after which a refresh is cut and counts as a transient failure."""

OFTEN = 3
"""Failures in a row after which a failing refresh is a trouble of the whole process."""

log = structlog.get_logger()


class Poller:
    """Calls `poll` again `interval()` seconds after it ended; the keys it returns go to the sweep lane."""

    def __init__(
        self,
        *,
        poll: Callable[[], Awaitable[Iterable[contract.Key]]],
        interval: Callable[[], float],
        queue: Queue,
        gate: Gate,
    ) -> None:
        self._poll = poll
        self._interval = interval
        self._queue = queue
        self._gate = gate
        self._nudged = anyio.Event()
        self._failures = 0
        self._last = ""

    @property
    def trouble(self) -> str:
        """What it failed of `OFTEN` times in a row or more; empty as soon as it succeeds."""
        return self._last if self._failures >= OFTEN else ""

    def nudge(self) -> None:
        """The interval is asked for again: something began to be in flight, and it may be shorter now."""
        self._nudged.set()

    async def run(self) -> None:
        """Polls for as long as the process lives; a failure is tried again at the next interval."""
        while True:
            await self._gate.wait_to_begin()
            await self._once()
            await self._rest(since=anyio.current_time())

    async def _once(self) -> None:
        found = await attempt(self._poll, seconds=POLL_DEADLINE)
        if isinstance(found, Exception):
            if not self._failures or is_bug(found):
                log.warning("poll.failed", error=str(found), exc_info=found if is_bug(found) else None)
            self._failures += 1
            self._last = _name(found)
            self._gate.stand_back(found)
            return
        if self._failures:
            log.info("poll.recovered")
        self._failures = 0
        for key in found:
            self._queue.add(key, Lane.SWEEP)

    async def _rest(self, *, since: float) -> None:
        while (left := since + self._interval() - anyio.current_time()) > TICK:
            self._nudged = anyio.Event()
            with anyio.move_on_after(left):
                await self._nudged.wait()


def _name(error: Exception) -> str:
    if isinstance(error, errors.ListenerError):
        return f"{error.code}: {error.what}"
    return f"{type(error).__name__}, see the log"
