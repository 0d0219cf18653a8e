"""How often a server is asked: seldom enough that ten thousand stacks are no load."""

from __future__ import annotations

from collections.abc import Callable

import anyio

PER_SECOND = 5
"""Probes, over all stacks."""
GAP = 1.0 / PER_SECOND


class Pace:
    """Turns, a `GAP` apart, first come first served. Who gives up waiting costs the others nothing."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = anyio.Lock()
        self._next = float("-inf")

    async def turn(self) -> None:
        """Returns when a probe may begin, which counts as begun."""
        async with self._lock:
            await anyio.sleep(max(self._next - self._clock(), 0.0))
            self._next = self._clock() + GAP
