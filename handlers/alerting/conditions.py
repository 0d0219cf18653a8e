"""What is wrong now, from what the listener knows anyway: pure, and nothing is asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handlers.alerting.kinds import CODES, OURS, QUIET
from handlers.amounts import GIGABYTE
from listener.dockerwatch.containers import Observation

LOW_MB = 8 * GIGABYTE
"""Less free disk is an alert: nothing new that stores data starts then."""
CODE = re.compile(r"^([A-Z][A-Z0-9_]+) · ")
LONGEST = 500
"""Characters of a text that are kept."""
HOLDS: Mapping[str, str] = {
    "restored": "PocketBase or Coolify looks put back to an earlier day: `cloudfreedom accept`",
    "records_missing": "more records are missing than may be believed; deleted? `cloudfreedom accept`",
    "first_contact": "there are stacks and no ledger: `cloudfreedom plan`, then `cloudfreedom accept`",
}
"""Reasons against acting that only a person ends -> what is to be done."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong. `key` names it for as long as it is the same thing."""

    key: str
    kind: str
    about: str
    """Whom it concerns, as people call them."""
    text: str = ""
    tenant_id: str = ""
    stack_id: str = ""
    is_kept: bool = False
    """Nothing new: not raised by this, but not over either, and what was said of it stays."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A stack as its record shows it."""

    id: str
    name: str
    tenant_id: str
    status: str
    health: str
    error: str
    services: int = 1
    """How many services in Coolify carry its record's id."""
    backup: tuple[str, str] | None = None
    """Kind and text of what is wrong with its backups."""
    is_retried: bool = False
    """It did not run, is being started again by itself, and was not seen running yet."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the listener knows now."""

    now: datetime
    stacks: Sequence[Shown] = ()
    orphans: Mapping[str, str] = field(default_factory=dict)
    """Name by stack id."""
    servers: Mapping[str, str] = field(default_factory=dict)
    """By name, why a server cannot be used."""
    prunes: Sequence[str] = ()
    """Servers that delete unused volumes."""
    free_mb: int | None = None
    """Of the host's disk; None when it is not known."""
    is_disk_lost: bool = False
    """It was measured before, and is not any more."""
    fat: Mapping[str, str] = field(default_factory=dict)
    """By stack id, which volume holds more than it may."""
    braked: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Reasons against acting."""
    breaker: str = ""
    """What opened it; empty while it is closed."""
    is_list_old: bool = False
    """Coolify gave no whole list for ten times as long as it should."""
    observed: Sequence[Observation] = ()
    """Containers that ended, as Docker told."""
    is_docker_lost: bool = False
    """Docker was watched before, and is not any more."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Stack id by the uuid of its service."""


def alerts(sight: Sight) -> dict[str, Alert]:
    """Everything that is wrong, by key."""
    found = [*_of_stacks(sight), *_of_containers(sight), *_of_the_whole(sight)]
    return {one.key: one for one in found}


def _of_stacks(sight: Sight) -> Iterator[Alert]:
    for one in sight.stacks:
        if kind := _kind(one):
            yield _about(one, kind, one.error)
        elif one.is_retried:
            yield replace(_about(one, "late", ""), is_kept=True)
        if one.services > 1:
            yield _about(
                one,
                "matches",
                f"{one.services} services in Coolify carry its record's id; only one is looked after",
            )
        if one.backup is not None:
            yield _about(one, *one.backup)
        if one.id in sight.fat:
            yield _about(one, "volume", sight.fat[one.id])
    for stack, name in sight.orphans.items():
        text = "a service in Coolify carries our marker, and PocketBase knows no record of it"
        yield Alert(f"orphan:{stack}", "orphan", name, text, stack_id=stack)


def _kind(one: Shown) -> str:
    found = CODE.match(one.error)
    code = found[1] if found else ""
    if code in QUIET:
        return ""
    if code in CODES:
        return CODES[code]
    if one.status in ("error", "blocked"):
        return "refused" if code and not code.startswith(OURS) else "error"
    return "unhealthy" if one.status == "running" and one.health == "unhealthy" else ""


def _of_containers(sight: Sight) -> Iterator[Alert]:
    names = {one.id: one for one in sight.stacks}
    for seen in sight.observed:
        stack = names.get(sight.owners.get(seen.service_uuid, ""))
        if stack is not None:
            yield _about(stack, seen.kind, seen.text)


def _of_the_whole(sight: Sight) -> Iterator[Alert]:
    for name, why in sight.servers.items():
        yield Alert(f"server:{name}", "server", f"server {name}", why)
    for name in sight.prunes:
        text = "a stopped stack would lose its data: nothing is suspended or deleted there"
        yield Alert(f"prunes:{name}", "prunes", f"server {name}", text)
    if sight.free_mb is not None and sight.free_mb < LOW_MB:
        text = f"{sight.free_mb} MiB are free; below {LOW_MB} MiB nothing new that stores data is started"
        yield Alert("disk", "disk", "the host's disk", text)
    if sight.is_disk_lost:
        text = "cloudfreedom-disk.timer made no report for two hours"
        yield Alert("disk_unknown", "disk_unknown", "the host's disk", text)
    if sight.is_docker_lost:
        text = "cloudfreedom-dockerwatch made no report for five minutes: no memory kill is seen"
        yield Alert("docker_unknown", "docker_unknown", "the host's Docker", text)
    if sight.braked:
        text = f"more deletions within an hour than may pass; waiting, and running on: {sight.braked}"
        yield Alert("brake", "brake", "the brake", text)
    if sight.breaker:
        yield Alert("breaker", "breaker", "the listener", sight.breaker)
    for reason in sight.reasons.keys() & HOLDS.keys():
        yield Alert(f"held:{reason}", "held", f"all stacks ({reason})", HOLDS[reason])
    if sight.is_list_old:
        text = "what happens there is not seen: stacks run on, edits wait"
        yield Alert("coolify", "coolify", "Coolify", text)


def _about(one: Shown, kind: str, text: str) -> Alert:
    return Alert(f"{kind}:{one.id}", kind, one.name, text[:LONGEST], one.tenant_id, one.id)
