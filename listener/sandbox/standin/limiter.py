"""The rate limit: a fixed minute from the first request (Coolify 4.3.10, RouteServiceProvider.php)."""

from __future__ import annotations

import math

from listener.sandbox.standin import answers, timeline

WINDOW = 60.0


class Limiter:
    """Counts per bucket; a bucket is a user, or an address for user 0 and for those without a token."""

    def __init__(self, time: timeline.Timeline) -> None:
        self._time = time
        self._buckets: dict[str, tuple[float, int]] = {}

    def hit(self, bucket: str, limit: int) -> dict[str, str]:
        """The request counts; the headers for its answer. Raises 429 when the window is used up."""
        now = self._time.now()
        ends, count = self._buckets.get(bucket, (now + WINDOW, 0))
        if now >= ends:
            ends, count = now + WINDOW, 0
        if count >= limit:
            left = max(1, math.ceil(ends - now))
            headers = {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": "0",
                "Retry-After": str(left),
            }
            headers["X-RateLimit-Reset"] = str(math.ceil(self._time.wall()) + left)
            raise answers.Refused(429, {"message": "Too Many Attempts."}, headers)
        self._buckets[bucket] = (ends, count + 1)
        return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(limit - count - 1)}

    def reset(self) -> None:
        """All windows are new."""
        self._buckets.clear()
