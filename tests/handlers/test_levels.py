"""Only the last level counts: what is wanted changes while something is under way; nothing is done twice."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import records
from listener import contract
from tests.handlers.world import World

PATCH, ENVS = "PATCH /services/{uuid}", "PATCH /services/{uuid}/envs/bulk"
STOP, RESTART = "POST /services/{uuid}/stop", "POST /services/{uuid}/restart"


def _config(model: str) -> dict[str, Any]:
    return {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-bot-token", "MODEL": model}}


def _model(world: World, stack: str) -> str | None:
    """What the containers of the stack would get."""
    return next((one.value for one in world.service(stack).variables if one.key == "MODEL"), None)


async def _turn(world: World, stack: str) -> None:
    await world.turn(contract.Key(records.STACKS, stack))


async def _until(world: World, stack: str, deed: str) -> None:
    """Turns are taken one at a time until that call was made."""
    for _ in range(20):
        if deed in world.effects():
            return
        await _turn(world, stack)
    raise AssertionError(world.effects())


async def test_suspend_and_resume_before_anyone_looked_cost_nothing(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert world.effects() == []
    assert (await world.row(stack))["status"] == "running"


async def test_a_resume_within_a_second_of_the_stop_starts_once_and_is_never_called_suspended(
    world: World,
) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await _until(world, stack, STOP)
    world.clock.seconds += 1
    await world.edit(stack, desired_state="running")
    words = set()
    for _ in range(60):
        await world.live(10)
        words.add((await world.row(stack))["status"])
    assert (await world.row(stack))["status"] == "running"
    assert "suspended" not in words
    assert world.effects().count(RESTART) == 1
    assert world.service(stack).parts[0].runs


async def test_a_suspend_in_the_middle_of_a_start_stops_what_comes_up_late(world: World) -> None:
    await world.running()
    world.coolify.knobs.job_delay = 30.0
    world.coolify.calls.reset()
    stack = await world.stack()
    await _until(world, stack, RESTART)
    await world.edit(stack, desired_state="suspended")
    await world.live(1200)
    assert (await world.row(stack))["status"] == "suspended"
    assert not world.service(stack).parts[0].runs
    assert world.effects().count(RESTART) == 1


@pytest.mark.parametrize("deed", [PATCH, ENVS, RESTART], ids=["document", "variables", "restart"])
async def test_an_edit_taken_back_in_the_middle_ends_in_what_was_wanted_last(world: World, deed: str) -> None:
    stack = await world.stack(config=_config("a"))
    await world.settle()
    world.coolify.calls.reset()
    await world.edit(stack, config=_config("b"))
    await _until(world, stack, deed)
    await world.edit(stack, config=_config("a"))
    await world.settle()
    assert ((await world.row(stack))["status"], _model(world, stack)) == ("running", "a")
    assert world.effects().count(RESTART) <= 2


async def test_a_refused_domain_that_was_half_saved_is_put_back_with_the_edit(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    before = world.service(stack).raw
    world.coolify.faults.add("PATCH", "^/services/[^/]+$", effect=True, reply=409)
    await world.edit(stack, domain="two.example.org", resource_limits={"web": {"memory": "96M"}})
    await world.settle()
    assert (await world.row(stack))["error_message"].startswith("COOLIFY_CONFLICT")
    assert world.service(stack).raw != before, "Coolify saved the document all the same"
    await world.edit(stack, domain="one.example.org", resource_limits=None)
    await world.settle()
    service = world.service(stack)
    assert (service.raw, service.parts[0].fqdn) == (before, "https://one.example.org:8080")
    row = await world.row(stack)
    assert (row["status"], row["error_message"]) == ("running", "")


async def test_two_actions_in_a_row_restart_as_often_as_they_were_given(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, action="restart")
    await world.edit(stack, action="redeploy")
    await world.settle()
    assert world.effects().count(RESTART) == 1, "only the last one was there when somebody looked"
    assert (await world.row(stack))["action"] == ""


async def test_a_deletion_in_the_middle_of_an_edit_ends_in_the_deletion(world: World) -> None:
    stack = await world.stack(config=_config("a"))
    await world.settle()
    await world.edit(stack, config=_config("b"))
    await _until(world, stack, PATCH)
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert (await world.row(stack))["status"] == "deleted"
    assert not world.service(stack).parts[0].runs
