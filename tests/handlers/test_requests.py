"""Commands as requests: carried out once by the leader, and answered on the row."""

from __future__ import annotations

from typing import Any

from tests.handlers.asking import ask
from tests.handlers.world import World

DAY = 86_400.0
CREATE, DELETE, PATCH = "POST /services", "DELETE /services/{uuid}", "PATCH /services/{uuid}"


async def _old(world: World, **record: Any) -> tuple[str, str]:
    """A stack as an old provisioner left it: record id, and uuid of a service without a marker."""
    donor = await world.running(**record)
    service = world.service(donor)
    await world.admin.delete(f"/api/collections/agent_stacks/records/{donor}")
    world.parts.eyes.ledger.drop(donor)
    await world.admin.delete(f"/api/collections/listener_ledger/records/{donor}")
    world.coolify.hand.edit(service.uuid, name="old-bot", description="made by hand")
    stack = await world.stack(status="running", coolify_service_uuid=service.uuid, **record)
    await world.settle()
    world.coolify.calls.reset()
    return stack, service.uuid


async def test_an_unknown_verb_is_refused_with_what_there_is(world: World) -> None:
    stack = await world.running()
    row = await ask(world, "explode", stack)
    assert row["state"] == "refused"
    assert "adopt" in row["result"]


async def test_retry_lifts_a_block(world: World) -> None:
    stack = await world.running()
    uuid = world.service(stack).uuid
    description = world.service(stack).description
    world.coolify.hand.edit(uuid, description="edited")
    await world.edit(stack, desired_state="suspended")
    await world.live(300.0)
    assert "SERVICE_FOREIGN" in world.ledger(stack).blocked
    world.coolify.hand.edit(uuid, description=description)
    assert (await ask(world, "retry", stack))["state"] == "done"
    await world.live(400.0)
    assert (await world.row(stack))["status"] == "suspended"


async def test_recreate_makes_a_new_service_for_a_missing_one(world: World) -> None:
    stack = await world.running()
    world.coolify.hand.delete(world.service(stack).uuid)
    await world.coolify.run_jobs()
    await world.live(400.0)
    assert "SERVICE_MISSING" in world.ledger(stack).blocked
    world.coolify.calls.reset()
    row = await ask(world, "recreate", stack)
    assert (row["state"], (await world.row(stack))["status"]) == ("done", "running")
    assert world.effects().count(CREATE) == 1
    assert len(world.services(stack)) == 1


async def test_recreate_of_a_service_that_is_there_is_refused(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    row = await ask(world, "recreate", stack)
    assert (row["state"], world.effects()) == ("refused", [])
    assert "RECREATE_REFUSED" in row["result"]


async def test_purge_skips_the_retention_and_not_the_hour(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.coolify.calls.reset()
    assert (await ask(world, "purge", stack))["state"] == "done"
    await world.live(3000.0)
    assert world.effects() == []
    await world.live(1500.0)
    assert world.effects() == [DELETE]


async def test_purge_of_a_running_stack_is_refused(world: World) -> None:
    stack = await world.running()
    assert (await ask(world, "purge", stack))["state"] == "refused"
    await world.live(4000.0)
    assert len(world.services(stack)) == 1


async def test_adopt_stamps_name_and_description_and_touches_nothing_else(world: World) -> None:
    stack, uuid = await _old(world, stack_name="old")
    before = world.coolify.service(uuid)
    assert before is not None
    compose, ups = before.compose, before.ups
    row = await ask(world, "adopt", stack)
    assert row["state"] == "done", row["result"]
    service = world.service(stack)
    assert (service.uuid, service.name) == (uuid, f"cf-acme-old-{stack}")
    assert (service.compose, service.ups) == (compose, ups)
    assert world.effects() == [PATCH]
    assert (await world.row(stack))["status"] == "running"
    assert world.ledger(stack).service_uuid == uuid


async def test_a_change_of_an_adopted_stack_waits_for_approval(world: World) -> None:
    stack, uuid = await _old(world, stack_name="old")
    await ask(world, "adopt", stack)
    world.coolify.calls.reset()
    env = {"TELEGRAM_BOT_TOKEN": "fake-other-token", "OPENAI_API_KEY": "fake-router-key"}
    await world.edit(stack, config={"env_vars": env})
    await world.settle()
    assert "approval" in (await world.row(stack))["message"]
    assert world.effects() == []
    assert (await ask(world, "approve", stack))["state"] == "done"
    assert (await world.row(stack))["status"] == "running"
    assert PATCH in world.effects()
    assert world.service(stack).uuid == uuid


async def test_an_adopted_stack_can_be_suspended_and_resumed(world: World) -> None:
    stack, uuid = await _old(world, stack_name="old")
    await ask(world, "adopt", stack)
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert world.service(stack).uuid == uuid


async def test_a_service_of_another_stack_is_not_adopted(world: World) -> None:
    other = await world.running()
    uuid = world.service(other).uuid
    stack = await world.stack(status="running", coolify_service_uuid=uuid)
    await world.settle()
    world.coolify.calls.reset()
    row = await ask(world, "adopt", stack)
    assert (row["state"], world.effects()) == ("refused", [])


async def test_a_service_of_another_installation_is_not_adopted(world: World) -> None:
    stack, uuid = await _old(world, stack_name="old")
    foreign = (
        f"cf1 inst=zzzzzzzz stack={stack} tenant={world.tenant_id} managed by CloudFreedom - do not edit"
    )
    world.coolify.hand.edit(uuid, description=foreign)
    row = await ask(world, "adopt", stack)
    assert (row["state"], world.effects()) == ("refused", [])
    assert "installation" in row["result"]


async def test_an_adoption_that_is_cut_goes_on_and_starts_nothing(world: World) -> None:
    stack, uuid = await _old(world, stack_name="old")
    world.coolify.faults.add("PATCH", r"^/services/", effect=True, reply="drop")
    row = await ask(world, "adopt", stack)
    assert row["state"] == "done", row["result"]
    assert set(world.effects()) == {PATCH}
    assert world.service(stack).uuid == uuid
