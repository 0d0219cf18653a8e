"""What PocketBase has, by the columns listed here: no configuration, nothing sealed, no text of people's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from handlers import eyes, ledger, recorder
from handlers import records as tables
from listener.cli import audit, configured, reach
from listener.cli.bundle import net, said
from listener.compose.manifest import NAME
from listener.pocketbase import client
from listener.pocketbase.client import PocketBase

STACK = (
    "id", "tenant_id", "template", "stack_name", "domain", "desired_state", "action", "resource_limits",
    "status", "health", "coolify_project_uuid", "coolify_service_uuid", "coolify_server_uuid",
    "template_version", "last_deploy", "last_health_check", "purge_after", "created", "updated",
)  # fmt: skip
TENANT = (
    "id", "slug", "type", "status", "plan_tier", "max_stacks", "server", "coolify_project_uuid",
    "listener_status", "created", "updated",
)  # fmt: skip
LEDGER = (
    "id", "kind", "tenant_id", "server_uuid", "project_uuid", "service_uuid", "intent", "env_keys",
    "template", "template_version", "domain", "stage", "start_begun", "start_open", "deletion_seen",
    "retention_days", "purge_announced", "format", "created", "updated",
)  # fmt: skip
OPERATION = (
    "id", "stack_id", "tenant_id", "verb", "outcome", "fence", "begun", "ended", "side", "state", "created",
)  # fmt: skip
SERVER_LEFT_OUT = ("note", "collectionId", "collectionName")
OPERATIONS = 200
"""How many of the last ones."""
CODE = re.compile(r"[A-Z][A-Z0-9_]{3,}")
"""What may stay of a reason: the error's code, with which it begins."""

Row = Mapping[str, Any]


def gather(caught: net.Net) -> Mapping[str, str]:
    """A file a collection; the net knows every stack's variables, and the reasons of holds and pause."""
    return reach.run(lambda: _gather(caught))


async def _gather(caught: net.Net) -> Mapping[str, str]:
    async with reach.database(configured.whatever()[0]) as known:
        stacks, tenants = await known.list(tables.STACKS), await known.list(tables.TENANTS)
        for row in stacks:
            caught.learn_config(row.get("config"))
        caught.learn(row["hold"] for row in (*stacks, *tenants) if row.get("hold"))
        meta = await known.get(eyes.META, "main") or {}
        caught.learn([str(meta.get("pause_reason") or "")])
        found: Mapping[str, Iterable[Row]] = {
            "stacks": map(_stack, stacks),
            "tenants": map(_tenant, tenants),
            "ledger": map(_remembered, await known.list(ledger.COLLECTION)),
            "servers": map(_server, await known.list("servers")),
            "operations": map(_operation, await _operations(known)),
        }
        return {f"{name}.json": said.as_json(list(rows)) for name, rows in found.items()}


async def _operations(known: PocketBase) -> Iterable[Row]:
    """The last of them, newest first."""
    params: dict[str, Any] = {"sort": audit.ORDER, "perPage": OPERATIONS, "skipTotal": "1"}
    answer = await known.send("GET", client.path(recorder.OPERATIONS), safe=True, params=params)
    items: Iterable[Row] = client.decoded(answer).get("items", ())
    return items


def _stack(row: Row) -> Row:
    config = row.get("config")
    given = config.get("env_vars") if isinstance(config, Mapping) else None
    names = sorted(str(name) for name in given) if isinstance(given, Mapping) else []
    return {
        **_kept(row, STACK),
        "hold": _is_set(row.get("hold")),
        "variables": [name for name in names if NAME.fullmatch(name)],
        "reason": said.without_log(str(row.get("error_message") or "")),
    }


def _tenant(row: Row) -> Row:
    return {**_kept(row, TENANT), "hold": _is_set(row.get("hold")), "owners": len(row.get("owners") or ())}


def _remembered(row: Row) -> Row:
    return {
        **_kept(row, LEDGER),
        "hash": _is_set(row.get("applied_hash")),
        "spec": _is_set(row.get("last_spec")),
        "blocked": _code(row.get("blocked")),
    }


def _server(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in SERVER_LEFT_OUT}


def _operation(row: Row) -> Row:
    actor = str(row.get("actor") or "").partition("/")[0]
    return {**_kept(row, OPERATION), "by": actor, "code": _code(row.get("reason"))}


def _kept(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def _is_set(value: object) -> str:
    return "set" if value else "not set"


def _code(text: object) -> str:
    found = CODE.match(str(text or ""))
    return found.group() if found else _is_set(text)
