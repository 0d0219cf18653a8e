"""Scheduled messages: a row is a scheduled task of its stack's service, whatever happens on the way."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from handlers.stacks.schedules import COLLECTION
from listener import contract
from listener.sandbox.standin import state
from tests.handlers.world import World

AGENT = "openclaw-agent"
CREATE = "POST /services/{uuid}/scheduled-tasks"
PATCH = "PATCH /services/{uuid}/scheduled-tasks/{task}"
DELETE = "DELETE /services/{uuid}/scheduled-tasks/{task}"
TEXT = "Say 'good morning'; $(reboot)\nin \"German\"."


async def row(world: World, stack: str, **fields: Any) -> str:
    """The id of a new row; the listener hears of it."""
    body = {"stack_id": stack, "name": "daily", "cron": "30 7 * * 1-5", "message": TEXT, "enabled": True}
    made = await world._send("POST", COLLECTION, "", body | fields)
    world.touch(COLLECTION, made["id"])
    return str(made["id"])


def tasks(world: World, stack: str) -> list[state.Task]:
    return world.service(stack).tasks


async def test_a_row_becomes_a_task_is_changed_and_removed_with_it(world: World) -> None:
    stack = await world.running(AGENT)
    world.coolify.calls.reset()
    made = await row(world, stack)
    await world.settle()
    (task,) = tasks(world, stack)
    carried = base64.b64encode(TEXT.encode()).decode()
    assert task.body | {"timeout": 0} == {
        "name": f"cf-{made}",
        "command": f"node /run/cf/say.mjs {carried}",
        "frequency": "30 7 * * 1-5",
        "container": "web",
        "enabled": True,
        "timeout": 0,
    }
    assert (await world.row(made, COLLECTION))["shown"] == "In force: 30 7 * * 1-5, in UTC."
    await world.edit(made, COLLECTION, enabled=False, cron="0  9 * * *")
    await world.settle()
    (task,) = tasks(world, stack)
    assert (task.body["enabled"], task.body["frequency"]) == (False, "0 9 * * *")
    assert (await world.row(made, COLLECTION))["shown"] == "Switched off: 0 9 * * *, in UTC."
    await world.remove(made, COLLECTION)
    await world.settle()
    assert tasks(world, stack) == []
    assert world.effects() == [CREATE, PATCH, DELETE]
    told = await world.rows("stack_operations", "verb='stack.schedules'")
    assert sorted(one["outcome"] for one in told) == ["done"] * 3 + ["started"] * 3


async def test_a_persons_tasks_are_left_alone_and_nothing_is_asked_again(world: World) -> None:
    stack = await world.running(AGENT)
    theirs = state.Task("fake-uuid", "", "", {"name": "backup", "command": "true", "frequency": "daily"})
    theirs.body |= {"container": "web", "enabled": True}
    tasks(world, stack).append(theirs)
    made = await row(world, stack)
    await world.settle()
    await world.remove(made, COLLECTION)
    await world.settle()
    assert tasks(world, stack) == [theirs]
    world.coolify.calls.reset()
    await world.live(1000)
    assert [call.route for call in world.coolify.calls if "scheduled" in call.route] == []


async def test_a_lost_answer_makes_no_second_task(world: World) -> None:
    stack = await world.running(AGENT)
    world.coolify.faults.add("POST", "/scheduled-tasks$", reply="drop", effect=True)
    await row(world, stack)
    await world.settle()
    assert len(tasks(world, stack)) == 1
    tasks(world, stack).append(state.Task("fake-twin", "", "", dict(tasks(world, stack)[0].body)))
    await row(world, stack, name="another", cron="*/20 * * * *")
    await world.settle()
    assert len({task.body["name"] for task in tasks(world, stack)}) == len(tasks(world, stack)) == 2


async def test_what_happened_while_nobody_listened_is_caught_up(world: World) -> None:
    stack = await world.running(AGENT)
    kept, gone = await row(world, stack), await row(world, stack, name="gone")
    await world.settle()
    await world._send("DELETE", COLLECTION, gone, None)
    await world._send("PATCH", COLLECTION, kept, {"cron": "5 5 * * *"})
    await world.restart()
    await world.settle()
    assert [task.body["frequency"] for task in tasks(world, stack)] == ["5 5 * * *"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cron": "* * * * *"}, "cron may name 12 minutes of an hour at most"),
        ({"cron": "0 25 * * *"}, "cron holds a number outside 0 to 23"),
        ({"cron": "@daily"}, "cron must have five fields"),
        ({"cron": "0 9 * * mon"}, "cron may hold numbers"),
        ({"message": " "}, "message must have 1 to 4000 characters"),
        ({"zone": "Europe/Berlin"}, "zone must be UTC"),
    ],
)
async def test_a_row_that_cannot_be_is_told_so_and_has_no_task(
    world: World, fields: dict[str, Any], why: str
) -> None:
    stack = await world.running(AGENT)
    made = await row(world, stack, **fields)
    await world.settle()
    assert tasks(world, stack) == []
    shown = (await world.row(made, COLLECTION))["shown"]
    assert shown.startswith(f"SCHEDULE_REFUSED: {why}")
    assert (await world.row(stack))["status"] == "running"


async def test_a_template_without_schedules_says_so(world: World) -> None:
    stack = await world.running()
    made = await row(world, stack)
    await world.settle()
    shown = (await world.row(made, COLLECTION))["shown"]
    assert shown == "SCHEDULE_REFUSED: this stack's template takes no scheduled messages."
    assert tasks(world, stack) == []


async def test_tasks_that_coolify_refuses_leave_their_stack_running(world: World) -> None:
    stack = await world.running(AGENT)
    world.coolify.faults.add("POST", "/scheduled-tasks$", times=3, reply=422, effect=False)
    await row(world, stack)
    await world.settle(60)
    assert (await world.row(stack))["status"] == "running"
    await world.settle()
    assert len(tasks(world, stack)) == 1


async def test_a_change_that_could_not_be_acted_on_is_found_by_the_next_sweep(world: World) -> None:
    stack = await world.running(AGENT)
    made = await row(world, stack)
    handler = world.parts.schedules
    for _ in range(2):  # the gate withholds what is planned
        assert (await handler.plan(contract.Key(COLLECTION, made))).reason == "schedule_changed"
    world.parts.turns.due.clear()
    await world.sweep()
    await world.settle()
    assert len(tasks(world, stack)) == 1
