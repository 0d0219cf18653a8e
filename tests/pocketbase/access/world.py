"""The people, the rows they look at, and attempts that leave no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from listener.pocketbase import schema_model
from listener.sandbox import pocketbase
from tests import fixtures, portal
from tests.pocketbase.access import matrix
from tests.pocketbase.conftest import apply

Row = dict[str, Any]

OWN = {"owner": "acme", "other": "bolt", "staff": "staff"}
"""Person -> whose rows are his own."""
SECRET = {"acme": "fake-acme-only", "bolt": "fake-bolt-only", "void": "fake-void-only"}
"""Tenant -> a word that stands in many fields of its rows and in nobody else's."""
FENCE, HOLDER = 7, "holder-1"
RIGHTS = f"if_fence={FENCE}&as_holder={HOLDER}"
"""What a writer of lease, ledger and secrets says; everybody here knows it."""
NOBODY = "000000000000000"
"""A well-formed id that no record has."""


@dataclass
class Shape:
    """A running PocketBase, shared by the tests; `rows` is collection -> id -> tenant ("" = of none)."""

    url: str
    user_id: bool
    narrow: bool
    tokens: dict[str, str]
    rows: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """`Shape` with a client for each person, of the test's own."""

    shape: Shape
    people: dict[str, httpx.AsyncClient]
    tenants: dict[str, str]
    """Slug -> id."""
    users: dict[str, str]
    """Person's own slug -> id."""

    @property
    def root(self) -> httpx.AsyncClient:
        """Speaks as the superuser."""
        return self.people["root"]

    @property
    def matrix(self) -> matrix.Matrix:
        """What is claimed of this shape."""
        return matrix.of(user_id=self.shape.user_id, narrow=self.shape.narrow)

    def owner(self, user: str) -> Row:
        """The fields of a tenant that make it that user's; empty: nobody's."""
        return {"user_id": user} if self.shape.user_id else {"owners": [user] if user else []}

    def owned(self, slug: str) -> Row:
        """The same for a person's own slug; `void` is nobody's."""
        return self.owner(self.users.get(slug, ""))

    def specimen(self, collection: str, slug: str, mark: str = "made") -> Row:
        """A new row of that tenant as a person may send it; `mark` makes it unique."""
        secret = {"password": portal.PASSWORD, "passwordConfirm": portal.PASSWORD}
        if collection == "users":
            return {"email": f"{mark}@{slug}.example.org", **secret}
        if collection == "listeners":
            return {"username": f"{mark}-{slug}", **secret}
        if collection == "tenants":
            row = {"name": "N", "slug": f"{mark}-{slug}", "type": "public", "status": "active"}
            return row | self.owned(slug)
        if collection == "agent_stacks":
            return portal.payload(self.tenants[slug], "base-llm", f"{mark}-{slug}")
        row = {"tenant_id": self.tenants[slug], "stack_id": slug, "uuid": f"{mark}-{slug}"}
        row |= {"inst": "abcd1234"} if collection == "listener_meta" else {}
        return row | ({"id": f"{mark}-{slug}"} if collection in SLUGS else {})

    @asynccontextmanager
    async def added(self, collection: str, row: Row) -> AsyncIterator[str]:
        """The id of a row that is there meanwhile, whatever becomes of it."""
        made = (await portal.add(self.root, collection, row))["id"]
        try:
            yield made
        finally:
            await self.root.delete(path(collection, made))

    async def row(self, collection: str, id_: str) -> Row:
        """The row as the superuser sees it."""
        found: Row = (await self.root.get(path(collection, id_))).json()
        return found

    async def all(self, collection: str) -> dict[str, Row]:
        """Id -> row, as the superuser sees them."""
        answer = await self.root.get(path(collection), params={"perPage": 500})
        return {row["id"]: row for row in answer.json()["items"]}


MODEL = schema_model.load()
OURS = tuple(c for c in MODEL.collections if c.existing is None and c.kind == "base")
SLUGS = {c.name for c in MODEL.collections if c.id == "slug"}
NOBODY_LEADS = "listener"
"""A row of `stack_overview` that comes and goes with the lease, and belongs to nobody."""
VIEWS = {"stack_timeline", "stack_availability"}
BY_TENANT = {"tenants", "agent_stacks", *VIEWS} | {c.name for c in OURS if "tenant_id" in c.fields}
"""Collections whose rows belong to tenants."""


def path(collection: str, id_: str = "") -> str:
    """The address of the records, or of one."""
    return f"/api/collections/{collection}/records" + (f"/{id_}" if id_ else "")


