"""Alerts that people do not want to be told of for a while; they are kept all the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers import status
from handlers.alerting.conditions import Alert


@dataclass(frozen=True, slots=True)
class Silence:
    """Until when, and of what: every condition that is not empty must hold."""

    until: datetime
    kind: str = ""
    tenant_id: str = ""
    stack_id: str = ""
    reason: str = ""

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Nobody is told of this alert now."""
        asked = (
            (self.kind, alert.kind),
            (self.tenant_id, alert.tenant_id),
            (self.stack_id, alert.stack_id),
        )
        return now < self.until and all(wanted in ("", found) for wanted, found in asked)

    def json(self) -> dict[str, str]:
        """As `listener_meta` keeps it."""
        return {
            "until": status.stamp(self.until),
            "kind": self.kind,
            "tenant_id": self.tenant_id,
            "stack_id": self.stack_id,
            "reason": self.reason,
        }


def read(meta: Mapping[str, Any]) -> Sequence[Silence]:
    """What `listener_meta` says; a row that cannot be read silences nothing."""
    found = []
    for row in meta.get("silences") or ():
        try:
            until = datetime.fromisoformat(row["until"])
            words = {name: str(row.get(name) or "") for name in ("kind", "tenant_id", "stack_id", "reason")}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        found.append(Silence(until if until.tzinfo else until.replace(tzinfo=UTC), **words))
    return found
