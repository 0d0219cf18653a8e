"""Whether people told the listener to do nothing for a while: pure, from `listener_meta`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers import status

LONGEST_DAYS = 7
"""A pause that was forgotten must not last."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is done, and why; `until` in the past or None = there is none."""

    until: datetime | None = None
    reason: str = ""

    def holds(self, now: datetime) -> bool:
        """Nothing may have an effect now."""
        return self.until is not None and now < self.until

    def fields(self) -> dict[str, str]:
        """As `listener_meta` keeps it."""
        return {
            "paused_until": status.stamp(self.until) if self.until else "",
            "pause_reason": self.reason,
        }


def of(meta: Mapping[str, Any]) -> Pause:
    """What `listener_meta` says; text that is no date is no pause."""
    text = str(meta.get("paused_until") or "")
    try:
        until = datetime.fromisoformat(text) if text else None
    except ValueError:
        until = None
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return Pause(until, str(meta.get("pause_reason") or ""))
