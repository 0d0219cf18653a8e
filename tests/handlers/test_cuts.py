"""Wherever a plan is cut, the world comes to the same end: an empty plan, and one service for one stack."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from handlers import records
from tests.handlers.scissors import Kind
from tests.handlers.world import World

ONE, TWO = "one.example.org", "two.example.org"
OTHER = {"env_vars": {"API_KEY": "fake-other"}}


async def _new(world: World) -> str:
    return await world.stack("base-llm", domain=ONE)


async def _running(world: World) -> str:
    return await world.running("base-llm", domain=ONE)


async def _suspended(world: World) -> str:
    stack = await _running(world)
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    return stack


@dataclass(frozen=True)
class Way:
    """From one state to another: `start` makes the stack, `edit` is what a person does then."""

    start: Callable[[World], Awaitable[str]]
    edit: dict[str, Any]
    status: str
    domain: str = ONE
    key: str = "fake-api-key"


WAYS = {
    "provision": Way(_new, {}, "running"),
    "edit": Way(_running, {"config": OTHER, "domain": TWO}, "running", TWO, "fake-other"),
    "clear-domain": Way(_running, {"domain": ""}, "running", ""),
    "suspend": Way(_running, {"desired_state": "suspended"}, "suspended"),
    "edit-suspended": Way(_suspended, {"config": OTHER, "domain": ""}, "suspended", "", "fake-other"),
    "resume": Way(_suspended, {"desired_state": "running", "config": OTHER}, "running", ONE, "fake-other"),
    "delete": Way(_running, {"desired_state": "deleted"}, "deleted", ""),
}


@pytest.mark.parametrize(
    ("kinds", "after"),
    [
        pytest.param(("crash", "", "cancel", ""), True, id="some"),
        pytest.param(("crash",), True, id="crash", marks=pytest.mark.long),
        pytest.param(("cancel",), True, id="cancel", marks=pytest.mark.long),
        pytest.param(("crash",), False, id="crash-before", marks=pytest.mark.long),
        pytest.param(("cancel",), False, id="cancel-before", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", WAYS)
async def test_a_plan_cut_at_any_effect_comes_to_its_end(
    world: World, name: str, kinds: tuple[Kind | Literal[""], ...], after: bool
) -> None:
    """Of several kinds of cut each takes its turn, and an empty one skips it; the last round cuts nothing."""
    way = WAYS[name]
    for at in itertools.count():
        kind = kinds[at % len(kinds)]
        if not kind:
            continue
        await world.begin()
        if name == "provision":
            world.scissors.set(at, after=after, kind=kind)
        stack = await way.start(world)
        if name != "provision":
            world.scissors.set(at, after=after, kind=kind)
        await world.edit(stack, **way.edit)
        await world.settle(2500)
        if not world.scissors.has_cut and world.scissors.at is not None:
            break
        await _holds(world, stack, way, f"cut at {at}: {world.scissors.effects}")
    assert at >= 3


async def _holds(world: World, stack: str, way: Way, where: str) -> None:
    row, service = await world.row(stack), world.service(stack)
    assert row["status"] == way.status, where
    assert service.uuid == row["coolify_service_uuid"] == world.ledger(stack).service_uuid, where
    assert service.parts[0].runs == (way.status == "running"), where
    assert service.parts[0].fqdn == (f"https://{way.domain}:8080" if way.domain else None), where
    assert {one.key: one.value for one in service.variables}["API_KEY"] == way.key, where
    assert len(world.coolify.world.projects) == 1, where
    plan = await world.plan(stack)
    assert (plan.steps, world.ledger(stack).intent, world.ledger(stack).domain) == ((), None, way.domain), (
        where
    )
    world.coolify.calls.reset()
    world.touch(records.STACKS, stack)
    await world.settle()
    assert world.effects() == [], where
