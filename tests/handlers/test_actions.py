"""`action`: a person's command, carried out once, cleared with a receipt."""

from __future__ import annotations

import pytest

from handlers import recorder
from tests.handlers.world import World

RESTART = "POST /services/{uuid}/restart"
FULL = ["PATCH /services/{uuid}", "PATCH /services/{uuid}/envs/bulk", RESTART]


async def test_an_action_is_carried_out_once_and_cleared(world: World) -> None:
    stack = await world.running()
    for action, effects in (("restart", [RESTART]), ("redeploy", FULL), ("reconcile", []), ("retry", [])):
        world.coolify.calls.reset()
        await world.edit(stack, action=action)
        await world.settle()
        assert world.effects() == effects, action
        row = await world.row(stack)
        assert (row["action"], row["status"], row["message"]) == ("", "running", "Running."), action
        (line,) = await world.rows(recorder.OPERATIONS, f"verb='action.{action}'")
        assert (line["outcome"], line["stack_id"], line["actor"]) == ("done", stack, "listener")


async def test_the_same_action_within_a_minute_is_a_stale_form(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    for _ in range(3):
        await world.edit(stack, action="restart")
        await world.settle(15)
        world.pass_time(10)
    assert world.effects() == [RESTART]
    assert (await world.row(stack))["action"] == ""
    await world.edit(stack, action="reconcile")
    await world.settle(1)
    world.pass_time(20)
    await world.edit(stack, action="restart")
    await world.settle()
    assert world.effects() == [RESTART, RESTART]


async def test_an_action_that_is_not_available_says_so(world: World) -> None:
    stack = await world.running()
    for wish, action in (("", "recreate"), ("", "purge"), ("suspended", "restart"), ("deleted", "restart")):
        await world.edit(stack, desired_state=wish)
        await world.settle()
        world.pass_time(60)
        world.coolify.calls.reset()
        await world.edit(stack, action=action)
        world.log.clear()
        await world.settle(1)
        lines = [line for turn in world.log if turn.plan for line in turn.plan.lines()]
        assert (await world.row(stack))["action"] == ""
        assert world.effects() == []
        assert any(f"message='Not available: {action}.'" in line for line in lines), action


async def test_redeploy_of_a_suspended_stack_saves_and_starts_nothing(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    world.coolify.calls.reset()
    await world.edit(stack, action="redeploy")
    await world.settle()
    assert world.effects() == FULL[:2]


async def test_an_action_on_a_stack_that_does_not_exist_yet_is_answered_first(world: World) -> None:
    stack = await world.stack(action="retry")
    await world.settle()
    row = await world.row(stack)
    assert (row["action"], row["status"]) == ("", "running")


async def test_an_action_that_changed_meanwhile_is_not_cleared(world: World) -> None:
    """The portal writes between our read and our write: the condition in the batch refuses ours."""
    stack = await world.running()
    await world.edit(stack, action="restart")
    plan = await world.plan(stack)
    await world.edit(stack, action="redeploy")
    world.coolify.calls.reset()
    with pytest.raises(Exception, match="RECORD_CHANGED"):
        await world.parts.stacks.apply(plan)
    assert (await world.row(stack))["action"] == "redeploy"
    await world.settle()
    assert world.effects() == FULL


async def test_retry_makes_coolify_try_again_what_it_refused(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", reply=422)
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "error"
    await world.edit(stack, action="retry")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