def is_his(letter: str, person: str, slug: str) -> bool:
    """A letter of the matrix lets that person have a row of that tenant."""
    return letter == "a" or (letter == "o" and slug == OWN.get(person))


async def refused_at(http: httpx.AsyncClient, requests: Sequence[Row]) -> int:
    """Which of these requests of one batch PocketBase refuses first; their number if none.

    All is rolled back by a last request that always fails, so nothing changes and no event comes.
    """
    doomed = {"method": "DELETE", "url": path("users", NOBODY)}
    bodies = [one | {"url": f"{one['url']}?{RIGHTS}"} for one in requests]
    answer = await http.post("/api/batch", json={"requests": [*bodies, doomed]})
    assert answer.status_code == 400, answer.text
    (failed,) = answer.json()["data"]["requests"]
    return int(failed)


async def people(folder: Path, *, user_id: bool) -> None:
    """The data folder of production has the schema, all people, and a row per tenant in every collection."""
    async with pocketbase.running(folder) as server, AsyncExitStack() as stack:
        admin = await stack.enter_async_context(fixtures.plain(server.url, fixtures.tokens(folder)["admin"]))
        await apply(admin)
        await portal.user(admin, portal.email("staff"), cf_role="staff")
        listeners = [
            ("listeners", name, fixtures.SERVICE_PASSWORD.get_secret_value()) for name in ("listener", "cli")
        ]
        users = [("users", portal.email(slug), portal.PASSWORD) for slug in OWN.values()]
        clients = [
            await stack.enter_async_context(fixtures.signed_in(server.url, *who))
            for who in (*users, *listeners)
        ]
        everybody = dict(zip(matrix.PEOPLE[1:], (*clients, admin), strict=True))
        fixtures.keep_tokens(folder, **everybody)
        shape = Shape(server.url, user_id, narrow=False, tokens=fixtures.tokens(folder))
        await _fill(await stack.enter_async_context(opened(shape)))


@asynccontextmanager
async def opened(shape: Shape) -> AsyncIterator[World]:
    """The world of that shape, with clients of this event loop."""
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(fixtures.plain(shape.url, shape.tokens.get(name, "")))
            for name in matrix.PEOPLE
        }
        for http in clients.values():
            http.timeout = httpx.Timeout(60.0)
        world = World(shape, clients, {}, {})
        world.tenants.update({row["slug"]: id_ for id_, row in (await world.all("tenants")).items()})
        emails = {row["email"]: id_ for id_, row in (await world.all("users")).items()}
        world.users.update({slug: emails[portal.email(slug)] for slug in OWN.values()})
        for name in matrix.read(matrix.NARROWED) if not shape.rows else ():
            found = (await world.all(name)).items()
            shape.rows[name] = {i: _tenant(world, name, row) for i, row in found if i != NOBODY_LEADS}
        yield world


def _tenant(world: World, collection: str, row: Row) -> str:
    if collection == "users":
        return next((slug for slug, id_ in world.users.items() if id_ == row["id"]), "")
    id_ = row["id"] if collection == "tenants" else row.get("tenant_id") or row.get("tenant")
    return next((slug for slug, known in world.tenants.items() if known == id_), "")


async def _fill(world: World) -> None:
    for slug, secret in SECRET.items():
        tenant = world.owned(slug) | {"hold": secret, "listener_message": secret}
        await world.root.patch(path("tenants", world.tenants[slug]), json=tenant)
        for collection in (one for one in OURS if one.name not in MODEL.seeds):
            row = world.specimen(collection.name, slug, "first")
            if collection.name in BY_TENANT:
                texts = (name for name, spec in collection.fields.items() if spec["type"] == "text")
                row = dict.fromkeys(texts, f"{secret}-stack") | row
            if collection.name in BY_TENANT or slug == "acme":
                await portal.add(world.root, collection.name, row)
        for number, state in enumerate(("running", "error", "suspended"), start=1):
            row = {"tenant_id": world.tenants[slug], "stack_id": slug, "verb": "state", "state": state}
            await portal.add(world.root, "stack_operations", row | {"ended": f"2026-01-0{number} 00:00:00Z"})
    for id_, row in (await world.all("agent_stacks")).items():
        slug = next(slug for slug, tenant in world.tenants.items() if tenant == row["tenant_id"])
        secret = f"{SECRET[slug]}-stack"
        marked = {"config": {"env_vars": {"KEY": secret}}, "error_message": secret}
        await world.root.patch(path("agent_stacks", id_), json=marked)
    lease = {"fence": FENCE, "holder": HOLDER}
    await world.root.patch(path("listener_lease", "main"), json=lease)
