"""`urls` of a service: what is an URL, what conflicts (Coolify 4.3.10, bootstrap/helpers/domains.php)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from listener.sandbox.standin import answers, state, world

_URL = re.compile(
    r"^https?://[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?(?::\d{1,5})?(?:/[^\s`$;&|<>()\\]*)?$"
)
_WARNING = (
    "Using the same domain for multiple resources can cause routing conflicts and unpredictable behavior."
)
_CONFLICT = "Domain conflicts detected. Use force_domain_override=true to proceed."


def split(value: str | None) -> list[str]:
    """The URLs of a comma list."""
    return [piece.strip() for piece in (value or "").split(",") if piece.strip()]


def listed(service: state.Service) -> list[str]:
    """`domains` of an answer: one text per container, several URLs joined by commas; sorted."""
    return sorted(part.fqdn for part in service.parts if part.fqdn)


def apply(rows: world.World, service: state.Service, urls: list[dict[str, Any]], *, force: bool) -> None:
    """The containers carry these URLs; one given no URL is cleared. Raises 422 (a list of texts) or 409."""
    wanted: dict[state.Part, list[str]] = {}
    problems: list[str] = []
    for item in urls:
        part = next((p for p in service.parts if p.name == item["name"] and not p.database), None)
        if part is None:
            problems.append(f"Service container with '{item['name']}' not found.")
            continue
        given = split(item.get("url"))
        problems += [f"Invalid URL: {url}" for url in given if not _URL.match(url)]
        wanted[part] = [url.lower() for url in given]
    counts = Counter(_normal(url) for given in wanted.values() for url in given)
    twice = [url for url, number in counts.items() if number > 1]
    if twice and not problems and not force:
        problems.append(
            f"The current request contains conflicting URLs across containers: {', '.join(twice)}. "
            "Use force_domain_override=true to proceed."
        )
    if problems:
        raise answers.invalid(problems)
    if not force:
        refuse_conflicts(rows, service, [url for given in wanted.values() for url in given])
    for part, given in wanted.items():
        part.fqdn = ",".join(given) or None


def refuse_conflicts(rows: world.World, service: state.Service, urls: list[str]) -> None:
    """Raises 409 when another service of the team has one of the URLs: same scheme, host, port and path.

    A service whose deletion is only queued still has its URLs.
    """
    wanted = {_normal(url) for url in urls}
    conflicts = [
        {
            "domain": taken,
            "resource_name": other.name,
            "resource_uuid": part.uuid,
            "resource_type": "service",
            "message": f"Domain {taken} is already in use by service '{other.name}'",
        }
        for other in rows.services_of(service.team)
        if other is not service
        for part in other.parts
        for taken in map(_normal, split(part.fqdn))
        if taken in wanted
    ]
    if conflicts:
        raise answers.Refused(409, {"message": _CONFLICT, "conflicts": conflicts, "warning": _WARNING})


def _normal(url: str) -> str:
    return url.rstrip("/")
