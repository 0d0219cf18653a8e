"""With PocketBase's hooks tombstones are evidence, and staff's actions on records are carried out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from handlers import eyes as seeing
from handlers import recorder, records
from tests.handlers.world import World

CREATE = "POST /services"


@pytest_asyncio.fixture(loop_scope="function")
async def hooked(world: World) -> AsyncIterator[World]:
    """The stamp is there that the hooks show while they run, and was read."""
    meta = "/api/collections/listener_meta/records/main"
    await world.admin.patch(meta, json={"hooks_stamp": "0" * 16})
    await world.sweep()
    yield world
    await world.admin.patch(meta, json={"hooks_stamp": ""})


async def _buried(world: World, stack: str) -> None:
    """A hard delete that nobody heard, written down by the hooks."""
    await world.remove(stack, heard=False)
    row = {"record_id": stack, "collection": records.STACKS, "tenant_id": world.tenant_id}
    answer = await world.admin.post(f"/api/collections/{seeing.TOMBSTONES}/records", json=row)
    assert answer.status_code == 200, answer.text


async def test_a_tombstone_makes_an_unheard_deletion_certain_at_the_next_sweep(world: World) -> None:
    stack = await world.running()
    await _buried(world, stack)
    await world.sweep()
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    assert not world.service(stack).parts[0].runs


async def test_a_tombstone_of_a_record_that_is_back_says_nothing(world: World) -> None:
    stack = await world.running()
    row = await world.row(stack)
    await _buried(world, stack)
    kept = {name: row[name] for name in ("id", "tenant_id", "template", "stack_name", "status", "config")}
    answer = await world.admin.post("/api/collections/agent_stacks/records", json=kept)
    assert answer.status_code == 200, answer.text
    world.coolify.calls.reset()
    await world.sweep()
    await world.settle()
    assert (world.effects(), (await world.row(stack))["status"]) == ([], "running")


async def test_many_tombstones_are_no_mass_absence(world: World) -> None:
    stacks = [await world.running() for _ in range(4)]
    for stack in stacks[:3]:
        await _buried(world, stack)
    await world.sweep()
    await world.settle()
    assert world.parts.mass[-1] is False
    assert [world.ledger(stack).stage for stack in stacks] == ["retained"] * 3 + [""]


async def test_purge_on_the_record_skips_the_retention_and_not_the_hour(hooked: World) -> None:
    world = hooked
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await world.edit(stack, action="purge")
    await world.settle(60)
    row = await world.row(stack)
    assert (row["action"], row["status"]) == ("", "deleted")
    assert "It is removed at" in row["message"]
    assert world.services(stack)
    await world.live(4500)
    assert not world.services(stack)


async def test_recreate_on_the_record_makes_a_new_service_for_a_missing_one_only(hooked: World) -> None:
    world = hooked
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, action="recreate")
    await world.settle(30)
    assert world.effects() == []
    (line,) = await world.rows(recorder.OPERATIONS, "verb='action.recreate'")
    assert (line["outcome"], line["reason"]) == ("failed", "recreate: the service is still in Coolify.")
    world.coolify.hand.delete(world.service(stack).uuid)
    await world.live(400)
    assert (await world.row(stack))["error_message"].startswith("SERVICE_MISSING")
    await world.edit(stack, action="recreate")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert world.effects().count(CREATE) == 1


async def test_without_hooks_a_form_that_comes_back_cannot_purge(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await world.edit(stack, action="purge")
    await world.live(4500)
    assert world.services(stack)
    (line,) = await world.rows(recorder.OPERATIONS, "verb='action.purge'")
    assert (line["outcome"], line["reason"]) == (
        "failed",
        "purge: nothing guards this field without the hooks; run `cloudfreedom purge`",
    )


async def test_hooks_that_are_taken_away_are_noticed_with_the_next_sweep(hooked: World) -> None:
    assert hooked.parts.eyes.has_hooks
    await hooked.admin.patch("/api/collections/listener_meta/records/main", json={"hooks_stamp": ""})
    await hooked.sweep()
    assert not hooked.parts.eyes.has_hooks
