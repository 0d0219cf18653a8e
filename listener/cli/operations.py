"""`cloudfreedom operations`: the audit, filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handlers import status
from listener import errors
from listener.cli import audit, configured, reach, rows, show, spans
from listener.pocketbase.client import PocketBase, quoted

COLUMNS = ("at", "stack", "verb", "outcome", "by", "reason")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a person asks for; empty = any."""

    stack: str = ""
    tenant: str = ""
    verb: str = ""
    """The verb, or its beginning up to a dot."""
    outcome: str = ""
    by: str = ""
    since: str = ""
    """A span before now."""


def operations(wanted: Filter, *, lines: int, as_json: bool) -> None:
    """The last lines of the audit that pass the filter, oldest first."""
    found = reach.run(lambda: gather(wanted, lines))
    if as_json:
        show.as_json(found)
        return
    show.columns([{**{name: one[name] for name in COLUMNS}, "at": one["at"][:19]} for one in found])
    show.line(f"{len(found)} operation{'' if len(found) == 1 else 's'}.")


async def gather(wanted: Filter, lines: int) -> Sequence[Mapping[str, Any]]:
    """The rows as `--json` prints them."""
    async with reach.database(configured.load(configured.Database)) as known:
        condition = await _condition(known, wanted)
        found = await audit.last(known, condition, lines)
        names = {one.id: one.name for one in await rows.stacks(known)}
        slugs = {str(one["id"]): str(one["tenant"]) for one in await rows.tenants(known)}
        return [_shown(row, names, slugs) for row in found]


async def _condition(known: PocketBase, wanted: Filter) -> str:
    """As PocketBase filters; raises when stack or tenant are not known by any record."""
    parts = []
    if wanted.stack:
        parts.append(f"stack_id={quoted(await _stack(known, wanted.stack))}")
    if wanted.tenant:
        found = await known.list("tenants", filter=f"slug={quoted(wanted.tenant)}", fields="id")
        parts.append(f"tenant_id={quoted(found[0]['id'] if found else wanted.tenant)}")
    if wanted.verb:
        parts.append(f"(verb={quoted(wanted.verb)} || verb~{quoted(wanted.verb + '.%')})")
    if wanted.outcome:
        parts.append(f"outcome={quoted(wanted.outcome)}")
    if wanted.by:
        parts.append(f"actor={quoted(wanted.by)}")
    if wanted.since:
        begin = datetime.now(UTC) - spans.read(wanted.since)
        parts.append(f"created>={quoted(status.stamp(begin))}")
    return " && ".join(parts)


async def _stack(known: PocketBase, named: str) -> str:
    """The record's id; that of a record that is gone is taken as it is."""
    try:
        return (await rows.pick(known, named)).id
    except errors.Terminal as error:
        known_once = f"stack_id={quoted(named)}"
        if error.code == "STACK_UNKNOWN" and await audit.last(known, known_once, 1):
            return named
        raise


def _shown(row: Mapping[str, Any], names: Mapping[str, str], slugs: Mapping[str, str]) -> dict[str, Any]:
    stack, tenant = str(row.get("stack_id") or ""), str(row.get("tenant_id") or "")
    return {
        "at": str(row.get("ended") or row.get("begun") or row.get("created") or ""),
        "stack": names.get(stack) or stack or slugs.get(tenant, tenant),
        "verb": row.get("verb") or "",
        "outcome": row.get("outcome") or "",
        "by": row.get("actor") or "",
        "reason": row.get("reason") or "",
        "text": row.get("text") or "",
        "detail": row.get("detail") or {},
        "begun": row.get("begun") or "",
        "ended": row.get("ended") or "",
        "stack_id": stack,
        "tenant_id": tenant,
        "id": row.get("id") or "",
    }
