"""What counts as wrong, from what the listener knows anyway."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handlers.alerting.conditions import LOW_MB, Alert, Shown, Sight, alerts
from handlers.alerting.kinds import CODES, KINDS
from listener.dockerwatch.containers import Observation

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def shown(error: str = "", *, status: str = "running", health: str = "healthy", services: int = 1) -> Shown:
    return Shown("s", "acme-bot", "t", status, health, error, services)


def keys(**fields: object) -> set[str]:
    return set(alerts(Sight(NOW, **fields)))  # type: ignore[arg-type]


def test_a_stack_that_is_well_raises_nothing() -> None:
    assert keys(stacks=[shown(), shown(status="suspended", health="unknown")]) == set()


@pytest.mark.parametrize(
    ("stack", "key"),
    [
        (shown("NOT_RUNNING · it does not run · look", status="error"), "late:s"),
        (shown("UNHEALTHY · restarts · look", health="unhealthy"), "unhealthy:s"),
        (shown(health="unhealthy"), "unhealthy:s"),
        (shown("SERVICE_MISSING · gone · recreate", status="error"), "blocked:s"),
        (shown("VARIABLE_MISSING · a value is missing · set it", status="error"), "refused:s"),
        (shown("no code at all", status="error"), "error:s"),
        (shown("COOLIFY_REFUSED · 422 · Server Error", status="error"), "error:s"),
        (shown("GUARD_G03 · the template's fault", status="error"), "error:s"),
        (shown("DRIFT · edited in Coolify: x"), "by_hand:s"),
        (shown(services=2), "matches:s"),
    ],
)
def test_a_record_that_says_what_is_wrong_raises_its_kind(stack: Shown, key: str) -> None:
    assert keys(stacks=[stack]) == {key}


def test_what_is_started_again_after_it_did_not_run_raises_nothing_new() -> None:
    again = replace(shown(status="deploying", health="starting"), is_retried=True)
    found = alerts(Sight(NOW, stacks=[again]))
    assert [(key, one.is_kept) for key, one in found.items()] == [("late:s", True)]


def test_a_braked_deletion_is_one_alert_of_the_whole() -> None:
    braked = shown("DELETION_BRAKED · many are to go · approve", status="deleting")
    assert keys(stacks=[braked], braked=7) == {"brake"}


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"servers": {"one": "Coolify cannot reach it"}}, "server:one"),
        ({"prunes": ["one"]}, "prunes:one"),
        ({"free_mb": LOW_MB - 1}, "disk"),
        ({"is_disk_lost": True}, "disk_unknown"),
        ({"is_docker_lost": True}, "docker_unknown"),
        ({"breaker": "COOLIFY_TOKEN_REFUSED · no"}, "breaker"),
        ({"reasons": {"restored": "", "lease": ""}}, "held:restored"),
        ({"is_list_old": True}, "coolify"),
        ({"orphans": {"o": "acme-old"}}, "orphan:o"),
        ({"stacks": [shown()], "fat": {"s": "too much"}}, "volume:s"),
        ({"stacks": [shown()], "owners": {"u": "s"}, "observed": [Observation("oom", "u", "bot")]}, "oom:s"),
    ],
)
def test_what_is_wrong_with_the_whole_raises_its_kind(fields: dict[str, object], key: str) -> None:
    assert keys(**fields) == {key}


def test_containers_of_others_raise_nothing() -> None:
    assert keys(stacks=[shown()], observed=[Observation("oom", "foreign", "x")]) == set()


def test_every_code_has_a_kind_that_exists() -> None:
    assert set(CODES.values()) <= KINDS.keys()


def test_a_text_is_no_longer_than_what_is_kept() -> None:
    (found,) = alerts(Sight(NOW, stacks=[shown(f"NOT_RUNNING · {'x' * 900}")])).values()
    assert isinstance(found, Alert)
    assert len(found.text) == 500
