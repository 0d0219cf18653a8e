"""How much one person may ask."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

HOUR = 3600.0
BURST = 5
BURST_SECONDS = 20.0
PEOPLE = 1000


class Quota:
    """Counts questions of each person in a sliding hour and in a short burst."""

    def __init__(self, per_hour: int, clock: Callable[[], float]) -> None:
        self._per_hour = per_hour
        self._clock = clock
        self._asked: dict[int, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, user: int) -> float:
        """0 if the person may ask, which then counts; else the seconds until they may."""
        now = self._clock()
        with self._lock:
            asked = self._asked.pop(user, deque())
            self._asked[user] = asked
            while len(self._asked) > PEOPLE:
                del self._asked[next(iter(self._asked))]
            while asked and asked[0] <= now - HOUR:
                asked.popleft()
            if len(asked) >= self._per_hour:
                return asked[-self._per_hour] + HOUR - now if self._per_hour else HOUR
            if len(asked) >= BURST and asked[-BURST] > now - BURST_SECONDS:
                return asked[-BURST] + BURST_SECONDS - now
            asked.append(now)
            return 0.0
