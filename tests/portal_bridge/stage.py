"""A bridge in process, and everything that stands behind it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from listener.coolify import payloads
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.coolify.view import View
from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session
from listener.portal import bridge
from listener.sandbox import standin
from tests import fixtures, portal
from tests.fixtures import Database

PORTAL = "https://portal.example.org"
BOT_TOKEN = "1234567890:FAKE-fake-FAKE-fake-FAKE-fake-FAKE0"
ROUTER_KEY = "fake router/key of acme"
KEPT = "fake-made-password-of-the-stack"
STACKS = "/api/collections/agent_stacks/records"
LEDGER = "/api/collections/listener_ledger/records"
COMPOSE = {"services": {"bot": {"image": "python", "healthcheck": {"test": "true"}}}}


@dataclass(frozen=True)
class Stage:
    """The bridge as the portal calls it, PocketBase as it is, Coolify as it stands in."""

    portal: httpx.AsyncClient
    """No identity of its own."""
    database: Database
    coolify: standin.StandIn
    lent: bridge.Lent

    @property
    def token(self) -> str:
        """The token of the tenant's owner."""
        return str(self.database.owner.headers["Authorization"])

    async def call(
        self, method: str, path: str, *, token: str = "", body: Any = None, origin: str = PORTAL
    ) -> httpx.Response:
        """An answer to the portal's call, as the owner unless told."""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        content = b"" if body is None else json.dumps(body)
        return await self.portal.request(method, path, headers={**headers, "Origin": origin}, content=content)

    async def stack(self, **fields: Any) -> str:
        """The id of a new stack of the owner's, as the portal's dialog makes it; staff changed `fields`."""
        config = {"env_vars": {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "OPENAI_API_KEY": ROUTER_KEY}}
        row = portal.payload(self.database.tenant_id, "telegram-bot", f"cf-telegrambot-acme-{time.time_ns()}")
        made = await portal.add(self.database.owner, "agent_stacks", row | {"config": config})
        if fields:
            answer = await self.database.admin.patch(f"{STACKS}/{made['id']}", json=fields)
            assert answer.status_code == 200, answer.text
        return str(made["id"])

    async def row(self, record_id: str) -> Any:
        """The record as it is in PocketBase."""
        return (await self.database.admin.get(f"{STACKS}/{record_id}")).json()

    async def serviced(self, record_id: str, **ledger: Any) -> str:
        """The uuid of a service of this record that runs, and is in the ledger and in the view."""
        project = await self.lent.coolify.create_project("acme", "")
        new = payloads.NewService(
            name=f"cf-acme-{record_id}",
            description="",
            project_uuid=project,
            server_uuid=self.coolify.server.uuid,
            environment="production",
            compose=base64.b64encode(json.dumps(COMPOSE).encode()).decode(),
        )
        uuid = await self.lent.coolify.create_service(new)
        await self.lent.coolify.restart(uuid)
        await self.coolify.run_jobs()
        row = {"id": record_id, "tenant_id": self.database.tenant_id, "service_uuid": uuid, **ledger}
        assert (await self.database.admin.post(LEDGER, json=row)).status_code == 200
        await self.lent.view.renew()
        return uuid

    async def other(self) -> httpx.AsyncClient:
        """The owner of another tenant, signed in."""
        user = await portal.user(self.database.admin, portal.email("bolt"))
        await portal.tenant(self.database.admin, "bolt", owner=user)
        return await self.database.client("users", portal.email("bolt"), portal.PASSWORD)

    def prints(self, text: str) -> None:
        """What the container printed, for the next reading."""
        body = json.dumps({"logs": text})
        self.coolify.faults.add("GET", "/logs$", reply=200).body = body


@asynccontextmanager
async def made(database: Database) -> AsyncIterator[Stage]:
    """A stage over this database."""
    coolify = standin.StandIn(server_uuid="fake-server")
    async with (
        fixtures.plain(database.url) as http,
        fixtures.plain(database.url) as service_http,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(coolify.app),
            base_url="http://coolify",
            headers={"Authorization": f"Bearer {coolify.token}"},
        ) as coolify_http,
    ):
        session = Session(
            http=service_http, identity=database.identity, password=database.password, token=None
        )
        lent = lend(database.url, PocketBase(http=service_http, session=session), coolify_http)
        pages = bridge.app(lent, http, [f"{PORTAL}/"])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(pages, raise_app_exceptions=False), base_url="http://bridge"
        ) as portal_http:
            yield Stage(portal_http, database, coolify, lent)


def lend(url: str, database: PocketBase, coolify_http: httpx.AsyncClient) -> bridge.Lent:
    """What a listener would lend its bridge."""
    client = Coolify(http=coolify_http, budget=Budget(clock=time.monotonic))
    view = View(coolify=client, clock=time.monotonic, pace=0.0, servers_every=0.0, known_servers=lambda: ())
    return bridge.Lent(
        pocketbase_url=url,
        pocketbase_ca_file=None,
        database=database,
        coolify=client,
        view=view,
        access=_no_ways,
        kept=lambda _: [KEPT],
    )


async def _no_ways(row: Mapping[str, Any], user_id: str) -> list[dict[str, str]] | None:  # noqa: ARG001
    """This stage has no handlers, and so no stack with a way in; nobody owns the stacks named `theirs…`."""
    return None if str(row["stack_name"]).startswith("theirs") else []


def error(answer: httpx.Response) -> Mapping[str, Any]:
    """The body of a refusal, which is nothing but one readable text."""
    body: dict[str, Any] = answer.json()
    assert list(body) == ["error"], body
    assert isinstance(body["error"], str)
    assert body["error"]
    return body
