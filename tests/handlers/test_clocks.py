"""The time of day jumps: what counts seconds does not notice, and no data goes because a clock is wrong."""

from __future__ import annotations

import itertools

import pytest

from handlers import records
from tests.handlers.world import World

HOUR, DAY = 3600.0, 86_400.0
JUMPS = pytest.mark.parametrize(
    "jump", [HOUR, -HOUR, 40 * DAY], ids=["hour-on", "hour-back", "forty-days-on"]
)
CREATE, RESTART = "POST /services", "POST /services/{uuid}/restart"
DELETE = "DELETE /services/{uuid}"


@JUMPS
async def test_the_settle_window_lasts_as_long_as_ever(world: World, jump: float) -> None:
    world.coolify.faults.add("POST", "^/services$", reply="drop")
    stack = await world.stack()
    await world.settle(5)
    assert world.effects().count(CREATE) == 1
    world.clock.jump = jump
    await world.live(world.waits.settle - 10)
    assert world.effects().count(CREATE) == 1
    await world.live(60)
    assert world.effects().count(CREATE) == 2
    await world.live(60)
    assert (await world.row(stack))["status"] == "running"
    assert len(world.services(stack)) == 1


@JUMPS
async def test_a_start_is_neither_given_up_nor_repeated_early(world: World, jump: float) -> None:
    world.coolify.knobs.start_seconds = 200.0
    stack = await world.stack("base-llm")
    await world.settle(5)
    assert world.effects().count(RESTART) == 1
    world.clock.jump = jump
    words = set()
    for _ in range(15):
        await world.live(10)
        words.add((await world.row(stack))["status"])
    assert words == {"deploying"}
    await world.live(120)
    assert (await world.row(stack))["status"] == "running"
    assert world.effects().count(RESTART) == 1


@JUMPS
async def test_a_failed_start_is_repeated_as_slowly_as_ever(world: World, jump: float) -> None:
    world.coolify.knobs.never_start = "^cf-"
    await world.stack()
    await world.live(world.waits.slow_retry / 2)
    world.clock.jump = jump
    await world.live(4 * world.waits.slow_retry)
    starts = [call.at for call in world.coolify.calls if call.route.endswith("/restart")]
    assert len(starts) >= 3
    assert min(b - a for a, b in itertools.pairwise(starts)) >= world.waits.slow_retry


async def test_nothing_is_purged_while_the_clocks_disagree(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.clock.jump = world.clock.skew = 40 * DAY
    world.touch(records.STACKS, stack)
    await world.live(3 * HOUR)
    assert DELETE not in world.effects()
    world.clock.jump = world.clock.skew = 0.0
    await world.live(2 * HOUR)
    assert DELETE not in world.effects(), "the retention is not over by the clock that was set right"
    assert len(world.services(stack)) == 1


async def test_a_new_process_after_a_jump_does_nothing_twice(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    for jump in (HOUR, -HOUR, 0.0):
        world.clock.jump = jump
        await world.restart()
        await world.live(300)
    assert world.effects() == []
    assert (await world.row(stack))["status"] == "running"
