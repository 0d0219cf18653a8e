"""Rules about how a container runs: rights, limits, image, health, log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from listener.compose.guard.case import Case, is_texts
from listener.compose.guard.isolation import absent

USER = re.compile(r"[1-9][0-9]{0,5}:[1-9][0-9]{0,5}")
DURATION = re.compile(r"(?:([0-9]{1,2})m)?(?:([0-9]{1,3})s)?")
MOVING_TAGS = frozenset(
    {
        *("latest", "main", "master", "trunk", "head", "stable", "unstable", "testing", "rolling"),
        *("edge", "dev", "develop", "nightly", "canary", "next", "snapshot"),
    }
)
"""First words of tags that mean another image tomorrow: `latest`, `stable-slim`."""
MAX_RETRIES = 20
MAX_LOG_FILES = 3
MAX_LOG_MEGABYTES = 10


def cap_drop(case: Case) -> Iterator[str]:
    """G08: every capability is dropped."""
    for name, service in case.services():
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name}: cap_drop is not [ALL]"


def cap_add(case: Case) -> Iterator[str]:
    """G09: CHOWN for what runs once, nothing for anything else."""
    for name, service in case.services():
        added = service.get("cap_add")
        if added is not None and not (added == ["CHOWN"] and case.is_one_shot(name)):
            yield f"{name}: cap_add is not allowed"


def security_opt(case: Case) -> Iterator[str]:
    """G10: no new privileges, and no other option."""
    for name, service in case.services():
        if service.get("security_opt") != ["no-new-privileges:true"]:
            yield f"{name}: security_opt is not [no-new-privileges:true]"


def user(case: Case) -> Iterator[str]:
    """G11: a numeric user and group above zero; root only for an exempt service that runs once."""
    for name, service in case.services():
        given = service.get("user")
        if isinstance(given, str) and USER.fullmatch(given):
            continue
        if not (given == "0:0" and case.is_one_shot(name) and case.is_exempt(name, "G11")):
            yield f"{name}: user is not a numeric uid:gid above zero"


def read_only(case: Case) -> Iterator[str]:
    """G12: the root file system is read-only unless the template says why not."""
    for name, service in case.services():
        if service.get("read_only") is not True and not case.is_exempt(name, "G12"):
            yield f"{name}: read_only is not true"


def limits(case: Case) -> Iterator[str]:
    """G14: exactly the services and figures that were granted, swap switched off."""
    if set(case.document["services"]) != set(case.limits):
        yield "the services are not those that have limits in this tariff"
    yield from absent("G14")(case)
    for name, service in case.services():
        if _at(service, "deploy", "replicas") is not None or _at(service, "deploy", "mode") is not None:
            yield f"{name}: replicas multiply the limits"
        granted = case.limits.get(name)
        if granted is None:
            continue
        wanted = {"cpus": granted.cores, "memory": granted.memory, "pids": granted.pids}
        if _at(service, "deploy", "resources", "limits") != wanted:
            yield f"{name}: deploy.resources.limits are not {granted}"
        if service.get("memswap_limit") != granted.memory:
            yield f"{name}: memswap_limit is not {granted.memory}"


def image(case: Case) -> Iterator[str]:
    """G16: one of the template's images, with a tag that says a version."""
    pinned = {image.reference for image in case.manifest.images.values()}
    for name, service in case.services():
        if str(service.get("image")) not in pinned:
            yield f"{name}: the image is not one of the template's"
    for key, entry in case.manifest.images.items():
        first = re.split(r"[-_.]", entry.tag.lower())[0]
        if first in MOVING_TAGS or not re.search(r"[0-9]", entry.tag):
            yield f"image {key} has a moving tag"


def healthcheck(case: Case) -> Iterator[str]:
    """G18: present, without a shell, every 10 s to 5 min, and shorter than its interval."""
    for name, service in case.services():
        check = service.get("healthcheck")
        if case.is_one_shot(name) and check is None:
            continue
        if not isinstance(check, dict):
            yield f"{name}: healthcheck is missing"
            continue
        test = check.get("test")
        if "disable" in check:
            yield f"{name}: healthcheck can be disabled"
        if not is_texts(test) or len(test) < 2 or test[0] != "CMD":
            yield f"{name}: healthcheck.test is not of the form [CMD, …]"
        interval, timeout = _seconds(check.get("interval")), _seconds(check.get("timeout"))
        if not 10 <= interval <= 300:
            yield f"{name}: healthcheck.interval is not between 10s and 5m"
        if not 0 < timeout < interval:
            yield f"{name}: healthcheck.timeout is not below the interval"
        if any(key in check and not _seconds(check[key]) for key in ("start_period", "start_interval")):
            yield f"{name}: healthcheck.start_period is no duration"
        if not isinstance(check.get("retries", 3), int) or not 1 <= check.get("retries", 3) <= MAX_RETRIES:
            yield f"{name}: healthcheck.retries is not between 1 and {MAX_RETRIES}"


def restart(case: Case) -> Iterator[str]:
    """G19: unless-stopped, or "no" for what runs once. `always` would outlive a suspension."""
    for name, service in case.services():
        wanted = "no" if case.is_one_shot(name) else "unless-stopped"
        if service.get("restart") != wanted:
            yield f"{name}: restart is not {wanted}"


def logging(case: Case) -> Iterator[str]:
    """G20: json-file, rotated at 10 MB, three files at most."""
    for name, service in case.services():
        size = str(_at(service, "logging", "options", "max-size") or "")
        files = str(_at(service, "logging", "options", "max-file") or "")
        small = re.fullmatch(r"([1-9][0-9]?)m", size)
        if (
            _at(service, "logging", "driver") != "json-file"
            or small is None
            or int(small[1]) > MAX_LOG_MEGABYTES
            or files not in {str(n) for n in range(1, MAX_LOG_FILES + 1)}
        ):
            yield f"{name}: logging is not json-file with at most 10m in 3 files"


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _seconds(value: Any) -> int:
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(match[1] or 0) * 60 + int(match[2] or 0) if match else 0
