"""PocketBase with the portal's own data model and Coolify, as an older provisioner left both of them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from listener.sandbox import people, pocketbase, world
from tests import fixtures, portal
from tests.cli.commands import Done, bot_token, cloudfreedom
from tests.faults import stage as stages
from tests.faults.stage import STACKS, Stage

MISSING = "gone0000000000000000gone"
COMPOSE = {
    "services": {
        "bot": {
            "image": "python:3.11-slim",
            "command": ["python", "-c", "print('an older bot')"],
            "environment": {"TELEGRAM_BOT_TOKEN": "${TELEGRAM_BOT_TOKEN}"},
            "volumes": ["memory:/data"],
        }
    },
    "volumes": {"memory": {}},
}
TENANTS = ("acme", "bolt", "coda", "dune", "eden", "fern")
ROUTER_ONLY = {"rhea": "active", "rolf": "inactive"}
PROJECTS = (
    "cf-tenant-acme",
    "cf-tenant-bolt",
    "cf-tenant-coda",
    "cf-tenant-dune",
    "cf-tenant-dune",
    "cf-shared",
    "cf-tenant-fern",
)
"""Names are not unique in Coolify: `dune` has two."""
RUNNING = {"acme-1": 0, "bolt-1": 1, "dune-1": 3, "acme-2": 5, "eden-1": 5, "fern-1": 6}
"""Stacks that run: where, as an index of `PROJECTS`. Two share one."""
WRONG = ("coda-gone", "coda-theirs", "coda-application")
"""Stacks whose uuid means nothing, another tenant's service (that of acme-1), or an application."""
DISPLAY = {"status", "health", "message", "error_message", "coolify_project_uuid", "coolify_service_uuid"}
DISPLAY |= {"coolify_server_uuid", "template_version", "last_deploy", "last_health_check", "last_backup"}
DISPLAY |= {"purge_after", "created", "updated"}
"""What the listener may change on a stack's record."""


@dataclass(repr=False)
class Fleet(Stage):
    """A stage with the fleet on it, and no daemon yet."""

    ids: dict[str, str] = field(default_factory=dict)
    """Record id by slug, by `RUNNING` and by `WRONG`."""
    projects: tuple[str, ...] = ()
    """Uuids, in the order of `PROJECTS`."""
    uuids: dict[str, str] = field(default_factory=dict)
    """Service uuid by stack, as its record names it."""

    @asynccontextmanager
    async def coolify(self) -> AsyncIterator[httpx.AsyncClient]:
        """Coolify's API, as a person with a token."""
        headers = {"Authorization": f"Bearer {self.world.env['COOLIFY_TOKEN']}", "Accept": "application/json"}
        url = f"{self.world.coolify_url}/api/v1"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10.0) as http:
            yield http

    async def cloudfreedom(self, *words: str) -> Done:
        """The command as staff types it beside the daemon."""
        return await cloudfreedom({**self.world.env, "POCKETBASE_URL": self.world.pocketbase.url}, *words)

    async def substance(self, uuid: str) -> dict[str, Any]:
        """All of a service but its name, its description and when it was changed last."""
        async with self.coolify() as http:
            found = [
                (await http.get(f"/services/{uuid}{path}")).json() for path in ("", "/envs", "/storages")
            ]
        truth = await self.service_of(uuid)
        state = await people.ask(self.standin, "GET", "/_standin/state")
        whole = _without(dict(zip(("service", "envs", "storages"), found, strict=True)))
        volumes = [server["volumes"] for server in state["servers"]]
        return {**whole, "containers": truth["containers"], "ups": truth["ups"], "volumes": volumes}

    async def service_of(self, uuid: str) -> Any:
        """The service of that uuid with what truly runs."""
        (found,) = [one for one in await self.services() if one["uuid"] == uuid]
        return found

    async def until_told(self) -> None:
        """Each record of the fleet says that it was there first."""

        async def are_told() -> bool:
            rows = {row["id"]: row for row in await self.rows("agent_stacks")}
            return all("FOREIGN_BORN" in rows[self.ids[name]]["error_message"] for name in self.uuids)

        await self.until(are_told, "each record says what is the matter")

    async def until_message(self, record_id: str, text: str) -> None:
        """The stack's message begins so."""

        async def says() -> bool:
            return str((await self.record(record_id))["message"]).startswith(text)

        await self.until(says, f"{record_id} says {text!r}")

    async def request(self, verb: str, target: str, **arguments: str) -> Any:
        """What the leader answered to a request of staff's."""
        body = {"verb": verb, "target": target, "arguments": arguments, "actor": "ada", "state": "open"}
        path = "/api/collections/listener_requests/records"
        made = (await people.ask(self.admin, "POST", path, body))["id"]

        async def is_answered() -> bool:
            return bool((await people.ask(self.admin, "GET", f"{path}/{made}"))["state"] != "open")

        await self.until(is_answered, f"{verb} is answered")
        return await people.ask(self.admin, "GET", f"{path}/{made}")

    async def new_stack(self, slug: str, name: str) -> str:
        """The id of a stack that the tenant's user makes in the portal's dialog."""
        address, url = portal.email(slug), self.world.pocketbase.url
        async with fixtures.signed_in(url, "users", address, portal.PASSWORD) as user:
            made = await portal.add(user, "agent_stacks", _row(self.ids[slug], name))
        return str(made["id"])

    async def tenant(self, slug: str) -> Any:
        """The tenant's record as it is."""
        return await people.ask(self.admin, "GET", f"/api/collections/tenants/records/{self.ids[slug]}")

    async def forget_calls(self) -> None:
        """`deeds` counts from here."""
        await people.ask(self.standin, "DELETE", "/_standin/calls")


