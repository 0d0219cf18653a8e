"""Status words, and what people read on a record: what is happening and what comes next.

Words are compared with `pb_schema` by a test. Messages change only when the state does, and name absolute
times, so that a record that nothing happened to is not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, Literal

from handlers import refusals
from handlers.messages import MESSAGES
from listener import errors


class Status(StrEnum):
    """The life cycle of a stack, as shown."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    RUNNING = "running"
    SUSPENDED = "suspended"
    DELETING = "deleting"
    DELETED = "deleted"
    ERROR = "error"


class Health(StrEnum):
    """Health as far as Coolify tells it; apart from the life cycle."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    UNKNOWN = "unknown"


class TenantStatus(StrEnum):
    """A tenant, as shown in `listener_status`."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WAITING = "waiting"
    BLOCKED = "blocked"


LONGEST = 2000
"""Characters of a message; PocketBase refuses the whole write for a longer one."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The language and time zone in which records speak."""

    language: Literal["en", "de"]
    zone: tzinfo

    def say(self, code: str, **values: str) -> str:
        """The message of a reason code, no longer than the field that shows it."""
        return MESSAGES[code][1 if self.language == "de" else 0].format(**values)[:LONGEST]

    def told(self, refusal: errors.Refusal) -> str:
        """Why something was refused, for people."""
        return refusals.told(refusal, self.language)[:LONGEST]

    def at(self, moment: datetime) -> str:
        """A time for people, to the minute, with its zone."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M %Z")


def counted(voice: Voice, counts: Mapping[str, int], lacks: str) -> str:
    """How a tenant's stacks fare, in one sentence; empty without any."""
    parts = []
    for name, number in counts.items():
        code = "count_in_line" if name == "waiting" and not lacks else f"count_{name}"
        if number:
            parts.append(voice.say(code, n=str(number), lacks=lacks))
    return f"{', '.join(parts)}." if parts else ""


def parse(text: str) -> tuple[str, str]:
    """Coolify's `state[:health][:excluded]` as (state, health); unknown words stay as they are.

    Containers in their health check's start phase are shown as `running:healthy` (4.3.10).
    """
    state, _, rest = text.partition(":")
    health = rest.partition(":")[0]
    return state or "unknown", health if health in tuple(Health) else Health.UNKNOWN


def stamp(moment: datetime) -> str:
    """A time as PocketBase stores and returns it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def difference(display: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `wanted` that the record does not show already."""
    return {name: value for name, value in wanted.items() if (display.get(name) or "") != (value or "")}
