"""The matrix over realtime: everybody subscribes to everything and hears what he may list or view."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest

from tests import portal
from tests.pocketbase.access.conftest import SHAPED, SHAPES_AND_LONG
from tests.pocketbase.access.ears import Heard, listening
from tests.pocketbase.access.matrix import PEOPLE
from tests.pocketbase.access.world import BY_TENANT, MODEL, OWN, SECRET, World, is_his, path

STORED = tuple(one.name for one in MODEL.collections if one.kind != "view")
"""View collections have no events."""
FIELDS = (
    "@collection.agent_stacks.config",
    "@collection.stack_secrets.name",
    "tenant_id.agent_stacks_via_tenant_id.config",
)
RELATIONS = "tenant_id.owners,tenant_id.user_id,tenant_id.agent_stacks_via_tenant_id.tenant_id"
FOREIGN = (SECRET["bolt"], SECRET["void"], portal.email("bolt"), portal.email("staff"))
FIRST = pytest.mark.parametrize("world", [(True, True)], indirect=True, ids=["user_id-narrowed"])
ACTIONS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


def fresh(slug: str) -> str:
    """The id of a row that a test will make."""
    return f"{slug}00000000000"[:15]


@SHAPES_AND_LONG
async def test_everybody_hears_of_the_rows_of_the_matrix_and_no_other(
    world: World, *, everything: bool
) -> None:
    names = [name for name in STORED if everything or name in SHAPED]
    rows = [(name, slug) for name in names for slug in (SECRET if name in BY_TENANT else ("void",))]
    topics = [f"{name}/*" for name in world.matrix] + [f"{name}/{fresh(slug)}" for name, slug in rows]
    expected: dict[str, Heard] = {person: Counter() for person in PEOPLE}
    async with listening(world, dict.fromkeys(PEOPLE, topics)) as ears:
        for name, slug in rows:
            body = world.specimen(name, slug, "heard") | {"id": fresh(slug)}
            for action, method in ACTIONS.items():
                url = path(name, "" if action == "create" else fresh(slug))
                answer = await world.root.request(method, url, json=body if action == "create" else {})
                assert answer.is_success, answer.text
                for person, cell in world.matrix[name].items():
                    for letter, topic in zip(cell, ("*", fresh(slug)), strict=False):
                        if is_his(letter, person, slug):
                            expected[person][f"{name}/{topic}", action, fresh(slug)] += 1
        await ears.heard(expected)


@FIRST
async def test_everybody_hears_of_his_own_account_only(world: World) -> None:
    accounts = world.users.values()
    topics = ["users/*", *(f"users/{id_}" for id_ in accounts)]
    async with listening(world, dict.fromkeys(PEOPLE, topics)) as ears:
        for slug, id_ in world.users.items():
            await update(world, "users", id_)
            hearers = [person for person, own in OWN.items() if own == slug]
            await ears.heard({person: both("users", "update", id_) for person in (*hearers, "root")})


@FIRST
async def test_a_stack_that_is_moved_is_heard_by_its_new_owner_and_no_longer_by_the_old(world: World) -> None:
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        topics = ["agent_stacks/*", f"agent_stacks/{id_}"]
        async with listening(
            world, dict.fromkeys(("guest", "owner", "other", "staff", "root"), topics)
        ) as ears:
            for slug, hearers in (("bolt", ("other",)), ("void", ()), ("acme", ("owner",))):
                await update(world, "agent_stacks", id_, tenant_id=world.tenants[slug])
                await update(world, "agent_stacks", id_)
                events = both("agent_stacks", "update", id_) + both("agent_stacks", "update", id_)
                await ears.heard(dict.fromkeys((*hearers, "staff", "root"), events))
            await update(world, "agent_stacks", id_, tenant_id=world.tenants["bolt"])
            assert (await world.root.delete(path("agent_stacks", id_))).status_code == 204
            events = both("agent_stacks", "update", id_) + both("agent_stacks", "delete", id_)
            await ears.heard(dict.fromkeys(("other", "staff", "root"), events))


@FIRST
async def test_a_tenant_that_changes_hands_takes_its_stacks_events_with_it(world: World) -> None:
    topics = ["agent_stacks/*"]
    async with (
        world.added("tenants", world.specimen("tenants", "acme")) as tenant,
        world.added("agent_stacks", world.specimen("agent_stacks", "acme") | {"tenant_id": tenant}) as stack,
        listening(world, dict.fromkeys(("guest", "owner", "other"), topics)) as ears,
    ):
        event: Heard = Counter({("agent_stacks/*", "update", stack): 1})
        for slug, hearers in (("acme", ("owner",)), ("bolt", ("other",)), ("void", ())):
            await update(world, "tenants", tenant, **world.owned(slug))
            await update(world, "agent_stacks", stack)
            await ears.heard(dict.fromkeys(hearers, event))
        assert (await world.root.delete(path("tenants", tenant))).status_code == 204
        await ears.heard({})


@FIRST
async def test_staff_hears_as_long_as_he_is_staff(world: World) -> None:
    topics = ["stack_operations/*", "agent_stacks/*"]
    (id_, *_) = [one for one, slug in world.shape.rows["stack_operations"].items() if slug == "void"]
    async with listening(world, {"staff": topics}) as ears:
        for role in ("staff", "", "staff"):
            await update(world, "users", world.users["staff"], cf_role=role)
            await update(world, "stack_operations", id_)
            await ears.heard({"staff": Counter({("stack_operations/*", "update", id_): 1})} if role else {})


@FIRST
async def test_a_subscriptions_own_filter_and_expand_tell_nothing_of_others(world: World) -> None:
    """An event that comes for a right guess only would be an answer, as it is for one's own secret."""
    (id_, *_) = [one for one, slug in world.shape.rows["agent_stacks"].items() if slug == "acme"]
    right, wrong = (
        [topic("agent_stacks/*", filter=f'{field} ?~ "{guess}"') for field in FIELDS]
        for guess in (f"{SECRET['bolt']}-stack", "fake-wrong-guess")
    )
    own = topic("agent_stacks/*", filter=f'{FIELDS[-1]} ?~ "{SECRET["acme"]}"', expand=RELATIONS)
    async with listening(world, {"owner": [*right, *wrong, own]}) as ears:
        records = ears.of["owner"].records
        await update(world, "agent_stacks", id_)
        await ears.heard({"owner": Counter({(own, "update", id_): 1})})
    (record,) = records
    assert [word for word in FOREIGN if word in json.dumps(record)] == []
    assert len(record["expand"]["tenant_id"]["expand"]["agent_stacks_via_tenant_id"]) == 3


def topic(name: str, **query: str) -> str:
    """A topic with options, as the SDK spells it."""
    return f"{name}?{urlencode({'options': json.dumps({'query': query})})}"


def both(collection: str, action: str, id_: str) -> Heard:
    """One event, for a person who has subscribed to the collection and to the record."""
    return Counter({(f"{collection}/{end}", action, id_): 1 for end in ("*", id_)})


async def update(world: World, collection: str, id_: str, **body: Any) -> None:
    """The superuser changes the row, or only touches it."""
    assert (await world.root.patch(path(collection, id_), json=body)).status_code == 200
