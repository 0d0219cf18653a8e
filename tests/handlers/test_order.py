"""Events may come in any order, late, twice or not at all: the end is the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from handlers import records
from tests.handlers.world import World

OTHER = {"env_vars": {"API_KEY": "fake-other"}}
NAMES = ("web", "bot", "late", "gone", "off")


async def _beginning(world: World) -> dict[str, str]:
    """Five stacks by name, some of them on their way."""
    stacks = {
        "web": await world.stack("base-llm", domain="one.example.org"),
        "bot": await world.stack(),
        "gone": await world.stack("base-llm", domain="two.example.org"),
        "off": await world.stack(),
    }
    await world.settle()
    stacks["late"] = await world.stack("base-llm")
    await world.edit(stacks["gone"], desired_state="deleted")
    await world.edit(stacks["web"], config=OTHER, domain="three.example.org")
    await world.edit(stacks["off"], hold="unpaid")
    await world.edit(stacks["bot"], action="restart")
    return stacks


async def _end(world: World, stacks: dict[str, str]) -> dict[str, Any]:
    """What matters in the end, without ids and times."""
    found = {}
    for name, stack in stacks.items():
        row, service = await world.row(stack), world.service(stack)
        values = {one.key: one.value for one in service.variables}
        part = service.parts[0]
        shown = (row["status"], row["health"], row["domain"], row["action"], row["error_message"])
        found[name] = (shown, values, part.fqdn, part.runs, world.ledger(stack).domain)
    return found | {"projects": len(world.coolify.world.projects)}


async def _shuffle(world: World, stacks: dict[str, str], dice: random.Random) -> None:
    """A hundred turns: of keys that are due or not, with news that is lost, repeated, or a list again."""
    keys = [(records.STACKS, stack) for stack in stacks.values()] + [(records.TENANTS, world.tenant_id)]
    turns = world.parts.turns
    for _ in range(100):
        if dice.random() < 0.3:
            turns.due.pop(dice.choice([*turns.due, None]), None)  # type: ignore[arg-type]
        if dice.random() < 0.5:
            world.touch(*dice.choice(keys))
        if turns.due:
            key = dice.choice(sorted(turns.due))
            turns.due.pop(key)
            await world.turn(key)
        if dice.random() < 0.1:
            await world.poll()
        world.pass_time(dice.choice([0.0, 0.0, 1.0, 7.0]))


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 15))])
async def test_the_end_does_not_depend_on_order_and_number_of_events(world: World, seed: int) -> None:
    stacks = await _beginning(world)
    await world.live(700)
    expected = await _end(world, stacks)
    assert {name: expected[name][0][0] for name in NAMES} == {
        "web": "running", "bot": "running", "late": "running", "gone": "deleted", "off": "suspended",
    }  # fmt: skip
    await world.begin()
    stacks = await _beginning(world)
    await _shuffle(world, stacks, random.Random(seed))
    await world.sweep()
    await world.live(900)
    assert await _end(world, stacks) == expected
    world.scissors.set(None)
    await world.live(120)
    assert world.scissors.effects == []
