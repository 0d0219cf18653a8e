"""One clock for the listener and for Coolify; it moves when a test says so, and a tick at each reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TICK = 0.001
"""Seconds a reading takes: what is asked for later has a later time."""
NOON = datetime(2031, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """Seconds since some start, and the time of day that goes with them."""

    def __init__(self) -> None:
        self.seconds = 10_000.0
        self.jump = 0.0
        """Seconds by which the time of day was set forward; nothing that counts seconds notices."""
        self.skew = 0.0
        """Seconds by which the upstreams' clocks are known to differ."""

    def __call__(self) -> float:
        """Now, on the listener's clock."""
        self.seconds += TICK
        return self.seconds

    def now(self) -> datetime:
        """Now, as a time of day."""
        return NOON + timedelta(seconds=self.seconds + self.jump)
