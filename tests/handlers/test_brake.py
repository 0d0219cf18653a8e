"""The brake on deletions: few go within an hour, staff lets further ones pass, a mistake is taken back."""

from __future__ import annotations

import pytest

from handlers import brake, records
from tests.handlers.world import World

STOP = "POST /services/{uuid}/stop"
DAY = 86_400.0


async def _all_deleted(world: World, count: int = 5) -> list[str]:
    """So many running stacks, all of them wanted deleted; the clock has moved by minutes only."""
    stacks = [await world.running() for _ in range(count)]
    world.coolify.calls.reset()
    for stack in stacks:
        await world.edit(stack, desired_state="deleted")
    await world.settle(240.0)
    return stacks


def _waiting(world: World, stacks: list[str]) -> list[str]:
    return [stack for stack in stacks if not world.ledger(stack).stage]


def test_the_limit_is_three_or_a_twentieth() -> None:
    assert [brake.limit(fleet) for fleet in (0, 59, 60, 80, 1000)] == [3, 3, 3, 4, 50]


async def test_a_mass_delete_stops_three_and_the_rest_runs_on(world: World) -> None:
    stacks = await _all_deleted(world)
    assert world.effects() == [STOP] * 3
    waiting = _waiting(world, stacks)
    assert len(waiting) == 2
    for stack in waiting:
        row = await world.row(stack)
        assert row["status"] == "deleting"
        assert "it runs on" in row["message"]
        assert row["error_message"].startswith("DELETION_BRAKED")
        assert world.service(stack).status.startswith("running")
        assert world.ledger(stack).deletion_seen, "the retention is fixed all the same"
        assert world.ledger(stack).retention_days
    assert world.parts.stacks.brake.waiting == 2


async def test_those_that_wait_go_when_the_hour_is_over(world: World) -> None:
    stacks = await _all_deleted(world)
    await world.live(3000.0)
    assert world.effects() == [STOP] * 3
    await world.live(1200.0)
    assert world.effects() == [STOP] * 5
    assert _waiting(world, stacks) == []
    assert world.parts.stacks.brake.waiting == 0


async def test_a_restart_forgets_nothing_of_the_hour(world: World) -> None:
    await _all_deleted(world)
    await world.restart()
    await world.live(1800.0)
    assert world.effects() == [STOP] * 3


async def test_what_staff_approves_passes_and_takes_nobodys_room(world: World) -> None:
    stacks = await _all_deleted(world, 6)
    first = _waiting(world, stacks)[0]
    await world.edit(first, action="approve")
    await world.settle(240.0)
    assert world.effects() == [STOP] * 4
    assert world.ledger(first).stage
    assert (await world.row(first))["action"] == ""
    assert len(world.parts.stacks.brake.used()) == 3


async def test_the_approval_of_a_stop_is_none_of_the_purge(world: World) -> None:
    stacks = await _all_deleted(world)
    for stack in _waiting(world, stacks):
        await world.edit(stack, action="approve")
    await world.settle(1500.0)
    assert {world.ledger(stack).stage for stack in stacks} == {"retained"}
    world.coolify.calls.reset()
    world.pass_time(30 * DAY)
    await world.poll()
    for stack in stacks:
        world.touch(records.STACKS, stack)
    await world.live(4800.0)
    assert world.effects() == ["DELETE /services/{uuid}"] * 3


async def test_stops_and_purges_share_the_room(world: World) -> None:
    old = await world.running()
    await world.edit(old, desired_state="deleted")
    await world.settle(1500.0)
    world.pass_time(30 * DAY)
    await world.poll()
    world.touch(records.STACKS, old)
    await world.live(4800.0)
    assert world.ledger(old).stage == "closed"
    await _all_deleted(world, 3)
    assert world.effects().count(STOP) == 2


async def test_suspension_is_not_braked(world: World) -> None:
    stacks = [await world.running() for _ in range(6)]
    world.coolify.calls.reset()
    await world.edit(world.tenant_id, records.TENANTS, status="suspended")
    await world.settle(240.0)
    assert world.effects() == [STOP] * len(stacks)


async def test_a_deletion_that_is_taken_back_while_it_waits_leaves_no_trace(world: World) -> None:
    stacks = await _all_deleted(world)
    waiting = _waiting(world, stacks)
    for stack in waiting:
        await world.edit(stack, desired_state="running")
    await world.settle(240.0)
    assert world.effects() == [STOP] * 3
    for stack in waiting:
        row, ledger = await world.row(stack), world.ledger(stack)
        assert (row["status"], row["error_message"]) == ("running", "")
        assert (ledger.deletion_seen, ledger.retention_days) == (None, 0)


async def test_two_workers_do_not_find_the_same_room(world: World) -> None:
    stacks = [await world.running() for _ in range(4)]
    for stack in stacks:
        await world.edit(stack, desired_state="deleted")
    found = [await world.plan(stack) for stack in stacks]
    assert [plan.reason for plan in found] == ["stop_for_deletion"] * 3 + ["braked"]


@pytest.mark.parametrize("state", ["running", "suspended"])
async def test_only_a_deletion_can_be_approved(world: World, state: str) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state=state, action="approve")
    await world.settle()
    row = await world.row(stack)
    assert row["action"] == ""
    assert not world.ledger(stack).made.get(brake.APPROVED)
