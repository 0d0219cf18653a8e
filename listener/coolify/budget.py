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


class Budget:
    """Holds every call back while the window is spent, so that a 429 is the exception, not the brake."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._closed_until = 0.0
        self._window_began = 0.0
        self.limit: int | None = None
        self.remaining: int | None = None

    async def turn(self) -> None:
        """Returns when a call may be made."""
        while (left := self.wait_seconds()) > 0:
            await anyio.sleep(left)
        if self.remaining is not None and self.remaining > 0:
            self.remaining -= 1

    def wait_seconds(self) -> float:
        """Seconds until the next call may be made; 0 when it may be made now."""
        now = self._clock()
        if self._closed_until > now:
            return self._closed_until - now
        if self.remaining == 0 and now < self._window_began + WINDOW:
            return self._window_began + WINDOW - now
        return 0.0

    def told(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says; answers without the headers (401, health) say nothing."""
        limit, remaining = headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining")
        if limit is None or remaining is None or not (limit.isdigit() and remaining.isdigit()):
            return
        now = self._clock()
        if (
            self.remaining is None
            or int(remaining) > self.remaining + 1
            or now >= self._window_began + WINDOW
        ):
            self._window_began = now
            self.remaining = int(remaining)
        self.limit = int(limit)
        self.remaining = min(self.remaining, int(remaining))

    def refused(self, headers: Mapping[str, str]) -> float:
        """A 429 came: nothing is sent for the returned number of seconds."""
        told = headers.get("retry-after", "")
        after = float(told) if told.isdigit() else RETRY_UNTOLD
        self._closed_until = max(self._closed_until, self._clock() + after)
        self.remaining = None
        return after
