"""Staff's emergency stop: before everything else, past block, backoff and brake, never without proof."""

from __future__ import annotations

from handlers import records
from listener import contract
from tests.handlers.asking import ask
from tests.handlers.world import ENV, World

STOP = "POST /services/{uuid}/stop"


async def _held(world: World) -> None:
    await world.edit(world.tenant_id, records.TENANTS, hold="abuse")


async def test_every_stack_of_the_tenant_is_told_to_stop_and_stays_so(world: World) -> None:
    stacks = [await world.running() for _ in range(5)]
    other = await world.tenant("elsewhere-inc")
    env = {"env_vars": {**ENV["telegram-bot"], "TELEGRAM_BOT_TOKEN": "of-elsewhere"}}
    stranger = await world.running(tenant_id=other, config=env)
    world.coolify.calls.reset()
    await _held(world)
    assert (await ask(world, "stop_now", world.tenant_id))["state"] == "done"
    await world.settle(700.0)
    assert world.effects() == [STOP] * 5
    assert {(await world.row(stack))["status"] for stack in stacks} == {"suspended"}
    assert (await world.row(stranger))["status"] == "running"


async def test_a_block_and_the_brake_are_not_in_its_way(world: World) -> None:
    stacks = [await world.running() for _ in range(4)]
    for stack in stacks:
        await world.edit(stack, desired_state="deleted")
    await world.settle(240.0)
    (braked,) = [stack for stack in stacks if not world.ledger(stack).stage]
    world.coolify.calls.reset()
    await ask(world, "stop_now", braked)
    await world.settle(240.0)
    assert world.effects() == [STOP]


async def test_a_block_is_lifted_and_judged_anew(world: World) -> None:
    stack = await world.running()
    service, text = world.service(stack), world.service(stack).description
    world.coolify.hand.edit(service.uuid, description="edited")
    await world.edit(stack, desired_state="suspended")
    await world.live(300.0)
    world.coolify.hand.edit(service.uuid, description=text)
    await world.live(600.0)
    assert world.ledger(stack).blocked
    await ask(world, "stop_now", world.tenant_id)
    await world.settle(700.0)
    assert (world.ledger(stack).blocked, (await world.row(stack))["status"]) == ("", "suspended")


async def test_a_service_that_is_not_proven_ours_is_not_touched(world: World) -> None:
    stack = await world.running()
    world.coolify.hand.edit(world.service(stack).uuid, description="edited")
    await world.live(120.0)
    world.coolify.calls.reset()
    await _held(world)
    await ask(world, "stop_now", world.tenant_id)
    await world.live(300.0)
    assert world.effects() == []
    assert world.ledger(stack).blocked.startswith("SERVICE_FOREIGN")


async def test_what_does_not_exist_is_refused(world: World) -> None:
    assert (await ask(world, "stop_now", "nothingofthekind"))["state"] == "refused"


async def test_its_keys_are_urgent_until_something_was_done(world: World) -> None:
    stack = await world.running()
    eyes, key = world.parts.eyes, contract.Key(records.STACKS, stack)
    await _held(world)
    row = {"verb": "stop_now", "target": world.tenant_id, "state": "open", "actor": "ada"}
    answer = await world.admin.post("/api/collections/listener_requests/records", json=row)
    request = contract.Key("listener_requests", answer.json()["id"])
    assert eyes.is_urgent(request)
    assert not eyes.is_urgent(key)
    await world.turn(request)
    assert eyes.is_urgent(key)
    await world.turn(key)
    assert not eyes.is_urgent(key)
