"""How often logs may be read: every reading spends calls of the one limit that the listener works with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW = 60.0
"""Seconds."""
EVERYBODY = 30
"""Readings a window; each costs Coolify two calls of its 200 (4.3.10)."""
EACH = 10
"""Readings of one user a window."""


class Pace:
    """Who read when, within the last window."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._taken: deque[tuple[float, str]] = deque()

    def take(self, user_id: str) -> float:
        """0 when this user may read now, which counts as read; else the seconds until a next try pays."""
        now = self._clock()
        while self._taken and self._taken[0][0] <= now - WINDOW:
            self._taken.popleft()
        own = [at for at, who in self._taken if who == user_id]
        if len(own) >= EACH:
            return own[0] + WINDOW - now
        if len(self._taken) >= EVERYBODY:
            return self._taken[0][0] + WINDOW - now
        self._taken.append((now, user_id))
        return 0.0
