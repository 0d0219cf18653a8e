"""Both sides of one run, without what differs by nature: times, ids, and the hashes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import yaml

from listener.sandbox import people
from tests.crashpoints.place import Place
from tests.faults.stage import UNDER_WAY

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d")
TIMED = {"created", "updated", "last_deploy", "last_health_check", "last_backup", "done_at"}
PLACED = {"collectionId", "collectionName", "owners"}
HIDDEN = {"last_spec", "salt", "start_begun", "format"}
TRUTHS = {"applied_hash", "deletion_seen", "purge_announced", "purge_after"}
"""Of these only whether they are set."""


@dataclass(frozen=True)
class View:
    """What is there, in words that two runs of one action share."""

    facts: dict[str, Any]
    ups: int
    """Starts of its services."""

    @property
    def text(self) -> str:
        """All of it."""
        return json.dumps(self.facts, indent=1, sort_keys=True)

    @property
    def stack_status(self) -> str:
        """What the record shows; "" without a record."""
        return str((self.facts["record"] or {}).get("status", ""))

    @property
    def ledger_stage(self) -> str:
        """Where the ledger has the stack."""
        return str(self._ledger.get("stage", ""))

    @property
    def blocked(self) -> str:
        """Why nothing is done, if so."""
        return str(self._ledger.get("blocked", ""))

    @property
    def is_copy_waived(self) -> bool:
        """Staff said that its data may go without a copy."""
        return bool((self._ledger.get("applied_spec") or {}).get("copy_waived"))

    @property
    def projects(self) -> list[Any]:
        """Projects that carry the tenant's marker."""
        found: list[Any] = self.facts["projects"]
        return found

    @property
    def tasks(self) -> list[Any]:
        """Scheduled tasks of its services."""
        return [task for service in self.facts["services"] for task in service.get("tasks", ())]

    @property
    def generations(self) -> list[int]:
        """How often each of its secrets was made."""
        return [generation for _, _, generation in self.facts["secrets"]]

    @property
    def _ledger(self) -> dict[str, Any]:
        rows: dict[str, dict[str, Any]] = self.facts["ledger"]
        return rows.get("STACK", {})


def is_settled(view: View) -> bool:
    """Nothing is known to be under way."""
    rows = view.facts["ledger"].values()
    busy = any(row["intent"] or row["start_open"] for row in rows)
    shown = [row["status"] for row in (*view.facts["others"], view.facts["record"]) if row]
    open_requests = [one for one in view.facts["requests"] if one["state"] == "open"]
    return not (busy or open_requests or set(shown) & UNDER_WAY)


async def look(place: Place, tenant: str, stack: str, found: str) -> View:
    """Both sides now; `found` is a service that belongs to the run without a marker."""
    stage = place.stage
    state = await people.ask(stage.standin, "GET", "/_standin/state")
    marker = f"tenant={tenant} "
    services = [one for one in state["services"] if marker in one["description"] or one["uuid"] == found]
    projects = [one for one in state["projects"] if marker in one["description"]]
    ledger = [row for row in await stage.rows("listener_ledger") if row["tenant_id"] == tenant]
    stacks = [row for row in await stage.rows("agent_stacks") if row["tenant_id"] == tenant]
    tenants = [row for row in await stage.rows("tenants") if row["id"] == tenant]
    requests = [row for row in await stage.rows("listener_requests") if row["target"] == stack]
    schedules = [row for row in await stage.rows("stack_schedules") if row["stack_id"] == stack]
    secrets = [row for row in await stage.rows("stack_secrets") if row["tenant_id"] == tenant]
    (meta,) = await stage.rows("listener_meta")
    names = {meta["inst"]: "INST", tenant: "TENANT", stack: "STACK"}
    names |= {row["id"]: f"SCHEDULE-{number}" for number, row in enumerate(schedules)}
    names |= {row["id"]: "OTHER" for row in stacks if row["id"] != stack}
    names |= {one["uuid"]: f"SERVICE-{number}" for number, one in enumerate(services)}
    names |= {one["project_uuid"]: "PROJECT-FOUND" for one in services if one["uuid"] == found}
    names |= {one["uuid"]: f"PROJECT-{number}" for number, one in enumerate(projects)}
    gone = {row["project_uuid"] for row in ledger} - names.keys() - {""}
    names |= dict.fromkeys(gone, "PROJECT-GONE")
    names |= {row["slug"]: "SLUG" for row in tenants} or {_slug(ledger): "SLUG"}
    facts = {
        "record": next((_plain(row) for row in stacks if row["id"] == stack), None),
        "others": [_plain(row) for row in stacks if row["id"] != stack],
        "tenant": [_plain(row) for row in tenants],
        "ledger": {row["id"]: _plain(row) for row in ledger},
        "requests": [_plain(row) for row in requests],
        "schedules": [_plain(row) for row in schedules],
        "secrets": sorted((row["stack_id"], row["name"], row["generation"]) for row in secrets),
        "services": [await _service(place, one, {row["name"] for row in secrets}) for one in services],
        "projects": projects,
    }
    return View(_named(facts, names), sum(one["ups"] for one in services))


def _slug(ledger: list[Any]) -> str:
    """The slug of a tenant whose record is gone."""
    return next((row["applied_spec"]["slug"] for row in ledger if "slug" in (row["applied_spec"] or {})), "?")


async def _service(place: Place, shown: dict[str, Any], made: AbstractSet[str]) -> dict[str, Any]:
    """The service; of a variable that was made only that it has a value."""
    kept = {name: value for name, value in shown.items() if name != "ups"}
    if shown["deleted"]:
        return kept
    path = f"/services/{shown['uuid']}"
    detail, variables = await place.coolify("GET", path), await place.coolify("GET", f"{path}/envs")
    if detail is None or variables is None:
        return kept | {"deleted": True}
    kept["document"] = yaml.safe_load(detail["docker_compose_raw"] or "{}")
    kept["variables"] = {
        one["key"]: bool(one["value"]) if one["key"] in made else one["value"] for one in variables
    }
    tasks = await place.coolify("GET", f"{path}/scheduled-tasks") or []
    kept["tasks"] = [
        {name: task[name] for name in ("name", "command", "frequency", "enabled")} for task in tasks
    ]
    return kept


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in TIMED | PLACED | HIDDEN}
    kept |= {name: bool(row[name]) for name in TRUTHS & row.keys()}
    if isinstance(kept.get("applied_spec"), dict):
        kept["applied_spec"] = {
            name: bool(value) if name in ("edit", "told", "sent", "compared") else value
            for name, value in kept["applied_spec"].items()
            if name
            not in ("purged_at", "created", "deletion_stopped_at", "rested_at", "restored", "reasserted")
        }
    if "target" in row:
        del kept["id"]
    return kept


def _named(facts: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(facts, sort_keys=True)
    for known, name in names.items():
        text = re.sub(rf"(?<![a-zA-Z0-9]){re.escape(known)}(?![a-zA-Z0-9])", name, text) if known else text
    named: dict[str, Any] = json.loads(DAY.sub("<time>", TIME.sub("<time>", text)))
    return named
