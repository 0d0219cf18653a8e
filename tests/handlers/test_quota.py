"""Quotas: what a tariff allows, whoever comes at once; what runs is never taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
import pytest_asyncio

from handlers import records
from listener import contract
from tests.handlers.world import World

TIER = "/api/collections/plan_tiers/records/starter"


@pytest_asyncio.fixture(loop_scope="function")
async def starter(world: World) -> AsyncIterator[str]:
    """A tenant of the tier starter, whose figures are put back."""
    before = (await world.admin.get(TIER)).json()
    yield await world.tenant(max_stacks=0)
    await world.admin.patch(TIER, json=before)


async def rule(world: World, **fields: Any) -> None:
    """The tier starter has these figures, and the listener has swept since."""
    answer = await world.admin.patch(TIER, json=fields)
    assert answer.status_code == 200, answer.text
    await world.sweep()


async def words(world: World, stacks: list[str]) -> list[tuple[str, str]]:
    """Status and code of each, in order."""
    rows = [await world.row(stack) for stack in stacks]
    return [(row["status"], row["error_message"].split(" · ")[0]) for row in rows]


RUNNING = ("running", "")


async def test_the_first_created_have_the_room_in_whatever_order_they_are_looked_at(
    world: World, starter: str
) -> None:
    await rule(world, max_stacks=2)
    stacks = [await world.stack(tenant_id=starter) for _ in range(4)]
    for stack in reversed(stacks):
        await world.turn(contract.Key(records.STACKS, stack))
    await world.settle()
    assert await words(world, stacks) == [RUNNING, RUNNING, *[("error", "QUOTA_STACKS")] * 2]
    message = (await world.row(stacks[2]))["message"]
    assert message.startswith("2 stacks exist; the tariff Starter has room for 2.")


async def test_plans_made_at_the_same_time_never_pass_the_quota_together(world: World, starter: str) -> None:
    await rule(world, max_stacks=2)
    stacks = [await world.stack(tenant_id=starter) for _ in range(8)]
    await world.turn(contract.Key(records.STACKS, stacks[0]))
    await world.settle(0.0)
    plans: list[contract.Plan] = []

    async def think(stack: str) -> None:
        plans.append(await world.plan(stack))

    async with anyio.create_task_group() as tasks:
        for stack in stacks[1:]:
            tasks.start_soon(think, stack)
    for plan in plans:
        await world.parts.stacks.apply(plan)
    await world.settle()
    assert [word for word in await words(world, stacks) if word == RUNNING] == [RUNNING] * 2
    assert len([one for one in world.coolify.services() if starter in one.description]) == 2


async def test_raising_takes_effect_at_once_and_so_does_room_that_another_stack_leaves(
    world: World, starter: str
) -> None:
    await rule(world, max_stacks=1)
    stacks = [await world.stack(tenant_id=starter) for _ in range(3)]
    await world.settle()
    assert await words(world, stacks) == [RUNNING, *[("error", "QUOTA_STACKS")] * 2]
    await rule(world, max_stacks=2)
    await world.settle(60.0)
    assert await words(world, stacks) == [RUNNING, RUNNING, ("error", "QUOTA_STACKS")]
    await world.edit(stacks[0], desired_state="deleted")
    await world.settle()
    assert (await words(world, stacks))[2] == RUNNING


async def test_the_tenants_own_figure_replaces_the_tiers(world: World, starter: str) -> None:
    await rule(world, max_stacks=1)
    await world.edit(starter, records.TENANTS, max_stacks=3)
    stacks = [await world.stack(tenant_id=starter) for _ in range(4)]
    await world.settle()
    assert await words(world, stacks) == [RUNNING] * 3 + [("error", "QUOTA_STACKS")]


async def test_lowering_stops_nothing_and_refuses_only_what_is_new(world: World, starter: str) -> None:
    await rule(world, max_stacks=0)
    stacks = [await world.running(tenant_id=starter) for _ in range(3)]
    world.coolify.calls.reset()
    await rule(world, max_stacks=1, memory_pool_mb=256, cpu_pool=0.25)
    late = await world.stack(tenant_id=starter)
    await world.settle()
    assert await words(world, [*stacks, late]) == [RUNNING] * 3 + [("error", "QUOTA_STACKS")]
    assert world.effects() == []
    await world.edit(stacks[0], config={"env_vars": world_env("another")})
    await world.edit(stacks[1], desired_state="suspended")
    await world.settle()
    await world.edit(stacks[1], desired_state="running")
    await world.settle()
    assert await words(world, stacks) == [RUNNING] * 3, "what exists may be edited, suspended and resumed"


def world_env(key: str) -> dict[str, str]:
    """Good variables of a bot, with another key."""
    return {"TELEGRAM_BOT_TOKEN": "fake-bot-token", "OPENAI_API_KEY": key}


POOLS: dict[str, tuple[dict[str, Any], dict[str, dict[str, int]], int, str]] = {
    "memory": ({"memory_pool_mb": 600}, {}, 2, "QUOTA_MEMORY"),
    "cores": ({"cpu_pool": 0.5}, {}, 2, "QUOTA_CPUS"),
    "of a template": ({}, {"telegram-bot": {"max_stacks": 1}}, 1, "QUOTA_TEMPLATE"),
}


@pytest.mark.parametrize("name", POOLS)
async def test_what_a_tariff_gives_in_all_is_shared(world: World, starter: str, name: str) -> None:
    figures, limits, fits, code = POOLS[name]
    before = (await world.admin.get(TIER)).json()["limits"]
    merged = {slug: {**before.get(slug, {}), **one} for slug, one in limits.items()}
    await rule(world, max_stacks=0, **figures, limits={**before, **merged})
    stacks = [await world.stack(tenant_id=starter) for _ in range(3)]
    await world.settle()
    assert await words(world, stacks) == [RUNNING] * fits + [("error", code)] * (3 - fits)


async def test_own_domains_are_counted_and_a_refused_stack_takes_nobodys_room(
    world: World, starter: str
) -> None:
    await rule(world, max_stacks=0, max_domains=1)
    stacks = [
        await world.stack("base-llm", tenant_id=starter, domain=f"{name}.example.net") for name in ("a", "b")
    ]
    stacks.append(await world.stack("base-llm", tenant_id=starter))
    await world.settle()
    assert await words(world, stacks) == [RUNNING, ("error", "QUOTA_DOMAINS"), RUNNING]
    await world.edit(stacks[1], domain="")
    await world.settle()
    assert (await words(world, stacks))[1] == RUNNING


async def test_limits_below_what_a_running_stack_needs_leave_it_as_it_is(world: World, starter: str) -> None:
    await rule(world, max_stacks=0)
    stack = await world.running(tenant_id=starter)
    world.coolify.calls.reset()
    before = (await world.admin.get(TIER)).json()["limits"]
    tiny = {"cpus": 0.25, "memory": "16M", "pids": 64}
    await rule(world, limits={**before, "telegram-bot": {"bot": tiny}})
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["error_message"].split(" · ")[0]) == ("running", "LIMITS_BELOW_FLOOR")
    assert row["message"].startswith("Running unchanged. telegram-bot/bot needs at least")
    assert world.effects() == []
    await rule(world, limits=before)
    await world.settle()
    assert ((await world.row(stack))["message"], world.effects()) == ("Running.", [])
