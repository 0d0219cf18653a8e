"""New limits of a tariff: one stack of a tenant at a time, few of the fleet, none after one that failed."""

from __future__ import annotations

from collections.abc import Sequence

from handlers import records
from tests.handlers.test_quota import RUNNING, words
from tests.handlers.world import World

TURN = "Running. New limits of the tariff follow when it is this stack's turn."


async def fleet(world: World) -> list[list[str]]:
    """By tenant two stacks that run, of three tenants of the tier starter."""
    tenants = [await world.tenant() for _ in range(3)]
    return [[await world.running(tenant_id=tenant) for _ in range(2)] for tenant in tenants]


async def change(world: World, stacks: Sequence[Sequence[str]], tier: str) -> None:
    """The tenants have another tier."""
    for pair in stacks:
        tenant = (await world.row(pair[0]))["tenant_id"]
        await world.edit(tenant, records.TENANTS, plan_tier=tier)


def busy(world: World, stacks: Sequence[Sequence[str]]) -> list[list[str]]:
    """By tenant the stacks whose start for new limits is under way."""
    return [[one for one in pair if world.ledger(one).start_open] for pair in stacks]


async def test_a_tenant_has_one_turn_at_a_time_and_the_fleet_two(world: World) -> None:
    stacks = await fleet(world)
    ups = {one: world.service(one).ups for pair in stacks for one in pair}
    await change(world, stacks, "business")
    most, seen = 0, set[str]()
    for _ in range(60):
        await world.settle(2.0)
        world.pass_time(2.0)
        under_way = busy(world, stacks)
        assert all(len(pair) <= 1 for pair in under_way)
        most = max(most, sum(map(len, under_way)))
        seen |= {one for pair in under_way for one in pair}
    await world.live(600.0)
    assert most == 2
    assert seen == set(ups)
    assert {one: world.service(one).ups - before for one, before in ups.items()} == dict.fromkeys(ups, 1)
    for one in ups:
        assert (await world.row(one))["message"] == "Running."


async def test_who_waits_for_a_turn_runs_on_and_says_so_and_an_edit_waits_for_none(world: World) -> None:
    stacks = await fleet(world)
    await change(world, stacks, "business")
    await world.settle(1.0)
    waiting = [one for pair in stacks for one in pair if (await world.row(one))["message"] == TURN]
    assert len(waiting) == 4
    assert await words(world, waiting) == [RUNNING] * 4
    await world.edit(waiting[0], config={"env_vars": {"TELEGRAM_BOT_TOKEN": "x", "OPENAI_API_KEY": "new"}})
    await world.settle(1.0)
    assert world.ledger(waiting[0]).start_open


async def test_one_that_does_not_come_up_halts_the_others_until_it_runs(world: World) -> None:
    tenant = await world.tenant()
    stacks = [await world.running(tenant_id=tenant) for _ in range(3)]
    ups = {one: world.service(one).ups for one in stacks}
    await world.edit(tenant, records.TENANTS, plan_tier="business")
    await world.settle(1.0)
    (first,) = [one for one in stacks if world.ledger(one).start_open]
    world.coolify.knobs.never_start = world.service(first).name
    await world.live(400.0)
    assert (await world.row(first))["status"] == "error"
    others = [one for one in stacks if one != first]
    assert await words(world, others) == [RUNNING] * 2
    for one in others:
        assert "another stack did not start" in (await world.row(one))["message"]
    assert [world.service(one).ups for one in others] == [ups[one] for one in others]
    await world.restart()
    await world.settle(60.0)
    assert [world.service(one).ups for one in others] == [ups[one] for one in others], "not forgotten"
    world.coolify.knobs.never_start = ""
    await world.edit(first, action="restart")
    await world.live(1800.0)
    assert [(await world.row(one))["message"] for one in stacks] == ["Running."] * 3
