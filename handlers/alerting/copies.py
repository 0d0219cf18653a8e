"""What the record says of a stack's backups: the last one failed, or none is fresh. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

OVERDUE = timedelta(hours=36)
"""A copy is made every day; half a day is the timer's."""


def judge(shown: Mapping[str, Any], now: datetime, *, is_due: bool) -> tuple[str, str] | None:
    """`backup_failed` or `backup_overdue` with what to say of it; None while all is well.

    `is_due` = its tariff has backups, and it has data. Without that a failure is told while it is fresh.
    """
    said = info(shown)
    last = _time(shown.get("last_backup"))
    before = f"the last good one is of {last:%Y-%m-%d %H:%M} UTC" if last else "there is none so far"
    tried = _time(said.get("tried"))
    if said.get("state") == "failed" and (is_due or (tried and now - tried <= OVERDUE)):
        return "backup_failed", f"{said.get('error') or 'no reason was left'} ({before})"
    since = last or _time(shown.get("created"))
    if is_due and since is not None and now - since > OVERDUE:
        return "backup_overdue", f"{before}; nobody tried since"
    return None


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
