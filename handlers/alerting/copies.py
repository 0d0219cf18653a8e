"""What the record says of a stack's backups: the last one failed, or none is fresh. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

OVERDUE = timedelta(hours=36)
"""A copy is made every day; half a day is the timer's."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a record says of its stack's backups, its times read."""

    is_failed: bool
    tried: datetime | None
    error: str
    last: datetime | None
    """The last good copy."""
    since: datetime | None
    """That, or the record's own creation."""


def read(shown: Mapping[str, Any]) -> Said:
    """It as the record shows it."""
    said, last = info(shown), _time(shown.get("last_backup"))
    since = last or _time(shown.get("created"))
    return Said(
        said.get("state") == "failed", _time(said.get("tried")), str(said.get("error") or ""), last, since
    )


def judge(said: Said, now: datetime, *, is_due: bool) -> tuple[str, str] | None:
    """`backup_failed` or `backup_overdue` with what to say of it; None while all is well.

    `is_due` = its tariff has backups, and it has data. Without that a failure is told while it is fresh.
    """
    if said.is_failed and (is_due or (said.tried and now - said.tried <= OVERDUE)):
        return "backup_failed", f"{said.error or 'no reason was left'} ({_before(said)})"
    if is_due and said.since is not None and now - said.since > OVERDUE:
        return "backup_overdue", f"{_before(said)}; nobody tried since"
    return None


def _before(said: Said) -> str:
    return f"the last good one is of {said.last:%Y-%m-%d %H:%M} UTC" if said.last else "there is none so far"


def info(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What the last run left on the record; empty where nothing can be read.

    `state` (`done` or `failed`), `tried`, `snapshot`, `bytes`, `error`, and `proven`, when a drill succeeded.
    """
    try:
        found = json.loads(str(shown.get("last_backup_info") or ""))
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None
