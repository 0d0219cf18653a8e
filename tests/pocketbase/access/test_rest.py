"""The matrix over REST: what each person lists and views, and what a batch would let him write."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import anyio
import httpx

from tests import fixtures, portal
from tests.pocketbase.access.conftest import FIRST_AND_LONG, NARROWED, SHAPED, SHAPES_AND_LONG
from tests.pocketbase.access.matrix import PEOPLE, VERBS
from tests.pocketbase.access.world import (
    BY_TENANT,
    NOBODY_LEADS,
    OWN,
    RIGHTS,
    SECRET,
    Row,
    World,
    is_his,
    path,
    refused_at,
)

Cell = tuple[str, str, str, str]
"""Collection, person, verb, and the row's id or the tenant of a new row."""


async def test_every_collection_has_a_row_in_the_matrix(world: World) -> None:
    page = (await world.root.get("/api/collections", params={"perPage": 500})).json()["items"]
    assert {one["name"] for one in page if not one["system"]} == set(world.matrix)
    for name in world.matrix:
        assert world.shape.rows[name], f"{name} has no row to look at"


@SHAPES_AND_LONG
async def test_everybody_lists_and_views_the_rows_of_the_matrix_and_no_other(
    world: World, *, everything: bool
) -> None:
    claimed: set[Cell] = set()
    found: set[Cell] = set()

    async def look(person: str) -> None:
        http = world.people[person]
        for name in world.matrix if everything else SHAPED:
            rows, row = world.shape.rows[name], world.matrix[name]
            for verb, letter in zip(("list", "view"), row[person], strict=False):
                claimed.update(
                    (name, person, verb, i) for i, slug in rows.items() if is_his(letter, person, slug)
                )
            answer = await http.get(path(name), params={"perPage": 500})
            ids = {one["id"] for one in answer.json().get("items", ())} - {NOBODY_LEADS}
            found.update((name, person, "list", one) for one in ids)
            for id_ in rows:
                if (await http.get(path(name, id_))).status_code == 200:
                    found.add((name, person, "view", id_))

    async with anyio.create_task_group() as tasks:
        for person in PEOPLE:
            tasks.start_soon(look, person)
    assert found - claimed == set()
    assert claimed - found == set()


@SHAPES_AND_LONG
async def test_a_batch_lets_everybody_write_the_rows_of_the_matrix_and_no_other(
    world: World, *, everything: bool
) -> None:
    wrong: list[str] = []

    async def write(person: str) -> None:
        for name in world.matrix if everything else SHAPED:
            allowed = []
            for is_claimed, _, request in attempts(world, name, person):
                if is_claimed:
                    allowed.append(request)
                elif await refused_at(world.people[person], [request]) != 0:
                    wrong.append(f"{person} may {request}")
            stop = await refused_at(world.people[person], allowed)
            wrong.extend(f"{person} may not {request}" for request in allowed[stop : stop + 1])

    async with anyio.create_task_group() as tasks:
        for person in PEOPLE:
            tasks.start_soon(write, person)
    assert not wrong, "\n".join(wrong)


@FIRST_AND_LONG
async def test_plain_requests_write_the_rows_of_the_matrix_and_no_other(
    world: World, *, everything: bool
) -> None:
    wrong: list[str] = []

    async def write(person: str) -> None:
        for name in world.matrix if everything else SHAPED:
            for is_claimed, slug, request in attempts(world, name, person):
                method, url = request["method"], request["url"]
                if method == "DELETE" and is_claimed:
                    row = world.specimen(name, slug or "acme", f"victim-{person}")
                    url = path(name, (await portal.add(world.root, name, row))["id"])
                answer = await world.people[person].request(
                    method, f"{url}?{RIGHTS}", json=request.get("body")
                )
                if answer.is_success != is_claimed:
                    wrong.append(f"{person}: {answer.status_code} for {request}")
                if answer.is_success and method == "POST":
                    await world.root.delete(path(name, answer.json()["id"]))

    async with anyio.create_task_group() as tasks:
        for person in PEOPLE:
            tasks.start_soon(write, person)
    assert not wrong, "\n".join(wrong)


