"""`plan --what-if`: tiers and servers read as if somebody had saved them already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from listener import errors
from listener.pocketbase.client import Row

FORM = re.compile(r"(tier|server):([^.=\s]+)(?:\.([A-Za-z0-9_./-]+))?=(\S+)")
SERVICE = ("cpus", "memory", "pids", "volume")
"""Fields that mean limits: of every service of the tier, or of `template/service`."""
TIERS = ("max_stacks", "memory_pool_mb", "cpu_pool", "max_domains", "priority", "dedicated")
SERVERS = (
    "cpus", "memory_mb", "disk_gb", "reserve_cpus", "reserve_memory_mb", "reserve_disk_gb", "cpu_overcommit",
    "memory_overcommit", "disk_overcommit", "foreign_memory_mb", "drain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One figure as it would be."""

    kind: str
    name: str
    field: str
    value: str


def read(text: str) -> Change:
    """A change as it is typed: `tier:team.memory=1G`, `tier:team.telegram-bot/bot.pids=32`,
    `tier:team.max_stacks=5`, `server:A=drain`, `server:A.memory_mb=16384`. Raises `WHAT_IF_UNREADABLE`.
    """
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise _unreadable(text, "it is not of the form tier:NAME.FIELD=VALUE or server:NAME.FIELD=VALUE")
    kind, name, field, value = found[1], found[2], found[3] or "", found[4]
    if kind == "server" and not field and value == "drain":
        return Change(kind, name, "drain", "true")
    known = (*TIERS, *SERVICE) if kind == "tier" else SERVERS
    if field.rpartition(".")[2] not in known:
        raise _unreadable(text, f"{field or 'no field'} is not one of {', '.join(known)}")
    return Change(kind, name, field, value)


def tiers(rows: Iterable[Row], changes: Iterable[Change]) -> list[Row]:
    """The rows of `plan_tiers` as they would be; raises `WHAT_IF_UNKNOWN` for a tier that is none of them."""
    found = {str(row["id"]): dict(row) for row in rows}
    for change in changes:
        if change.kind == "tier":
            row = found.get(change.name)
            if row is None:
                raise _unknown("tier", change.name, found)
            where, _, field = change.field.rpartition(".")
            if field in SERVICE:
                row["limits"] = _limited(row["limits"] or {}, where, field, _number(change.value))
            else:
                row[field] = _number(change.value)
    return list(found.values())


def servers(rows: Iterable[Row], changes: Iterable[Change]) -> list[Row]:
    """The rows of `servers` as they would be; raises `WHAT_IF_UNKNOWN` for one that is none of them."""
    found = [dict(row) for row in rows]
    for change in changes:
        if change.kind == "server":
            chosen = [row for row in found if change.name in (row["uuid"], row["name"], row["id"])]
            if not chosen:
                raise _unknown("server", change.name, [row["name"] or row["uuid"] for row in found])
            chosen[0][change.field] = _number(change.value)
    return found


def _limited(limits: Mapping[str, Any], where: str, field: str, value: object) -> dict[str, Any]:
    """The limits with this figure, of `template/service`, of a template, or of all that they name."""
    slug, _, name = where.partition("/")
    made: dict[str, Any] = {}
    for template, services in limits.items():
        made[template] = {
            service: {**figures, field: value}
            if isinstance(figures, Mapping) and slug in ("", template) and name in ("", service)
            else figures
            for service, figures in services.items()
        }
    return made


def _number(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _unknown(kind: str, name: str, known: Iterable[str]) -> errors.Refusal:
    return errors.Refusal(
        "WHAT_IF_UNKNOWN",
        f"There is no {kind} {name}.",
        why=f"those that exist: {', '.join(known) or 'none'}",
        fix="name one of them",
    )


def _unreadable(text: str, why: str) -> errors.Refusal:
    return errors.Refusal(
        "WHAT_IF_UNREADABLE",
        f"“{text}” cannot be read.",
        why=why,
        fix="for example --what-if tier:team.memory=1G or --what-if server:A=drain",
    )
