"""What PocketBase refuses to store: told in words, never acted on half, tried again without an edit."""

from __future__ import annotations

import pytest

from handlers import records
from tests.handlers.world import World


async def test_a_word_that_pocketbase_refuses_is_left_out_and_no_loop(own_world: World) -> None:
    """An old schema, say, whose `status` does not know it."""
    world = own_world
    stack = await world.running()
    collection = (await world.admin.get("/api/collections/agent_stacks")).json()
    for field in collection["fields"]:
        if field["name"] == "status":
            field["values"].remove("suspended")
    answer = await world.admin.patch("/api/collections/agent_stacks", json={"fields": collection["fields"]})
    assert answer.status_code == 200
    await world.edit(stack, desired_state="suspended")
    await world.live(900)
    assert not world.service(stack).parts[0].runs
    assert (world.ledger(stack).stage, (await world.row(stack))["status"]) == ("stopped", "running")
    assert len(world.log) < 60


async def _ledger_takes(world: World, name: str, most: int) -> None:
    """At most so many characters fit into a field of the ledger; 0 = as many as PocketBase's default."""
    fields = (await world.admin.get("/api/collections/listener_ledger")).json()["fields"]
    for field in fields:
        if field["name"] == name:
            field["max"] = most
    answer = await world.admin.patch("/api/collections/listener_ledger", json={"fields": fields})
    assert answer.status_code == 200


async def test_a_ledger_row_that_pocketbase_refuses_is_told_once_and_no_loop(own_world: World) -> None:
    world = own_world
    stack = await world.running()
    await _ledger_takes(world, "stage", 5)
    await world.edit(stack, desired_state="suspended")
    await world.live(900)
    row = await world.row(stack)
    assert (row["status"], row["error_message"].split(" · ")[0]) == ("error", "WRITE_REFUSED")
    assert row["message"].startswith("What must be saved before anything is done")
    assert len([turn for turn in world.log if turn.error]) < 10
    assert world.service(stack).parts[0].runs


async def test_a_create_whose_intent_cannot_be_saved_makes_nothing_and_heals_without_an_edit(
    own_world: World,
) -> None:
    world = own_world
    await _ledger_takes(world, "last_spec", 5)
    stack = await world.stack()
    await world.live(world.waits.resync)
    assert (await world.row(stack))["error_message"].startswith("WRITE_REFUSED · ")
    assert world.services(stack) == []
    await _ledger_takes(world, "last_spec", 0)
    await world.live(2 * world.waits.resync)
    assert (await world.row(stack))["status"] == "running"
    assert len(world.services(stack)) == 1


@pytest.mark.parametrize("field", ["kind", "project_uuid"], ids=["before-the-create", "after-it"])
async def test_a_project_that_cannot_be_remembered_is_made_at_most_once_and_told(
    own_world: World, field: str
) -> None:
    world = own_world
    await _ledger_takes(world, field, 3)
    stack = await world.stack()
    await world.live(2 * world.waits.resync)
    tenant = await world.row(world.tenant_id, records.TENANTS)
    assert tenant["listener_status"] == "blocked"
    assert tenant["listener_message"].startswith("What must be saved before anything is done")
    assert len(world.coolify.world.projects) == (field == "project_uuid")
    assert world.services(stack) == []
    await _ledger_takes(world, field, 0)
    await world.live(2 * world.waits.resync)
    assert (await world.row(stack))["status"] == "running"
    assert len(world.coolify.world.projects) == 1
    assert (await world.row(world.tenant_id, records.TENANTS))["listener_status"] == "active"


async def test_half_a_surrogate_pair_in_a_config_hurts_nothing(
    world: World,
) -> None:
    """From a form, PocketBase 0.40.6 keeps the escape of a lone surrogate; UTF-8 cannot hold it."""
    other = await world.running()
    config = '{"env_vars":{"TELEGRAM_BOT_TOKEN":"fake-bot-token","MODEL":"x\\ud800"}}'
    form = {"tenant_id": world.tenant_id, "template": "telegram-bot", "stack_name": "half"}
    form |= {"status": "pending", "config": config}
    answer = await world.admin.post("/api/collections/agent_stacks/records", data=form)
    assert answer.status_code == 200, answer.text
    stack = answer.json()["id"]
    world.touch(records.STACKS, stack)
    await world.settle()
    row = await world.row(stack)
    assert row["status"] in ("running", "error")
    assert "UNEXPECTED" not in row["error_message"], row["error_message"]
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-bot-token", "MODEL": "x"}})
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert (await world.row(other))["status"] == "running"
