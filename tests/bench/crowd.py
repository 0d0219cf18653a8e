"""A world with very many running stacks, in seconds: one is made by the daemon, the others are its copies.

Records, ledger rows and services are written past PocketBase and the stand-in while both are down. That they
are what the daemon would have made is proven by the daemon, which finds nothing to do.
"""

from __future__ import annotations

import copy
import json
import secrets
import sqlite3
import string
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from handlers import demand, keepsake, records
from handlers.stacks import desired
from listener.compose import catalog as catalogs
from listener.compose import limits
from listener.coolify import payloads
from listener.sandbox import people, world
from listener.sandbox.standin import state
from listener.sandbox.standin.standin import StandIn
from listener.sandbox.standin.world import new_uuid

A_TENANT = 20
"""Stacks of each tenant."""
STACKS, TENANTS, LEDGER = "agent_stacks", "tenants", "listener_ledger"
TOKEN = "TELEGRAM_BOT_TOKEN"
LETTERS = string.ascii_lowercase + string.digits

Row = dict[str, Any]


async def grown(sandbox: world.World, record_id: str, count: int) -> None:
    """There are `count` more stacks like this one, `A_TENANT` to each new tenant; no daemon may run."""
    record = await _read(sandbox, STACKS, record_id)
    tenant = await _read(sandbox, TENANTS, record["tenant_id"])
    tier = await _read(sandbox, "plan_tiers", tenant["plan_tier"] or "starter")
    await sandbox.pocketbase.terminate()
    await sandbox.coolify.terminate()
    standin = StandIn(token=sandbox.env["COOLIFY_TOKEN"], server_uuid=world.SERVER)
    kept = sandbox.data_dir / "standin.kept"
    standin.load(kept)
    with closing(sqlite3.connect(sandbox.data_dir / "pb_data" / "data.db")) as database, database:
        database.row_factory = sqlite3.Row
        Crowd(database, standin, record, tier).grow(count)
    standin.save(kept)
    await sandbox.coolify.start()
    await sandbox.pocketbase.start()


async def _read(sandbox: world.World, collection: str, record_id: str) -> Row:
    row: Row = await people.ask(sandbox.admin, "GET", f"/api/collections/{collection}/records/{record_id}")
    return row


def token(number: int) -> str:
    """A made-up token of another bot for each number; none is a `people.bot_token`."""
    return people.BOT_TOKEN.replace("1234567890", f"{2_000_000_000 + number}")


@dataclass
class _Home:
    """Where a new stack is put: a tenant's row and its project."""

    tenant: Row
    project: state.Project


class Crowd:
    """Copies of one stack, its service and its tenant. `record` is as PocketBase's API shows it."""

    def __init__(self, database: sqlite3.Connection, standin: StandIn, record: Row, tier: Row) -> None:
        self._database = database
        self._standin = standin
        self._record = record
        self._stack = self._row(STACKS, record["id"])
        self._tenant = self._row(TENANTS, record["tenant_id"])
        self._ledger = self._row(LEDGER, record["id"])
        self._tenant_ledger = self._row(LEDGER, record["tenant_id"])
        self._service = standin.service(record["coolify_service_uuid"])
        template = catalogs.Catalog.load().get(record["template"])
        assert template is not None
        self._manifest = template.manifest
        self._limits = limits.effective(
            self._manifest, tier=tier["id"], overrides=demand.mapping(tier["limits"]), wish={}
        )
        assert self._hash(record["config"]) == self._ledger["applied_hash"]

    def grow(self, count: int) -> None:
        """So many copies exist on both sides."""
        for number in range(count):
            if number % A_TENANT == 0:
                home = self._new_home(number // A_TENANT)
            self._new_stack(number, home)

    def _new_home(self, number: int) -> _Home:
        old, new = self._tenant["id"], _id()
        first = self._service.environment.project
        name = f"cf-crowd-{number}-{new}"
        project = self._standin.world.add_project(first.team, name, first.description.replace(old, new))
        tenant = {**self._tenant, "id": new, "slug": f"crowd-{number}", "name": f"Crowd {number}"}
        tenant["coolify_project_uuid"] = project.uuid
        self._insert(TENANTS, tenant)
        made = self._tenant_ledger["applied_spec"].replace(old, new)
        changes = {"id": new, "tenant_id": new, "project_uuid": project.uuid, "applied_spec": made}
        self._insert(LEDGER, {**self._tenant_ledger, **changes})
        return _Home(tenant, project)

    def _new_stack(self, number: int, home: _Home) -> None:
        record_id, name = _id(), f"crowd-{number}"
        service = self._new_service(home.project, token(number))
        service.name = f"cf-{home.tenant['slug']}-{name}-{record_id}"
        described = self._service.description.replace(self._record["id"], record_id)
        service.description = described.replace(self._tenant["id"], home.tenant["id"])
        variables = {**self._record["config"]["env_vars"], TOKEN: token(number)}
        config = {**self._record["config"], "env_vars": variables}
        places = {"coolify_service_uuid": service.uuid, "coolify_project_uuid": home.project.uuid}
        fields = {"id": record_id, "stack_name": name, "tenant_id": home.tenant["id"], **places}
        self._insert(STACKS, {**self._stack, **fields, "config": json.dumps(config)})
        spec = records.stack({**self._record, **fields, "config": config}).spec()
        made = json.loads(self._ledger["applied_spec"])
        made |= {"service_name": service.name, "stack_name": name, "slug": home.tenant["slug"]}
        made[keepsake.TOLD] = keepsake.digest(self._ledger["salt"], spec)
        changes = {"id": record_id, "tenant_id": home.tenant["id"], "service_uuid": service.uuid}
        changes |= {"project_uuid": home.project.uuid, "applied_hash": self._hash(config)}
        self._insert(LEDGER, {**self._ledger, **changes, "applied_spec": json.dumps(made)})

    def _new_service(self, project: state.Project, value: str) -> state.Service:
        """A copy of the service in that project, with ids of its own and this token; it is listed."""
        old = self._service
        service = copy.deepcopy(old, {id(one): one for one in (old.environment, old.server, old.destination)})
        service.id, service.uuid = self._standin.world.new_id(), new_uuid()
        service.environment = project.environments[0]
        for variable in service.variables:
            variable.value = value if variable.key == TOKEN else variable.value
        self._standin.world.services.append(service)
        return service

    def _hash(self, config: Mapping[str, Any]) -> str:
        """The hash that the daemon keeps of what it sent, for a stack with this config."""
        sent = {one.key: str(one.value) for one in self._service.variables}
        given = {**sent, **config["env_vars"]}
        kept = json.loads(self._ledger["env_keys"])
        envs = tuple(payloads.Env(key, given[key], multiline=False) for key in kept)
        return desired._hash(self._ledger["salt"], self._manifest.slug, "", envs, self._limits)

    def _row(self, table: str, record_id: str) -> Row:
        return dict(self._database.execute(f"SELECT * FROM {table} WHERE id = ?", (record_id,)).fetchone())

    def _insert(self, table: str, row: Row) -> None:
        columns, holes = ", ".join(f"`{name}`" for name in row), ", ".join("?" * len(row))
        self._database.execute(f"INSERT INTO {table} ({columns}) VALUES ({holes})", list(row.values()))


def _id() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(15))
