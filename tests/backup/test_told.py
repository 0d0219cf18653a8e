"""Failed, overdue and never made are told apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alerting import copies
from handlers.alerting.conditions import Shown, Sight, alerts
from handlers.alerting.kinds import KINDS

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
FRESH, OLD = "2030-01-31 02:10:00.000Z", "2030-01-29 02:10:00.000Z"
FAILED = json.dumps({"state": "failed", "tried": FRESH, "error": "BACKUP_DISK_FULL · there is no room left"})
STALE = json.dumps({"state": "failed", "tried": OLD, "error": "BACKUP_DISK_FULL · there is no room left"})
DONE = json.dumps({"state": "done", "snapshot": "0123abcd"})


@pytest.mark.parametrize(
    ("shown", "is_due", "said"),
    [
        ({"last_backup": FRESH, "last_backup_info": DONE, "created": OLD}, True, None),
        (
            {"last_backup": FRESH, "last_backup_info": FAILED},
            True,
            ("backup_failed", "is of 2030-01-31"),
        ),
        ({"last_backup": "", "last_backup_info": FAILED}, False, ("backup_failed", "there is none so far")),
        (
            {"last_backup": OLD, "last_backup_info": DONE},
            True,
            ("backup_overdue", "is of 2030-01-29"),
        ),
        ({"last_backup": "", "last_backup_info": STALE}, True, ("backup_failed", "there is none so far")),
        ({"last_backup": "", "last_backup_info": STALE}, False, None),
        ({"last_backup": OLD, "last_backup_info": DONE}, False, None),
        ({"last_backup": "", "created": OLD}, True, ("backup_overdue", "there is none so far")),
        ({"last_backup": "", "created": FRESH}, True, None),
        ({"last_backup": None, "last_backup_info": "[]", "created": "?"}, True, None),
    ],
    ids=[
        "fresh",
        "failed",
        "failed-no-tariff",
        "overdue",
        "failed-long-ago",
        "failed-long-ago-no-tariff",
        "no-tariff",
        "never",
        "too-new",
        "forged",
    ],
)
def test_what_the_record_says_of_its_backups(
    shown: dict[str, Any], is_due: bool, said: tuple[str, str] | None
) -> None:
    judged = copies.judge(copies.read(shown), NOW, is_due=is_due)
    assert (judged is None) == (said is None)
    if judged and said:
        assert (judged[0], said[1] in judged[1]) == (said[0], True)
        assert judged[0] in KINDS


def test_it_becomes_one_alert_of_its_stack() -> None:
    one = Shown("s1", "acme-chat", "t1", "running", "healthy", "", backup=("backup_failed", "CODE · why"))
    found = alerts(Sight(NOW, stacks=[one]))
    assert [(key, one.kind, one.text) for key, one in found.items()] == [
        ("backup_failed:s1", "backup_failed", "CODE · why")
    ]
    assert KINDS["backup_failed"].severity == "critical"
    assert KINDS["backup_overdue"].severity == "warning"
