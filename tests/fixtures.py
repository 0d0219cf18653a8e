"""Fixtures that start real PocketBase from a prepared data folder: made once a session, copied per test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from listener.pocketbase import schema
from listener.sandbox import pocketbase
from tests import portal

IDENTITY = "listener"
"""The service account's user name; `cli` has the same password."""
SERVICE_PASSWORD = SecretStr("fake-service-password")
TENANT = "acme"
"""Slug of the one tenant that a fresh `database` has."""


TOKENS = "tokens.json"
"""In a prepared folder: who -> token. Logins cost a tenth of a second each, and tokens outlive a copy."""


@dataclass(frozen=True)
class Database:
    """A running PocketBase with the schema and the narrowed rules applied, one tenant and no stacks."""

    server: pocketbase.Server
    admin: httpx.AsyncClient
    """Speaks as the superuser."""
    owner: httpx.AsyncClient
    """Speaks as the portal user who owns the tenant."""
    service: httpx.AsyncClient
    """Speaks as the service account."""
    tenant_id: str
    user_id: str
    _clients: AsyncExitStack
    identity: str = IDENTITY
    password: SecretStr = SERVICE_PASSWORD

    @property
    def url(self) -> str:
        """The address, without a slash at the end; it survives `server.restart()`."""
        return self.server.url

    async def client(self, collection: str, identity: str, password: str) -> httpx.AsyncClient:
        """A client that logged in as that account; closed with the fixture."""
        return await self._clients.enter_async_context(signed_in(self.url, collection, identity, password))


def plain(url: str, token: str = "") -> httpx.AsyncClient:
    """A client without the authorities of the real one, which take longer to load than most tests to run."""
    return httpx.AsyncClient(base_url=url, verify=False, headers={"Authorization": token} if token else {})


async def unlimited(admin: httpx.AsyncClient, server: str = "") -> None:
    """No tier limits a tenant, and a server named here has no figures: there is always room."""
    tiers = "/api/collections/plan_tiers/records"
    for row in (await admin.get(tiers)).json()["items"]:
        free = dict.fromkeys(("max_stacks", "memory_pool_mb", "cpu_pool", "max_domains"), 0)
        limits = {
            slug: {k: v for k, v in one.items() if k != "max_stacks"} for slug, one in row["limits"].items()
        }
        answer = await admin.patch(f"{tiers}/{row['id']}", json={**free, "limits": limits})
        assert answer.status_code == 200, answer.text
    if server:
        body = {"uuid": server, "name": server, "is_default": True}
        answer = await admin.post("/api/collections/servers/records", json=body)
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def signed_in(
    url: str, collection: str, identity: str, password: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that logged in as that account; asserts that the login works."""
    async with plain(url) as http:
        body = {"identity": identity, "password": password}
        answer = await http.post(f"/api/collections/{collection}/auth-with-password", json=body)
        assert answer.status_code == 200, answer.text
        http.headers["Authorization"] = answer.json()["token"]
        yield http


@asynccontextmanager
async def superuser(server: pocketbase.Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client that logged in as the superuser."""
    async with plain(server.url) as http:
        await schema.superuser(http, server.superuser_email, server.superuser_password)
        yield http


def keep_tokens(folder: Path, **clients: httpx.AsyncClient) -> None:
    """The clients' tokens are in the data folder, under these names, for `tokens`."""
    kept = {name: http.headers["Authorization"] for name, http in clients.items()}
    (folder / TOKENS).write_text(json.dumps(kept))


def tokens(folder: Path) -> dict[str, str]:
    """What `keep_tokens` left in the folder this one is a copy of."""
    kept: dict[str, str] = json.loads((folder / TOKENS).read_text())
    return kept


async def _prepare(folder: Path) -> None:
    secret = SERVICE_PASSWORD.get_secret_value()
    async with pocketbase.running(folder) as server, superuser(server) as admin:
        await _unlogged(admin)
        await portal.collections(admin, user_id=True)
        await schema.apply(admin, rules=True, identity=IDENTITY, password=SERVICE_PASSWORD)
        user = await portal.user(admin, portal.email(TENANT))
        await portal.tenant(admin, TENANT, owner=user)
        async with (
            signed_in(server.url, "users", portal.email(TENANT), portal.PASSWORD) as owner,
            signed_in(server.url, "listeners", IDENTITY, secret) as service,
        ):
            keep_tokens(folder, admin=admin, owner=owner, service=service)


async def _unlogged(admin: httpx.AsyncClient) -> None:
    """PocketBase writes no row of its own log for each request: with many tests, much of its time."""
    answer = await admin.patch("/api/settings", json={"logs": {"maxDays": 0}})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="session")
def prepared_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a stopped PocketBase; copy it, never run it."""
    folder = tmp_path_factory.mktemp("pocketbase") / "prepared"
    anyio.run(_prepare, folder)
    return folder


@pytest_asyncio.fixture(loop_scope="function")
async def database(prepared_database: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of the test's own; about 0.2 s."""
    folder = tmp_path / "pocketbase"
    shutil.copytree(prepared_database, folder)
    async with pocketbase.running(folder) as server, AsyncExitStack() as clients:
        admin, owner, service = [
            await clients.enter_async_context(plain(server.url, tokens(folder)[name]))
            for name in ("admin", "owner", "service")
        ]
        (tenant,) = (await admin.get("/api/collections/tenants/records")).json()["items"]
        yield Database(
            server=server,
            admin=admin,
            owner=owner,
            service=service,
            tenant_id=tenant["id"],
            user_id=tenant["user_id"],
            _clients=clients,
        )


@pytest.fixture
def chromium() -> str:
    """The program's path. Without it the test is skipped, but not where CI is set."""
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed")
    assert path is not None, "chromium is missing: apt-get install chromium"
    return path
