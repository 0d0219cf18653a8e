"""How fast we write: freely, until PocketBase's rate limiter speaks up.

The limiter (PocketBase 0.40.6, `middlewares_rate_limit.go`) gives a number of tokens and refills them when
nothing was let through for the whole interval. Its defaults: 3 batches in 1 s, 20 creates in 5 s, counted
inside batches too. The lease's renewal needs one of the three.
"""

from __future__ import annotations

import math

import anyio

SLOW_SECONDS = 300.0
"""How long we go slowly after a 429."""
BATCH_SECONDS = 0.5
CREATES = 20
CREATES_SECONDS = 5.0


class Budget:
    """Turns for one batch after another. Not for concurrent use: the writer sends one batch at a time."""

    def __init__(self) -> None:
        self._slow_until = -math.inf
        self._next_batch = -math.inf
        self._last_create = -math.inf
        self._created = 0

    @property
    def room(self) -> float:
        """How many creates may go into the next batch."""
        if not self._is_slow():
            return math.inf
        if anyio.current_time() >= self._last_create + CREATES_SECONDS:
            return CREATES
        return CREATES - self._created

    async def turn(self, creates: int) -> None:
        """A batch with so many creates may be sent now; more than `CREATES` wait for a full `room`."""
        if self._is_slow():
            await anyio.sleep_until(self._next_batch)
            if self.room < min(creates, CREATES):
                await anyio.sleep_until(self._last_create + CREATES_SECONDS)

    def spent(self, creates: int) -> None:
        """A batch was answered."""
        now = anyio.current_time()
        self._next_batch = max(self._next_batch, now + BATCH_SECONDS)
        if creates:
            self._created = creates if now >= self._last_create + CREATES_SECONDS else self._created + creates
            self._last_create = now

    def slow_down(self, after: float) -> None:
        """PocketBase answered 429: nothing for `after` seconds, and slowly for `SLOW_SECONDS`."""
        now = anyio.current_time()
        self._slow_until = now + SLOW_SECONDS
        self._next_batch = now + after

    def _is_slow(self) -> bool:
        return anyio.current_time() < self._slow_until
