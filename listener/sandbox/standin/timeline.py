"""Time and what is still to happen in it.

No task runs in the background: each request and each look first lets happen what is due by the given clock.
So the stand-in behaves the same under real and under virtual time, with and without a lifespan.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate


class Timeline:
    """Deeds with a due time, in seconds of `clock`, done in the order of that time.

    `ahead` is by how many seconds the time of day is wrong.
    """

    def __init__(self, clock: Callable[[], float], *, ahead: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = ahead
        self._begin: float | None = None
        self._epoch = time.time()
        self._moment: float | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def now(self) -> float:
        """Seconds on the clock; inside a deed the time at which it was due."""
        return self._clock() if self._moment is None else self._moment

    def wall(self) -> float:
        """Seconds since 1970, moving with the clock."""
        if self._begin is None:
            self._begin = self._clock()
        return self._epoch + self.now() - self._begin + self._ahead()

    def stamp(self) -> str:
        """The wall time as Coolify writes it: whole seconds (Coolify 4.3.10)."""
        return datetime.fromtimestamp(self.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")

    def date(self) -> str:
        """The wall time as an answer's `Date`."""
        return formatdate(self.wall(), usegmt=True)

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """`deed` will be done `seconds` from now."""
        heapq.heappush(self._due, (self.now() + seconds, next(self._count), deed))

    def tick(self) -> None:
        """Everything that is due has happened, each thing at its own time."""
        while self._due and self._due[0][0] <= self._clock():
            self._do(at=self._due[0][0])

    def finish(self) -> None:
        """Everything that is still to happen has happened now, in its order."""
        while self._due:
            self._do(at=self._clock())

    def _do(self, *, at: float) -> None:
        _, _, deed = heapq.heappop(self._due)
        self._moment = at
        try:
            deed()
        finally:
            self._moment = None
