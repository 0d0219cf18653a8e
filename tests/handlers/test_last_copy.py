"""Data of a deleted stack goes only when a copy of it is proven, or when staff wants none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers import records
from tests.handlers.asking import ask
from tests.handlers.test_byhand import start
from tests.handlers.world import World

DAY = 86_400.0
DELETE = "DELETE /services/{uuid}"


async def _over(world: World, template: str = "base-llm") -> str:
    """A deleted stack whose retention is over."""
    stack = await world.running(template)
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.pass_time(30 * DAY)
    await world.poll()
    world.coolify.calls.reset()
    await _look(world, stack)
    return stack


async def _look(world: World, stack: str) -> None:
    world.touch(records.STACKS, stack)
    await world.settle(0.0)


async def _prove(
    world: World, stack: str, *, age: float = 0.0, snapshot: str = "1a2b3c4d"
) -> tuple[str, str]:
    at = (world.clock.now() - timedelta(seconds=age)).isoformat()
    answer = await ask(world, "backup_proven", stack, snapshot=snapshot, at=at)
    return answer["state"], answer["result"]


async def test_without_a_proven_copy_nothing_is_purged_and_staff_reads_what_to_do(world: World) -> None:
    stack = await _over(world)
    await world.live(DAY / 6)
    row = await world.row(stack)
    assert row["message"].startswith("Deleted: the data is kept until a backup of it is proven.")
    assert row["error_message"].startswith("BACKUP_UNPROVEN · ")
    assert "`cloudfreedom backup run STACK`" in row["error_message"]
    assert world.effects() == []
    assert world.ledger(stack).purge_announced is None


async def test_after_a_proven_copy_it_goes_an_hour_later(world: World) -> None:
    stack = await _over(world)
    assert await _prove(world, stack) == ("done", "backup_proven: done.")
    assert world.ledger(stack).made["last_copy"]["snapshot"] == "1a2b3c4d"
    await world.live(3000.0)
    assert world.effects() == []
    await world.live(1200.0)
    assert world.effects() == [DELETE]


async def test_staff_may_want_no_copy(world: World) -> None:
    stack = await _over(world)
    assert (await ask(world, "backup_waived", stack))["state"] == "done"
    await world.live(4500.0)
    assert world.effects() == [DELETE]
    assert world.ledger(stack).stage == "closed"


async def test_a_purge_that_staff_asks_for_needs_the_copy_too(world: World) -> None:
    stack = await world.running("base-llm")
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await ask(world, "purge", stack)
    world.coolify.calls.reset()
    await world.live(4500.0)
    assert world.effects() == []
    await _prove(world, stack)
    await world.live(4500.0)
    assert world.effects() == [DELETE]


async def test_a_copy_from_before_the_stop_proves_nothing(world: World) -> None:
    stack = await _over(world)
    state, why = await _prove(world, stack, age=31 * DAY)
    assert (state, why.partition(" · ")[0]) == ("refused", "BACKUP_PROOF_REFUSED")
    assert (await _prove(world, stack, snapshot=""))[0] == "refused"
    await world.live(4500.0)
    assert world.effects() == []


@pytest.mark.parametrize("verb", ["backup_proven", "backup_waived"])
async def test_a_stack_that_is_not_deleted_takes_neither(world: World, verb: str) -> None:
    stack = await world.running("base-llm")
    at = world.clock.now().isoformat()
    assert (await ask(world, verb, stack, snapshot="1a2b3c4d", at=at))["state"] == "refused"
    assert not {"last_copy", "copy_waived"} & world.ledger(stack).made.keys()


async def test_what_ran_again_since_its_copy_is_copied_again(world: World) -> None:
    """A person pressed start in Coolify: the data may be another."""
    stack = await world.running("base-llm")
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await _prove(world, stack)
    start(world, stack)
    await world.live(300.0)
    assert world.ledger(stack).stage == "retained"
    assert "last_copy" not in world.ledger(stack).made


async def test_what_came_back_forgets_copy_and_waiver(world: World) -> None:
    stack = await _over(world)
    await _prove(world, stack)
    await ask(world, "backup_waived", stack)
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert not {"last_copy", "copy_waived", "rested_at"} & world.ledger(stack).made.keys()


async def test_what_stores_nothing_or_has_a_tariff_without_backups_is_not_asked_for_a_copy(
    world: World,
) -> None:
    bare = await _over(world, "telegram-bot")
    await world.live(4500.0)
    assert world.ledger(bare).stage == "closed"
    await world._send("PATCH", "plan_tiers", "starter", {"backups": False})
    try:
        stack = await _over(world)
        await world.sweep()
        await world.live(4500.0)
        assert world.ledger(stack).stage == "closed"
    finally:
        await world._send("PATCH", "plan_tiers", "starter", {"backups": True})


async def test_the_action_asks_for_a_copy_once_and_says_when(world: World) -> None:
    stack = await world.running("base-llm")
    before = world.clock.now()
    await world.edit(stack, action="backup_now")
    await world.settle()
    row = await world.row(stack)
    assert row["action"] == ""
    assert str(world.ledger(stack).made["backup_asked"])[:10] == f"{before:%Y-%m-%d}"


async def test_the_action_is_refused_where_nothing_can_be_copied(world: World) -> None:
    await world._send("PATCH", "plan_tiers", "starter", {"backups": False})
    try:
        await world.sweep()
        stack = await world.running("base-llm")
        await world.edit(stack, action="backup_now")
        await world.settle()
        assert "backup_asked" not in world.ledger(stack).made
        operations = [
            one for one in await world.rows("stack_operations") if one["verb"] == "action.backup_now"
        ]
        assert [(one["outcome"], one["reason"]) for one in operations] == [
            ("failed", "backup_now: its tariff has no backups")
        ]
    finally:
        await world._send("PATCH", "plan_tiers", "starter", {"backups": True})
