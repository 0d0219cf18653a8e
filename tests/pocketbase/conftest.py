"""Databases of this folder: production before an apply, production after one, and a scene for the rules."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio

from listener.pocketbase import schema
from listener.pocketbase.schema_diff import Finding
from listener.sandbox import pocketbase
from tests import fixtures, portal
from tests.fixtures import Database


@dataclass(frozen=True)
class Production:
    """A running PocketBase with the portal's collections and rows."""

    server: pocketbase.Server
    admin: httpx.AsyncClient
    """Speaks as the superuser."""
    owner: httpx.AsyncClient
    """Speaks as the user of the tenant `acme`."""
    tenants: dict[str, str]
    """Slug -> id."""
    stacks: dict[str, str]
    """stack_name -> id."""


async def _build(folder: Path, *, user_id: bool) -> None:
    async with pocketbase.running(folder) as server, fixtures.superuser(server) as admin:
        await portal.build(admin, user_id=user_id)
        async with fixtures.signed_in(server.url, "users", portal.email("acme"), portal.PASSWORD) as owner:
            fixtures.keep_tokens(folder, admin=admin, owner=owner)


async def _apply(folder: Path) -> None:
    async with _opened(folder) as production:
        await apply(production.admin)


@asynccontextmanager
async def _opened(folder: Path) -> AsyncIterator[Production]:
    kept = fixtures.tokens(folder)
    async with (
        pocketbase.running(folder) as server,
        fixtures.plain(server.url, kept["admin"]) as admin,
        fixtures.plain(server.url, kept["owner"]) as owner,
    ):
        tenants = (await admin.get("/api/collections/tenants/records")).json()["items"]
        stacks = (await admin.get("/api/collections/agent_stacks/records")).json()["items"]
        yield Production(
            server=server,
            admin=admin,
            owner=owner,
            tenants={row["slug"]: row["id"] for row in tenants},
            stacks={row["stack_name"]: row["id"] for row in stacks},
        )


@pytest.fixture(scope="session")
def portals(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Data folders of stopped PocketBases: with `user_id` on tenants, and without."""
    folders = {user_id: tmp_path_factory.mktemp("portal") / "data" for user_id in (True, False)}
    for user_id, folder in folders.items():
        anyio.run(partial(_build, folder, user_id=user_id))
    return folders


@pytest.fixture(scope="session")
def applied_portal(portals: dict[bool, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of production with `user_id` after an apply without the narrowed rules."""
    folder = tmp_path_factory.mktemp("portal") / "applied"
    shutil.copytree(portals[True], folder)
    anyio.run(_apply, folder)
    return folder


@pytest_asyncio.fixture(loop_scope="function", params=[True], ids=["user_id"])
async def production(
    request: pytest.FixtureRequest, portals: dict[bool, Path], tmp_path: Path
) -> AsyncIterator[Production]:
    """Production with `user_id`; `parametrize("production", [True, False], indirect=True)` asks for both."""
    shutil.copytree(portals[request.param], tmp_path / "production")
    async with _opened(tmp_path / "production") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="function")
async def applied(applied_portal: Path, tmp_path: Path) -> AsyncIterator[Production]:
    """Production with `user_id` and the schema, its rules widened only."""
    shutil.copytree(applied_portal, tmp_path / "applied")
    async with _opened(tmp_path / "applied") as opened:
        yield opened


@dataclass(frozen=True)
class Scene:
    """The tenant of `database` with one stack, and another tenant with another user and stack."""

    database: Database
    stack: str
    other_tenant: str
    other_stack: str

    @property
    def owner(self) -> httpx.AsyncClient:
        """Speaks as the user of the first tenant."""
        return self.database.owner

    async def patch(self, http: httpx.AsyncClient, body: dict[str, Any], **params: str) -> int:
        """The status of a PATCH of the first stack, with `params` in the query."""
        path = f"/api/collections/agent_stacks/records/{self.stack}"
        return (await http.patch(path, json=body, params=params)).status_code

    async def row(self) -> dict[str, Any]:
        """The first stack as the superuser sees it."""
        path = f"/api/collections/agent_stacks/records/{self.stack}"
        found: dict[str, Any] = (await self.database.admin.get(path)).json()
        return found


@pytest_asyncio.fixture(loop_scope="function")
async def scene(database: Database) -> Scene:
    """`Scene` on a database of the test's own; the other user is in `owners`, not in `user_id`."""
    admin = database.admin
    user = await portal.user(admin, portal.email("bolt"))
    other = await portal.tenant(admin, "bolt", owners=[user])
    stacks = [
        await portal.add(admin, "agent_stacks", portal.payload(tenant, "telegram-bot", "cf-telegrambot-1"))
        for tenant in (database.tenant_id, other)
    ]
    return Scene(database, stacks[0]["id"], other, stacks[1]["id"])


def stack(tenant: str, **more: Any) -> dict[str, Any]:
    """What the dialog posts for a second stack of that tenant."""
    return portal.payload(tenant, "base-llm", "cf-basellm-2") | more


async def create(http: httpx.AsyncClient, row: dict[str, Any], collection: str = "agent_stacks") -> int:
    """The status of a create."""
    return (await http.post(f"/api/collections/{collection}/records", json=row)).status_code


async def ids(http: httpx.AsyncClient, collection: str) -> set[str]:
    """The ids that `http` may list; none where the list is refused."""
    answer = await http.get(f"/api/collections/{collection}/records", params={"perPage": 500})
    return {row["id"] for row in answer.json()["items"]} if answer.status_code == 200 else set()


async def batch(http: httpx.AsyncClient, method: str, url: str, body: dict[str, Any]) -> int:
    """The status of a batch with this one request; `url` begins with the collection."""
    request = {"method": method, "url": f"/api/collections/{url}", "body": body}
    return (await http.post("/api/batch", json={"requests": [request]})).status_code


async def other_operation(scene: Scene) -> None:
    """An operation on the other tenant's stack is in the audit."""
    row = {
        "tenant_id": scene.other_tenant,
        "stack_id": scene.other_stack,
        "verb": "create",
        "text": "Created.",
    }
    assert await create(scene.database.admin, row, "stack_operations") == 200


async def apply(admin: httpx.AsyncClient, *, rules: bool = False, **more: Any) -> list[Finding]:
    """`schema.apply` for the service account of the fixtures."""
    options: dict[str, Any] = {"identity": fixtures.IDENTITY, "password": fixtures.SERVICE_PASSWORD}
    return await schema.apply(admin, rules=rules, **(options | more))


async def collection(admin: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """The collection as PocketBase describes it."""
    found: dict[str, Any] = (await admin.get(f"/api/collections/{name}")).json()
    return found


async def rows(http: httpx.AsyncClient, name: str) -> dict[str, dict[str, Any]]:
    """Id -> row, as far as `http` may list them; asserts that the list is answered."""
    answer = await http.get(f"/api/collections/{name}/records", params={"perPage": 500})
    assert answer.status_code == 200, answer.text
    return {row["id"]: row for row in answer.json()["items"]}
