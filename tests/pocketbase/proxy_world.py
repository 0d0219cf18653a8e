"""A real PocketBase with a handful of small collections, and our clients for it."""

from __future__ import annotations

import atexit
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from listener import transport
from listener.pocketbase import client, lease, session, writer
from listener.sandbox import pocketbase as launcher

IDENTITY = "listener"
PASSWORD = "not-a-real-password"
HOLDER = "host-1"
TOKEN = "superuser.token"
"""File in the data folder: a login costs 0.1 s, and the token is as good for a copy."""

OURS = '@request.auth.id != "" && @request.auth.collectionName = "listeners"'
IF_HOLDER = (
    f'{OURS} && @request.query.as_holder != ""'
    " && @collection.listener_lease.holder ?= @request.query.as_holder"
)
IF_FENCE = f'{OURS} && @request.query.if_fence != "" && fence = @request.query.if_fence'
IF_ACTION = f"{OURS} && (@request.query.if_action:isset = false || @request.query.if_action = action)"
ID = {"name": "id", "type": "text", "system": True, "primaryKey": True, "required": True}
ID |= {"min": 1, "max": 64, "pattern": "^[a-z0-9_-]+$", "autogeneratePattern": ""}


def _base(name: str, write_rule: str, fields: dict[str, str]) -> dict[str, Any]:
    rules = {"createRule": write_rule, "updateRule": write_rule, "deleteRule": write_rule}
    columns = [ID, *({"name": field, "type": kind} for field, kind in fields.items())]
    return {"name": name, "type": "base", "fields": columns, "listRule": OURS, "viewRule": OURS} | rules


COLLECTIONS = [
    {
        "name": "listeners",
        "type": "auth",
        "fields": [{"name": "username", "type": "text"}, {"name": "email", "type": "email", "system": True}],
        "indexes": ["CREATE UNIQUE INDEX `listeners_username` ON `listeners` (`username`)"],
        "passwordAuth": {"enabled": True, "identityFields": ["username"]},
        "authAlert": {"enabled": False},
    },
    {"name": "people", "type": "auth", "authAlert": {"enabled": False}},
    _base("listener_lease", IF_FENCE, {"fence": "number", "holder": "text"}),
    _base("listener_ledger", IF_HOLDER, {"note": "text"}),
    _base(
        "things",
        IF_ACTION,
        {"name": "text", "action": "text", "at": "date", "size": "number", "config": "json"},
    ),
]


EXPIRES = 4102444800
CLAIMS = base64.urlsafe_b64encode(f'{{"exp": {EXPIRES}, "refreshable": true}}'.encode()).decode().rstrip("=")
GRANTED = {"token": f"fake.{CLAIMS}.fake", "record": {"id": "a", "collectionName": "listeners"}}


@dataclass
class World:
    """One server of its own for one test; `admin` is a superuser."""

    server: launcher.Server
    admin: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The superuser's wish was granted."""
        answer = await self.admin.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def change_collection(self, collection: str, **changes: Any) -> None:
        await self.ask("PATCH", f"/api/collections/{collection}", changes)

    async def change_password(self, password: str) -> None:
        account = await self.ask("GET", client.path("listeners"))
        change = {"password": password, "passwordConfirm": password}
        await self.ask("PATCH", client.path("listeners", account["items"][0]["id"]), change)

    async def add(self, *rows: dict[str, Any], collection: str = "things") -> None:
        """The rows exist: fifty a batch."""
        items = [{"method": "POST", "url": client.path(collection), "body": row} for row in rows]
        for start in range(0, len(items), 50):
            await self.ask("POST", "/api/batch", {"requests": items[start : start + 50]})


