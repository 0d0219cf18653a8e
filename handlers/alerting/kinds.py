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
    fix: str
    """What a person does about it; `STACK` stands for the stack's id."""
    patient: bool = False


KINDS: Mapping[str, Kind] = {
    # of one stack
    "unhealthy": Kind(
        "warning", "is unhealthy",
        "`cloudfreedom logs STACK`: most often a wrong key, or an upstream of its program", patient=True,
    ),
    "late": Kind(
        "critical", "does not run",
        "`cloudfreedom explain STACK`, then its deployment log in Coolify; it is started again by itself",
    ),
    "stopped": Kind(
        "critical", "stopped again after it was restored",
        "find who stops it in Coolify, or why it ends; then `cloudfreedom retry STACK`",
    ),
    "blocked": Kind(
        "critical", "is blocked until a person decides",
        "`cloudfreedom explain STACK`: nothing of it is touched until you decided",
    ),
    "matches": Kind(
        "critical", "has more than one service",
        "look in Coolify which of them has the data; rename or delete the other there",
    ),
    "oom": Kind(
        "critical", "ran out of memory",
        "give it more memory (its `resource_limits`, or a larger tariff); `cloudfreedom logs STACK`",
    ),
    "crash_loop": Kind(
        "critical", "ends again and again",
        "`cloudfreedom logs STACK`: its program ends by itself, Docker starts it again",
    ),
    "by_hand": Kind(
        "warning", "was changed by hand in Coolify",
        "ask who works there; `cloudfreedom explain STACK` says what it is now and what it should be",
    ),
    "not_stopped": Kind(
        "critical", "does not stop",
        "look at the server and at Coolify's queue; on the host: `docker ps`",
    ),
    "probe": Kind(
        "warning", "is not confirmed at its address",
        "open the address: it is the DNS, the certificate, or the program; `cloudfreedom logs STACK`",
        patient=True,
    ),
    "domain": Kind("info", "waits for its domain", "its tenant sets the DNS record that `message` names"),
    "volume": Kind(
        "warning", "stores more than it may",
        "a larger tariff, or its tenant cleans up; `cloudfreedom capacity`"
    ),
    "refused": Kind("info", "is refused", "its tenant mends what the record's `message` says"),
    "error": Kind(
        "warning", "is in error",
        "`cloudfreedom explain STACK`; its cause mended: `cloudfreedom retry STACK`", patient=True,
    ),
    "backup_failed": Kind(
        "critical", "could not be backed up, or its backup not proven",
        "mend what is said here, then on its host: `sudo cloudfreedom backup run STACK`",
    ),
    "backup_overdue": Kind(
        "warning", "has no fresh backup", "on its host: `systemctl status cloudfreedom-backup.timer`"
    ),
    "unproven": Kind(
        "warning", "keeps its data until a backup of it is proven",
        "on its host: `sudo cloudfreedom backup run STACK`; or let its data go without a copy: "
        "`cloudfreedom purge STACK --without-backup`",
    ),
    "orphan": Kind(
        "warning", "has no record",
        "`cloudfreedom orphans`: put its record back, or let it be: after a day it is stopped, its data kept",
    ),
    # of the whole
    "server": Kind(
        "critical", "cannot be reached or used",
        "look at the server itself; when it is up: Coolify, Servers, Validate", patient=True,
    ),
    "prunes": Kind(
        "critical", "deletes unused volumes",
        "Coolify, Server, Docker Cleanup: switch “delete unused volumes” off",
    ),
    "disk": Kind(
        "critical", "is nearly full",
        "on the host: `docker image prune -a` (never volumes); OPERATIONS.md, “The host is full”",
    ),
    "disk_unknown": Kind(
        "warning", "is not measured any more", "on the host: `systemctl status cloudfreedom-disk.timer`"
    ),
    "docker_unknown": Kind(
        "warning", "is not watched any more", "on the host: `systemctl status cloudfreedom-dockerwatch`"
    ),
    "brake": Kind(
        "warning", "holds deletions back",
        "`cloudfreedom deletions`; if they are meant `cloudfreedom approve --waiting`, if not "
        "`cloudfreedom undelete --since 1h`",
    ),
    "breaker": Kind(
        "critical", "does nothing, its breaker is open",
        "mend what is said here; it closes by itself within seconds",
    ),
    "held": Kind(
        "critical", "wait for a person, nothing is done",
        "find out what happened: `cloudfreedom doctor`, `cloudfreedom plan`; if what is there now is to "
        "count: `cloudfreedom accept`",
    ),
    "pocketbase": Kind(
        "critical", "gives no lease, nothing is done",
        "look at PocketBase, its host, and the proxy before it: `cloudfreedom doctor`", patient=True,
    ),
    "coolify": Kind(
        "critical", "gives no fresh list", "look at Coolify and its host: `cloudfreedom doctor`", patient=True
    ),
    "flapping": Kind(
        "warning", "comes and goes",
        "find why it comes and goes; nothing more of it is sent until half an hour was quiet",
    ),
}  # fmt: skip
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
OURS = ("COOLIFY_", "POCKETBASE_", "GUARD_", "TEMPLATE_BROKEN")
"""Beginnings of codes that no tenant can mend: the stack is in error, and people are told."""


def fix(kind: str, stack_id: str) -> str:
    """What a person does about an alert of this kind, ready to be typed."""
    return KINDS[kind].fix.replace("STACK", stack_id or "STACK")
