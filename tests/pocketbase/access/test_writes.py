"""What tenants may not write, by every way into PocketBase and every spelling of a field."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import anyio

from tests import portal
from tests.pocketbase.access import ways
from tests.pocketbase.access.conftest import NARROWED
from tests.pocketbase.access.world import MODEL, Row, World, path

pytestmark = NARROWED

TIME = "2026-01-01 00:00:00.000Z"
PROTECTED = MODEL.rules.protected["agent_stacks"]
SHOWN: Row = {
    name: TIME if name.startswith("last_") or name == "purge_after" else "shown" for name in PROTECTED
}
SHOWN |= {"health": "starting", "status": "deploying"}
"""What the listener and staff wrote."""
FORGED: Row = {
    name: "2027-01-01 00:00:00.000Z" if value == TIME else "forged" for name, value in SHOWN.items()
}
FORGED |= {"health": "healthy", "status": "running"}
SPELLED = (
    "hold",
    "status",
    "health",
    "last_deploy",
    "action",
    "tenant_id",
    "id",
    "owners",
    "plan_tier",
    "cf_role",
)
"""Fields of each type."""
STAFF_ACTIONS = ("recreate", "rotate_secrets", "backup_now", "approve", "purge")


async def forge(world: World, collection: str, id_: str, fields: list[tuple[str, Any]], base: Row) -> None:
    """The owner sends each field by every way and spelling, with `base`, whatever is answered.

    The shape that only the long tests try gets every field in every spelling, by batch too.
    """
    http = world.people["owner"]
    is_long = not world.shape.user_id
    spelled = (ways.plain, ways.batch) if is_long else (ways.plain,)

    async def send(number: int, name: str, value: Any) -> None:
        own = base | ({"stack_name": f"forged-{number}"} if "stack_name" in base else {})
        for way in ways.WAYS.values():
            await way(http, collection, id_, own | {name: value})
        for spelling in ways.SPELLINGS if value and (is_long or name in SPELLED) else ():
            for way in spelled:
                await way(http, collection, id_, own | spelling(name, value))

    async with anyio.create_task_group() as tasks:
        for number, (name, value) in enumerate(fields):
            tasks.start_soon(send, number, name, value)


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in ("updated", *names)}


async def test_every_way_writes_what_is_allowed(world: World) -> None:
    """Else the refusals below would prove nothing."""
    http = world.people["owner"]
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        for number, (name, way) in enumerate(ways.WAYS.items()):
            domain = f"way{number}.example.org"
            answer = await way(http, "agent_stacks", id_, {"domain": domain, "action": "restart"})
            assert answer.status_code == 200, (name, answer.text)
            assert (await world.row("agent_stacks", id_))["domain"] == domain, name
        assert (await ways.plain(http, "agent_stacks", id_, {"action+": "retry"})).status_code == 200
        assert (await world.row("agent_stacks", id_))["action"] == "retry"
    for number, (name, way) in enumerate(ways.WAYS.items()):
        row = world.specimen("agent_stacks", "acme", f"way{number}")
        assert (await way(http, "agent_stacks", "", row)).status_code == 200, name
    await _swept(world, "way")


async def test_no_update_changes_a_display_field_a_hold_the_tenant_the_id_or_sets_a_staff_action(
    world: World,
) -> None:
    fields = [*FORGED.items(), ("hold", None), ("status", None)]
    fields += [
        (name, "") for name in ("hold", "status", "error_message", "coolify_service_uuid", "purge_after")
    ]
    fields += [("action", action) for action in STAFF_ACTIONS]
    fields += [("tenant_id", world.tenants[slug]) for slug in ("bolt", "void")] + [("tenant_id", "")]
    fields += [("id", "chosen000000001")]
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        assert (await world.root.patch(path("agent_stacks", id_), json=SHOWN)).status_code == 200
        before = await world.row("agent_stacks", id_)
        await forge(world, "agent_stacks", id_, fields, {})
        after = await world.row("agent_stacks", id_)
    assert SHOWN.items() <= before.items()
    assert without(after, "action") == without(before, "action")
    assert after["action"] not in STAFF_ACTIONS


async def test_no_create_carries_a_display_field_a_hold_an_id_another_tenant_or_a_staff_action(
    world: World,
) -> None:
    known = set(await world.all("agent_stacks"))
    fields = [*FORGED.items(), *(("action", action) for action in STAFF_ACTIONS)]
    fields += [("status", "deleted"), ("id", "chosen000000001"), ("id", ""), ("id", world.users["acme"])]
    fields += [("tenant_id", world.tenants[slug]) for slug in ("bolt", "void")]
    await forge(world, "agent_stacks", "", fields, world.specimen("agent_stacks", "acme"))
    made = [row for id_, row in (await world.all("agent_stacks")).items() if id_ not in known]
    await _swept(world, "forged")
    for row in made:
        assert {row[name] for name in PROTECTED} == {""}
        assert (row["tenant_id"], row["status"]) == (world.tenants["acme"], "pending")
        assert row["action"] not in STAFF_ACTIONS
        assert row["id"] not in ("chosen000000001", world.users["acme"])


async def test_nobody_takes_changes_or_deletes_another_tenants_stack(world: World) -> None:
    owner = world.people["owner"]
    async with AsyncExitStack() as stack:
        for slug in ("bolt", "void"):
            row = world.specimen("agent_stacks", slug)
            id_ = await stack.enter_async_context(world.added("agent_stacks", row))
            before = await world.row("agent_stacks", id_)
            fields = [
                ("tenant_id", world.tenants["acme"]),
                ("desired_state", "deleted"),
                ("action", "restart"),
            ]
            await forge(world, "agent_stacks", id_, fields, {})
            await forge(world, "agent_stacks", id_, [("config", {})], {"tenant_id": world.tenants["acme"]})
            assert (await owner.delete(path("agent_stacks", id_))).status_code == 404
            requests = [{"method": "DELETE", "url": path("agent_stacks", id_)}]
            assert (await owner.post("/api/batch", json={"requests": requests})).status_code == 400
            assert await world.row("agent_stacks", id_) == before


async def test_an_owner_changes_nothing_on_his_tenant_and_makes_no_tenant(world: World) -> None:
    id_ = world.tenants["acme"]
    before, known = await world.row("tenants", id_), set(await world.all("tenants"))
    fields: list[tuple[str, Any]] = [
        ("plan_tier", "sovereign"),
        ("max_stacks", 99),
        ("hold", ""),
        ("server", "s"),
    ]
    fields += [("status", "suspended"), ("slug", "other"), ("owners", []), ("owners", [world.users["bolt"]])]
    fields += [("user_id", world.users["bolt"]), ("listener_message", ""), ("listener_status", "active")]
    await forge(world, "tenants", id_, fields, {})
    assert await world.row("tenants", id_) == before
    await forge(world, "tenants", "", [("domain", "x")], world.specimen("tenants", "acme"))
    assert set(await world.all("tenants")) == known


async def test_nobody_makes_himself_staff(world: World) -> None:
    id_ = world.users["acme"]
    await forge(world, "users", id_, [("cf_role", "staff")], {})
    assert (await world.row("users", id_))["cf_role"] == ""
    for person in ("guest", "owner"):
        row = world.specimen("users", "acme", f"forged-{person}") | {"cf_role": "staff"}
        for name, way in ways.WAYS.items():
            assert (await way(world.people[person], "users", "", row)).status_code == 400, name
    staff = {user["email"] for user in (await world.all("users")).values() if user["cf_role"]}
    assert staff == {portal.email("staff")}


async def test_a_batch_with_one_forbidden_request_does_nothing(world: World) -> None:
    rows = world.shape.rows["agent_stacks"]
    (own, other) = (next(i for i, slug in rows.items() if slug == whose) for whose in ("acme", "bolt"))
    before = await world.row("agent_stacks", own)
    requests = [
        {"method": "PATCH", "url": path("agent_stacks", id_), "body": {"domain": "batch.example.org"}}
        for id_ in (own, other)
    ]
    answer = await world.people["owner"].post("/api/batch", json={"requests": requests})
    assert answer.status_code == 400
    assert await world.row("agent_stacks", own) == before


async def _swept(world: World, mark: str) -> None:
    for id_, row in (await world.all("agent_stacks")).items():
        if row["stack_name"].startswith(mark):
            assert (await world.root.delete(path("agent_stacks", id_))).status_code == 204