@asynccontextmanager
async def left_behind(folder: Path) -> AsyncIterator[Fleet]:
    """The fleet as it was found, after `schema apply`; its daemon is not started yet."""
    ids = await _records(folder)
    async with stages.opened(folder, daemon=False) as stage:
        fleet = Fleet(stage.world, stage.owner, stage.proxy, ids=ids)
        async with fleet.coolify() as http:
            fleet.projects = tuple([await _project(http, name) for name in PROJECTS])
            for name, place in RUNNING.items():
                fleet.uuids[name] = await _service(http, f"cf-{name}", fleet.projects[place])
        application = {"do": "application", "uuid": fleet.projects[2], "name": "an-app"}
        made = (await people.ask(fleet.standin, "POST", "/_standin/hand", application))["done"]
        fleet.uuids |= {
            "coda-gone": MISSING,
            "coda-theirs": fleet.uuids["acme-1"],
            "coda-application": made,
        }
        await people.ask(fleet.standin, "POST", "/_standin/jobs")
        places = {**RUNNING, **dict.fromkeys(WRONG, 2)}
        for name, uuid in fleet.uuids.items():
            shown = {"coolify_service_uuid": uuid, "coolify_project_uuid": fleet.projects[places[name]]}
            await people.ask(fleet.admin, "PATCH", f"{STACKS}/{ids[name]}", shown)
        await fleet.forget_calls()
        yield fleet


async def _records(folder: Path) -> dict[str, str]:
    """Record ids of what portal and provisioner wrote, before the listener's data model came."""
    ids: dict[str, str] = {}
    async with pocketbase.running(folder) as server, fixtures.superuser(server) as admin:
        await portal.collections(admin, user_id=True)
        for slug in TENANTS:
            user = await portal.user(admin, portal.email(slug))
            ids[slug] = await portal.tenant(admin, slug, owner=user)
        for slug, status in ROUTER_ONLY.items():
            user = await portal.user(admin, portal.email(slug))
            ids[slug] = await portal.tenant(admin, slug, owner=user, status=status)
        for name in (*RUNNING, *WRONG):
            row = _row(ids[name.partition("-")[0]], f"cf-{name}") | {"status": "running"}
            ids[name] = (await portal.add(admin, "agent_stacks", row))["id"]
    return ids


def _row(tenant_id: str, name: str) -> dict[str, Any]:
    env = {
        "TELEGRAM_BOT_TOKEN": bot_token(f"{tenant_id} {name}"),
        "OPENAI_API_KEY": "fake-router-key-of-a-tenant",
    }
    return portal.payload(tenant_id, "telegram-bot", name) | {"config": {"env_vars": env}}


async def _project(http: httpx.AsyncClient, name: str) -> str:
    made = await http.post("/projects", json={"name": name, "description": "made by the provisioner"})
    return str(made.json()["uuid"])


async def _service(http: httpx.AsyncClient, name: str, project: str) -> str:
    """A service that runs, with a value that no record knows."""
    body = {
        "name": name,
        "project_uuid": project,
        "server_uuid": world.SERVER,
        "environment_name": "production",
        "docker_compose_raw": base64.b64encode(json.dumps(COMPOSE).encode()).decode(),
    }
    uuid = str((await http.post("/services", json=body)).json()["uuid"])
    env = {"key": "TELEGRAM_BOT_TOKEN", "value": "set-by-hand", "is_literal": True}
    answer = await http.patch(f"/services/{uuid}/envs/bulk", json={"data": [env]})
    assert answer.status_code == 201, answer.text
    assert (await http.post(f"/services/{uuid}/start")).status_code == 200
    return uuid


def _without(found: Mapping[str, Any]) -> dict[str, Any]:
    """The answers without what an adoption may change, at the service itself and around it."""
    changing = {"name", "description", "updated_at"}
    service = {key: value for key, value in found["service"].items() if key not in changing}
    project = {k: v for k, v in service["environment"]["project"].items() if k not in changing}
    rendered = service["docker_compose"].splitlines()
    service["docker_compose"] = [line for line in rendered if "coolify.projectName=" not in line]
    service["environment"] = {**service["environment"], "project": project}
    parts = [{k: v for k, v in part.items() if k != "updated_at"} for part in service["applications"]]
    service["applications"] = parts
    return {**found, "service": service}
