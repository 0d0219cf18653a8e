"""Coolify's request limit, as Coolify tells it.

The limit (200 a minute unless configured) is a fixed window from its first request and belongs to the user,
not the token (4.3.10, RouteServiceProvider.php). Each answer carries `X-RateLimit-Limit` and
`X-RateLimit-Remaining`; a 429 carries `Retry-After` in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio

WINDOW = 60.0
"""Seconds of Coolify's fixed window."""
RETRY_UNTOLD = 15.0
"""Seconds to wait after a 429 that does not say how long."""
REORDERED = 16
"""Answers that may overtake each other: the connections of one client. A larger jump is a new window."""
SCARCE = 20
"""Fewer calls left than this, and those who pay more come first."""
AMPLE = 0.75
"""Part of the window's calls of which more must be left for calls that only save somebody a wait."""
LOOK = 1.0
"""Seconds after which a waiting call looks again: an answer may have told more."""


class Budget:
    """Holds every call back while the window is spent, so that a 429 is the exception, not the brake."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._closed_until = float("-inf")
        self._ends = float("-inf")
        """When the present window is over, at the latest."""
        self._is_told = False
        """An answer of the present window has come."""
        self._lowest = 0
        self._uncounted = 0
        """Calls made before the first answer told of any limit."""
        self.limit: int | None = None
        self.remaining: int | None = None

    async def opened(self) -> None:
        """Returns when a call may be made, and takes no turn."""
        while (left := self.wait_seconds()) > 0:
            await anyio.sleep(min(left, LOOK))

    async def turn(self) -> None:
        """Returns when a call may be made, which counts as made."""
        await self.opened()
        now = self._clock()
        if now >= self._ends:
            self.remaining, self._ends, self._is_told = self.limit, now + WINDOW, False
        if self.remaining is None:
            self._uncounted += 1
        else:
            self.remaining = max(self.remaining - 1, 0)

    def wait_seconds(self) -> float:
        """Seconds until the next call may be made; 0 when it may be made now."""
        now = self._clock()
        spent_until = self._ends if self.remaining == 0 else now
        return max(self._closed_until - now, spent_until - now, 0.0)

    def is_scarce(self) -> bool:
        """Few calls are left in this window, or none."""
        return self.wait_seconds() > 0 or (self.remaining is not None and self.remaining < SCARCE)

    def is_ample(self) -> bool:
        """So many calls are left in this window that one more takes nothing from those that must be made."""
        if self.wait_seconds() > 0:
            return False
        is_over = self._clock() >= self._ends
        return self.limit is None or self.remaining is None or is_over or self.remaining > AMPLE * self.limit

    def told(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says; answers without the headers (401, health) say nothing."""
        limit, remaining = headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining")
        if limit is None or remaining is None or not (limit.isdigit() and remaining.isdigit()):
            return
        self.limit, left = int(limit), int(remaining)
        is_new = self._is_told and left > self._lowest + REORDERED
        if is_new or self.remaining is None:
            on_their_way = REORDERED if is_new else self._uncounted - 1
            self.remaining = max(left - on_their_way, 0)
        if is_new or not self._is_told:
            self._lowest, self._is_told, self._ends = left, True, self._clock() + WINDOW
        self._lowest = min(self._lowest, left)
        self.remaining = min(self.remaining, left)

    def refused(self, headers: Mapping[str, str]) -> float:
        """A 429 came: nothing is sent for the returned number of seconds, then a new window begins."""
        told = headers.get("retry-after", "")
        after = float(told) if told.isdigit() else RETRY_UNTOLD
        self._closed_until = max(self._closed_until, self._clock() + after)
        self.remaining, self._ends = 0, self._closed_until
        return after
