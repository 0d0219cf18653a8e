"""Deletion: stopped, its domain freed, its data kept, and a way back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from handlers import records
from listener import contract
from listener.cli import plan
from tests.handlers.world import World

STOP, PATCH = "POST /services/{uuid}/stop", "PATCH /services/{uuid}"


async def test_delete_stops_frees_the_domain_and_keeps_the_data(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    volumes = set(world.coolify.server.volumes)
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="deleted")
    await world.settle(100)
    assert (await world.row(stack))["status"] == "deleting"
    await world.settle()
    row, ledger = await world.row(stack), world.ledger(stack)
    assert (row["status"], row["message"][:40]) == ("deleted", "Deleted: stopped, its data is kept until")
    assert (ledger.stage, ledger.domain, ledger.retention_days) == ("retained", "", 30)
    assert world.effects() == [STOP, PATCH]
    assert world.service(stack).parts[0].fqdn is None
    assert volumes == world.coolify.server.volumes != set()
    assert world.coolify.server.prunes == 0


async def test_the_purge_date_is_fixed_when_the_deletion_is_first_seen(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    began = world.clock.now()
    await world.settle()
    first = (await world.row(stack))["purge_after"]
    assert datetime.fromisoformat(first) - began - timedelta(days=30) < timedelta(seconds=5)
    await world.restart()
    world.pass_time(86_400)
    world.touch(records.STACKS, stack)
    await world.settle()
    assert (await world.row(stack))["purge_after"] == first


async def test_the_retention_is_the_tiers(own_world: World) -> None:
    world = own_world
    await world.admin.patch("/api/collections/plan_tiers/records/starter", json={"retention_days": 7})
    await world.sweep()
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert world.ledger(stack).retention_days == 7


async def test_a_suspended_stack_is_deleted_without_another_stop(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert ((await world.row(stack))["status"], world.effects()) == ("deleted", [])


async def test_a_stack_that_was_never_created_is_deleted_by_forgetting_it(world: World) -> None:
    stack = await world.stack(config=[])
    await world.settle()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert (await world.row(stack))["message"] == "Deleted; nothing was ever created."
    assert world.effects() == []


async def test_undelete_brings_the_same_service_back(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    uuid = world.service(stack).uuid
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await world.edit(stack, desired_state="running")
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["purge_after"], row["coolify_service_uuid"]) == ("running", "", uuid)
    assert world.service(stack).parts[0].fqdn == "https://one.example.org:8080"
    assert world.ledger(stack).deletion_seen is None


async def test_undelete_into_suspension_starts_nothing(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["purge_after"]) == ("suspended", "")
    assert "POST /services/{uuid}/restart" not in world.effects()


async def test_a_domain_taken_over_while_deleted_refuses_the_undelete(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, desired_state="running")
    await world.settle(100)
    assert (await world.row(stack))["error_message"].startswith("DOMAIN_TAKEN")
    assert not world.service(stack).parts[0].runs


async def test_a_retained_stack_that_runs_again_is_stopped_again(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.coolify.hand.start(world.service(stack).uuid)
    await world.live(400)
    assert not world.service(stack).parts[0].runs
    assert ((await world.row(stack))["status"], world.ledger(stack).stage) == ("deleted", "retained")


async def test_a_record_deleted_in_the_admin_ui_is_retained(world: World) -> None:
    stack = await world.running()
    await world.remove(stack)
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    assert not world.service(stack).parts[0].runs
    world.coolify.calls.reset()
    await world.sweep()
    await world.settle()
    assert world.effects() == []


async def test_a_tenant_deleted_with_its_stacks_leaves_them_retained(world: World) -> None:
    stacks = [await world.running(), await world.running()]
    for stack in stacks:
        await world.admin.delete(f"/api/collections/agent_stacks/records/{stack}")
        world.touch(records.STACKS, stack, deleted=True)
    await world.remove(world.tenant_id, records.TENANTS)
    await world.settle()
    assert [world.ledger(stack).stage for stack in stacks] == ["retained", "retained"]
    assert all(not world.service(stack).parts[0].runs for stack in stacks)


async def test_a_record_hard_deleted_before_its_service_was_made_is_closed(world: World) -> None:
    stack = await world.stack()
    world.coolify.faults.add("POST", "^/services$", reply=422)
    await world.settle(10)
    await world.remove(stack)
    await world.settle()
    assert (world.ledger(stack).stage, world.services(stack)) == ("closed", [])
    await world.sweep()
    assert stack not in {key.id for key in world.parts.turns.due}


async def test_an_unheard_deletion_needs_two_sweeps_apart(world: World) -> None:
    stack = await world.running()
    await world.running()
    await world.remove(stack, heard=False)
    world.coolify.calls.reset()
    await world.sweep()
    await world.live(500)
    assert world.effects() == []
    await world.live(900)
    assert world.ledger(stack).stage == "retained"


async def test_a_hidden_record_is_not_a_deleted_one(own_world: World) -> None:
    """A rule that hides every record: 404 by id, no row in lists; only our own id view still knows them."""
    world = own_world
    stack = await world.running()
    hiding = {"listRule": '@request.auth.id = "nobody"', "viewRule": '@request.auth.id = "nobody"'}
    await world.admin.patch("/api/collections/agent_stacks", json=hiding)
    world.coolify.calls.reset()
    await world.live(1500)
    world.touch(records.STACKS, stack, deleted=True)
    await world.settle()
    assert (world.effects(), world.ledger(stack).stage) == ([], "")


async def test_more_missing_than_may_be_believed_is_a_fault_of_the_whole(world: World) -> None:
    stacks = [await world.running() for _ in range(3)]
    for stack in stacks:
        await world.remove(stack, heard=False)
    world.coolify.calls.reset()
    await world.live(1500)
    assert (world.effects(), world.parts.mass[-1]) == ([], True)


async def test_what_is_missing_in_a_mass_is_deleted_once_a_person_accepted_it_since(world: World) -> None:
    meta = "/api/collections/listener_meta/records/main"
    await world.admin.patch(meta, json={"accepted_at": "2001-01-01 00:00:00.000Z"})
    stacks = [await world.running() for _ in range(3)]
    for stack in stacks:
        await world.remove(stack, heard=False)
    await world.live(1500)
    assert {world.ledger(stack).stage for stack in stacks} == {""}
    await world.admin.patch(meta, json={"accepted_at": "2001-01-02 00:00:00.000Z"})
    await world.live(1500)
    assert world.parts.mass[-1] is False
    assert {world.ledger(stack).stage for stack in stacks} == {"retained"}


async def test_a_suspended_stack_is_deleted_by_a_new_process(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    await world.restart()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert ((await world.row(stack))["status"], world.service(stack).parts[0].fqdn) == ("deleted", None)


async def test_news_of_a_closed_stack_is_no_news(world: World) -> None:
    stack = await world.stack()
    world.coolify.faults.add("POST", "^/services$", reply=422)
    await world.settle(10)
    await world.remove(stack)
    await world.settle()
    world.touch(records.STACKS, stack, deleted=True)
    assert (await world.plan(stack)).reason == "gone"


@pytest.mark.parametrize("hard", [False, True], ids=["by desired_state", "its record"])
async def test_what_is_kept_until_its_retention_ends_is_no_pending_change(world: World, hard: bool) -> None:
    """Also for who has not seen it go: the command line, or a daemon that was started anew."""
    stack = await world.running()
    await (world.remove(stack) if hard else world.edit(stack, desired_state="deleted"))
    await world.poll()
    key = contract.Key(records.STACKS, stack)
    kinds = []
    for seconds in (1, 700):
        await world.settle(seconds)
        if seconds > 1:
            await world.restart()
        found = plan.finding("it", *await world.parts.stacks.explain(key), catalog=world.place.catalog)
        kinds.append(found.kind)
    assert (kinds[0] != "", kinds[1], world.ledger(stack).stage) == (True, "", "retained")