def attempts(world: World, name: str, person: str) -> Iterator[tuple[bool, str, Row]]:
    """Whether the matrix allows it, the tenant, and the request: each verb for a row of each tenant."""
    letters = dict(zip(VERBS, world.matrix[name][person], strict=True))
    for slug in SECRET if name in BY_TENANT else ("acme",):
        body = world.specimen(name, slug, f"by-{person}")
        yield (
            is_his(letters["create"], person, slug),
            slug,
            {"method": "POST", "url": path(name), "body": body},
        )
    for slug, id_ in {slug: id_ for id_, slug in world.shape.rows[name].items()}.items():
        url = path(name, id_)
        yield is_his(letters["update"], person, slug), slug, {"method": "PATCH", "url": url, "body": {}}
        if name != "users" or letters["delete"] != "o" or slug != OWN[person]:
            yield is_his(letters["delete"], person, slug), slug, {"method": "DELETE", "url": url}


@NARROWED
async def test_whoever_signs_up_with_an_owners_id_gets_nothing_of_his(world: World) -> None:
    """The rules compare ids alone, and whoever signs up may choose his, here and in other collections."""
    guest, gone = world.people["guest"], await portal.user(world.root, "gone@again.example.org")
    made = {"name": "customers", "type": "auth", "createRule": ""}
    assert (await world.root.post("/api/collections", json=made)).status_code == 200
    row = world.specimen("users", "again") | {"id": gone}
    async with world.added("tenants", world.specimen("tenants", "void") | world.owner(gone)):
        for name in ("users", "customers"):
            assert (await guest.post(path(name), json=row)).status_code == 400
        assert (await world.root.delete("/api/collections/customers")).status_code == 204
        assert (await world.root.delete(path("users", gone))).status_code == 204
        assert (await guest.post(path("users"), json=row)).status_code == 200
        async with fixtures.signed_in(world.shape.url, "users", row["email"], portal.PASSWORD) as http:
            assert await reached(world, http) == set()
    assert (await world.root.delete(path("users", gone))).status_code == 204


@NARROWED
async def test_a_dead_token_is_a_guests(world: World) -> None:
    """Of a deleted user, whose tenant is nobody's now; of one with a new password; garbage; a forged one."""
    gone, renewed = [
        await portal.user(world.root, f"{name}@dead.example.org") for name in ("gone", "renewed")
    ]
    async with (
        world.added("tenants", world.specimen("tenants", "void") | world.owner(gone)),
        fixtures.signed_in(world.shape.url, "users", "gone@dead.example.org", portal.PASSWORD) as first,
        fixtures.signed_in(world.shape.url, "users", "renewed@dead.example.org", portal.PASSWORD) as second,
    ):
        secret = {"password": "another-fake-password", "passwordConfirm": "another-fake-password"}
        assert (await world.root.delete(path("users", gone))).status_code == 204
        assert (await world.root.patch(path("users", renewed), json=secret)).status_code == 200
        tokens = [http.headers["Authorization"] for http in (first, second)]
        for token in (*tokens, "garbage", world.shape.tokens["owner"][:-4] + "AAAA"):
            async with fixtures.plain(world.shape.url, token) as http:
                assert await reached(world, http) == set()
        assert (await world.root.delete(path("users", renewed))).status_code == 204


async def test_an_empty_owner_equals_no_id_whatever_is_asked_for(world: World) -> None:
    void = world.tenants["void"]
    filters = [f'{field} = ""' for field in ("user_id", "owners", "tenant_id.user_id", "tenant_id.owners")]
    filters += [f'id = "{void}"', f'tenant_id = "{void}"', 'owners.id = ""', 'tenant_id.owners.id = ""']

    async def ask(person: str, name: str, text: str) -> None:
        answer = await world.people[person].get(path(name), params={"filter": text, "perPage": 500})
        for row in answer.json().get("items", ()):
            letter = world.matrix[name][person][0]
            assert is_his(letter, person, world.shape.rows[name][row["id"]]), (person, text)

    async with anyio.create_task_group() as tasks:
        for what in itertools.product(("guest", "owner"), ("tenants", "agent_stacks"), filters):
            tasks.start_soon(ask, *what)


async def reached(world: World, http: httpx.AsyncClient) -> set[str]:
    """What of the owner's rows and of the ownerless tenant's that client sees or may write."""
    found: set[str] = set()
    for name in ("tenants", "agent_stacks", "stack_timeline", "stack_availability"):
        answer = await http.get(path(name), params={"perPage": 500})
        found.update(row["id"] for row in answer.json().get("items", ()))
        for _, slug, request in attempts(world, name, "owner"):
            if slug != "bolt" and await refused_at(http, [request]) != 0:
                found.add(str(request))
        for id_ in world.shape.rows[name]:
            if (await http.get(path(name, id_))).status_code == 200:
                found.add(id_)
    return found