@dataclass
class Hands:
    """What the listener would hold, by way of one http client whose requests are counted."""

    http: httpx.AsyncClient
    session: session.Session
    pocketbase: client.PocketBase
    writer: writer.Writer
    lease: lease.PocketBaseLease
    sent: list[str]
    """`METHOD path`, in order."""


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A server with `COLLECTIONS`, the account and a lease held by `HOLDER`; empty otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        shutil.copytree(await _seed(), data)
        async with launcher.running(data) as server, httpx.AsyncClient(base_url=server.url) as admin:
            admin.headers["Authorization"] = (data / TOKEN).read_text()
            yield World(server, admin)


@asynccontextmanager
async def hands(
    url: str,
    *,
    identity: str = IDENTITY,
    password: str | None = PASSWORD,
    token: str | None = None,
    holder: str = HOLDER,
) -> AsyncIterator[Hands]:
    """Our clients for the server, or the proxy, at `url`."""
    async with transport.client(url) as http:
        who = session.Session(
            http=http,
            identity=identity,
            password=None if password is None else SecretStr(password),
            token=None if token is None else SecretStr(token),
        )
        yield _hands(http, who, holder)


@asynccontextmanager
async def scripted(
    answer: Callable[[httpx.Request], httpx.Response], *, headers: dict[str, str] | None = None
) -> AsyncIterator[Hands]:
    """Our clients for a server that lets everybody in and answers the rest as told: PocketBase will not."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/collections/listeners/auth-"):
            return httpx.Response(200, json=GRANTED, headers=headers)
        return answer(request)

    mock = httpx.MockTransport(respond)
    async with httpx.AsyncClient(base_url="http://pocketbase.invalid", transport=mock) as http:
        who = session.Session(http=http, identity=IDENTITY, password=SecretStr(PASSWORD), token=None)
        yield _hands(http, who, HOLDER)


def _hands(http: httpx.AsyncClient, who: session.Session, holder: str) -> Hands:
    sent: list[str] = []

    async def note(request: httpx.Request) -> None:
        sent.append(f"{request.method} {request.url.path}")

    http.event_hooks = {"request": [note]}
    pocketbase = client.PocketBase(http=http, session=who)
    return Hands(
        http=http,
        session=who,
        pocketbase=pocketbase,
        writer=writer.Writer(pocketbase=pocketbase, holder=lambda: holder),
        lease=lease.PocketBaseLease(pocketbase=pocketbase),
        sent=sent,
    )


BATCH = "POST /api/batch"


def create(id: str, **body: Any) -> writer.Write:  # noqa: A002
    return writer.Write("POST", "things", id, body)


def patch(id: str, **body: Any) -> writer.Write:  # noqa: A002
    return writer.Write("PATCH", "things", id, body)


async def ids(world: World) -> list[str]:
    """The ids of all things."""
    page = await world.ask("GET", client.path("things") + "?perPage=1000&sort=id")
    return [row["id"] for row in page["items"]]


_seeds: list[Path] = []


async def _seed() -> Path:
    """The folder of a stopped server, to be copied; made once a run."""
    if not _seeds:
        folder = Path(tempfile.mkdtemp(prefix="pocketbase-seed-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        data = folder / "data"
        async with launcher.running(data) as server, httpx.AsyncClient(base_url=server.url) as admin:
            made = World(server, admin)
            login = {
                "identity": server.superuser_email,
                "password": server.superuser_password.get_secret_value(),
            }
            granted = await made.ask("POST", "/api/collections/_superusers/auth-with-password", login)
            admin.headers["Authorization"] = granted["token"]
            (data / TOKEN).write_text(granted["token"])
            await made.ask("PATCH", "/api/settings", {"batch": {"enabled": True}})
            for collection in COLLECTIONS:
                await made.ask("POST", "/api/collections", collection)
            account = {"username": IDENTITY, "password": PASSWORD, "passwordConfirm": PASSWORD}
            await made.ask("POST", client.path("listeners"), account)
            row = {"id": "main", "fence": 1, "holder": HOLDER}
            await made.ask("POST", client.path("listener_lease"), row)
        _seeds.append(data)
    return _seeds[0]
