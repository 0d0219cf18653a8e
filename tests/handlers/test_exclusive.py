"""A value that works for one stack only, such as a bot's token, is refused to a second one."""

from __future__ import annotations

from typing import Any

import anyio

from handlers import records
from listener import contract
from tests.handlers.world import World

AGENT = "openclaw-agent"
TOKEN, OTHER = "fake-token-of-one-bot", "fake-token-of-another"
REFUSED = "BOT_TOKEN is used by another stack, and works for one only. Give this stack one of its own."


def config(token: str, name: str = "BOT_TOKEN") -> dict[str, Any]:
    """A config with that token."""
    return {"env_vars": {"CLOUDFREEDOM_API_KEY": "fake-key", name: token}}


async def shown(world: World, stack: str) -> tuple[str, str]:
    """Status and message."""
    row = await world.row(stack)
    return row["status"], row["message"]


async def test_a_second_stack_with_a_token_is_refused_until_the_first_gives_it_up(
    world: World,
) -> None:
    first = await world.running(AGENT, config=config(TOKEN))
    world.coolify.calls.reset()
    second = await world.stack(AGENT, config=config(f" {TOKEN}\n", "TELEGRAM_BOT_TOKEN"))
    await world.settle(60)
    assert await shown(world, second) == ("error", REFUSED)
    row = await world.row(second)
    assert row["error_message"].startswith("VARIABLE_TAKEN · ")
    assert first in row["error_message"]
    assert TOKEN not in str(row["error_message"])
    assert world.effects() == []
    await world.edit(first, config=config(OTHER))
    await world.live(1000)
    assert await shown(world, first) == await shown(world, second) == ("running", "Running.")


async def test_of_two_that_come_together_one_gets_it(world: World) -> None:
    stacks = [await world.stack(AGENT, config=config(TOKEN)) for _ in range(2)]
    handler = world.parts.stacks
    keys = [contract.Key(records.STACKS, stack) for stack in stacks]
    for key in keys:
        await handler.apply(await handler.plan(key))
    await world.settle(60)
    async with anyio.create_task_group() as tasks:
        for key in keys:
            tasks.start_soon(world.turn, key)
    await world.settle()
    assert sorted([(await shown(world, stack))[0] for stack in stacks]) == ["error", "running"]
    assert len(world.coolify.services()) == 1


async def test_the_holder_keeps_it_over_a_restart_and_whoever_wants_it_stays_as_it_was(world: World) -> None:
    holder = await world.running(AGENT, config=config(TOKEN))
    other = await world.running(AGENT, config=config(OTHER))
    world.coolify.calls.reset()
    await world.edit(other, config=config(TOKEN))
    await world.settle(60)
    await world.restart()
    await world.live(120)
    assert await shown(world, holder) == ("running", "Running.")
    assert await shown(world, other) == ("error", REFUSED)
    assert world.effects() == []


async def test_a_new_process_knows_the_holder_before_it_looked_at_it(world: World) -> None:
    await world.running(AGENT, config=config(TOKEN))
    await world._take_over()
    second = await world.stack(AGENT, config=config(TOKEN))
    await world.turn(contract.Key(records.STACKS, second))
    assert (await shown(world, second))[0] == "error"


async def test_a_deleted_stack_gives_it_up_when_it_is_stopped_and_one_that_never_ran_at_once(
    world: World,
) -> None:
    ill = await world.stack(AGENT, config=config(TOKEN), resource_limits={"web": {"memory": "9G"}})
    first = await world.running(AGENT, config=config(TOKEN))
    assert (await shown(world, ill))[0] == "error"
    await world.edit(first, desired_state="deleted")
    second = await world.stack(AGENT, config=config(TOKEN))
    await world.live(1000)
    assert (await shown(world, first))[0] == "deleted"
    assert (await shown(world, second))[0] == "running"
