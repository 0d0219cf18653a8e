"""Kinds of alerts, as a literal registry: a new kind is one more line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SEVERITIES = ("info", "warning", "critical")
"""From the least; `info` is kept and not sent."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`patient` kinds must hold for `Waits.alert` before they are raised."""

    severity: str
    title: str
    """What is so, after the name of whom it is about."""
    patient: bool = False


KINDS: Mapping[str, Kind] = {
    # of one stack
    "unhealthy": Kind("warning", "is unhealthy", patient=True),
    "late": Kind("critical", "does not run"),
    "stopped": Kind("critical", "stopped again after it was restored"),
    "blocked": Kind("critical", "is blocked until a person decides"),
    "matches": Kind("critical", "has more than one service"),
    "oom": Kind("critical", "ran out of memory"),
    "crash_loop": Kind("critical", "ends again and again"),
    "by_hand": Kind("warning", "was changed by hand in Coolify"),
    "not_stopped": Kind("critical", "does not stop"),
    "probe": Kind("warning", "is not confirmed at its address", patient=True),
    "domain": Kind("info", "waits for its domain"),
    "volume": Kind("warning", "stores more than it may"),
    "refused": Kind("info", "is refused"),
    "error": Kind("warning", "is in error", patient=True),
    "backup_failed": Kind("critical", "could not be backed up, or its backup not proven"),
    "backup_overdue": Kind("warning", "has no fresh backup"),
    "unproven": Kind("warning", "keeps its data until a backup of it is proven"),
    "orphan": Kind("warning", "runs without a record"),
    # of the whole
    "server": Kind("critical", "cannot be reached or used", patient=True),
    "prunes": Kind("critical", "deletes unused volumes"),
    "disk": Kind("critical", "is nearly full"),
    "disk_unknown": Kind("warning", "is not measured any more"),
    "docker_unknown": Kind("warning", "is not watched any more"),
    "brake": Kind("warning", "holds deletions back"),
    "breaker": Kind("critical", "is open, nothing is done"),
    "held": Kind("critical", "wait for a person, nothing is done"),
    "pocketbase": Kind("critical", "cannot be reached", patient=True),
    "coolify": Kind("critical", "gives no fresh list", patient=True),
    "flapping": Kind("warning", "comes and goes"),
}
CODES: Mapping[str, str] = {
    "UNHEALTHY": "unhealthy",
    "NOT_RUNNING": "late",
    "STOPPED_AGAIN": "stopped",
    "STARTED_BY_HAND": "by_hand",
    "DRIFT": "by_hand",
    "NOT_STOPPED": "not_stopped",
    "STILL_ANSWERING": "not_stopped",
    "UNCONFIRMED": "probe",
    "DOMAIN_UNPROVEN": "domain",
    "SERVICE_MISSING": "blocked",
    "SERVICE_FOREIGN": "blocked",
    "TENANT_CHANGED": "blocked",
    "PROJECT_FOREIGN": "blocked",
    "FOREIGN_BORN": "blocked",
    "NEEDS_APPROVAL": "blocked",
    "BACKUP_UNPROVEN": "unproven",
    "SERVER_PRUNES_VOLUMES": "prunes",
    "UNEXPECTED": "error",
    "RUN_DEADLINE": "error",
}
"""Code at the beginning of a record's `error_message` -> kind."""
QUIET = ("DELETION_BRAKED",)
"""Codes that one alert of the whole stands for."""
