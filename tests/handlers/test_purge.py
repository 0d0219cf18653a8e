"""The end of the retention: announced, waited for, proven once more, deleted, seen gone."""

from __future__ import annotations

import pytest

from handlers import records
from tests.handlers.asking import ask
from tests.handlers.world import World

DAY = 86_400.0
DELETE = "DELETE /services/{uuid}"
FLAGS = {
    "delete_volumes": True,
    "delete_configurations": True,
    "delete_connected_networks": True,
    "docker_cleanup": False,
}


async def _retained(world: World) -> str:
    stack = await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    await ask(world, "backup_waived", stack)
    world.coolify.calls.reset()
    return stack


async def _over(world: World, stack: str) -> None:
    """The retention is over, and the listener looked on until then."""
    world.pass_time(30 * DAY)
    await world.poll()
    world.touch(records.STACKS, stack)
    await world.settle(0.0)


async def test_a_purge_is_announced_an_hour_before_it_happens(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    assert "It is removed at" in (await world.row(stack))["message"]
    await world.live(3000.0)
    assert DELETE not in world.effects()
    await world.live(1200.0)
    assert world.effects() == [DELETE]
    assert not world.services(stack)
    assert not world.coolify.server.volumes
    row = await world.row(stack)
    assert (row["status"], row["message"], row["purge_after"]) == (
        "deleted",
        "Deleted; the data is removed.",
        "",
    )
    assert world.ledger(stack).stage == "closed"


async def test_every_flag_of_the_delete_is_spelled_out(world: World) -> None:
    stack = await _retained(world)
    uuid = world.service(stack).uuid
    await _over(world, stack)
    await world.live(4500.0)
    gone = world.coolify.service(uuid)
    assert gone is not None
    assert gone.deletions == [FLAGS]
    assert world.coolify.server.prunes == 0


async def test_nothing_is_purged_before_the_retention_ends(world: World) -> None:
    stack = await _retained(world)
    world.pass_time(29 * DAY)
    world.touch(records.STACKS, stack)
    await world.live(7200.0)
    assert world.effects() == []


async def test_an_undelete_before_the_purge_brings_it_back(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    await world.edit(stack, desired_state="running")
    await world.settle()
    row, ledger = await world.row(stack), world.ledger(stack)
    assert (row["status"], row["purge_after"], ledger.purge_announced) == ("running", "", None)
    assert world.service(stack).parts[0].fqdn
    await world.live(7200.0)
    assert DELETE not in world.effects()


async def test_an_undelete_after_the_purge_is_too_late(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    await world.live(4800.0)
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert "too late" in (await world.row(stack))["message"]
    assert world.effects() == []


async def test_a_restart_of_the_listener_makes_the_hour_begin_anew(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    await world.live(3000.0)
    await world.restart()
    await world.live(3000.0)
    assert DELETE not in world.effects()
    await world.live(1500.0)
    assert world.effects() == [DELETE]


async def test_a_stack_that_runs_again_is_stopped_and_not_purged(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    await world.live(2400.0)
    world.coolify.hand.start(world.service(stack).uuid)
    await world.live(2400.0)
    assert world.effects() == ["POST /services/{uuid}/stop"]


async def test_a_foreign_description_is_not_purged(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    world.coolify.hand.edit(world.service(stack).uuid, description="mine")
    await world.live(9000.0)
    assert world.effects() == []


@pytest.mark.long
async def test_a_server_that_cannot_be_reached_is_waited_for(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    world.coolify.server.reachable = False
    await world.live(7200.0)
    assert world.effects() == []
    world.coolify.server.reachable = True
    await world.live(1200.0)
    assert world.effects() == [DELETE]


async def test_a_lost_answer_of_the_delete_is_looked_up(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    world.coolify.faults.add("DELETE", effect=True, reply="drop")
    await world.live(4800.0)
    assert world.ledger(stack).stage == "closed"
    assert world.effects() == [DELETE]


async def test_a_delete_that_did_not_happen_is_sent_again(world: World) -> None:
    stack = await _retained(world)
    await _over(world, stack)
    world.coolify.faults.add("DELETE", effect=False, reply="drop")
    await world.live(6000.0)
    assert world.ledger(stack).stage == "closed"
    assert world.effects() == [DELETE, DELETE]


async def test_a_hard_deleted_record_is_purged_the_same_way(world: World) -> None:
    stack = await world.running()
    await world.remove(stack)
    await world.settle()
    world.coolify.calls.reset()
    await _over(world, stack)
    await world.live(4800.0)
    assert world.effects() == [DELETE]
    assert world.ledger(stack).stage == "closed"


@pytest.mark.long
async def test_at_most_three_of_few_are_purged_within_an_hour(world: World) -> None:
    stacks = [await world.running() for _ in range(5)]
    for stack in stacks:
        await world.edit(stack, desired_state="deleted", action="approve")
    await world.settle(1500.0)
    assert {world.ledger(stack).stage for stack in stacks} == {"retained"}
    world.coolify.calls.reset()
    world.pass_time(30 * DAY)
    await world.poll()
    for stack in stacks:
        world.touch(records.STACKS, stack)
    await world.live(5400.0)
    assert world.effects() == [DELETE] * 3
    await world.live(5400.0)
    assert world.effects() == [DELETE] * 5


async def test_a_new_process_purges_a_stack_whose_record_is_gone(world: World) -> None:
    """Neither an event nor a tombstone tells it: two sweeps apart do."""
    stack = await world.running()
    await world.running()
    await world.remove(stack)
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    await world.restart()
    world.coolify.calls.reset()
    world.pass_time(30 * DAY)
    await world.live(6000.0)
    assert (world.effects(), world.ledger(stack).stage) == ([DELETE], "closed")
