"""What is old goes by itself: when, in which order, how much at once, and never what is needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import expiry, records
from tests.handlers.asking import REQUESTS, ask
from tests.handlers.world import World

DAY = 86_400.0
LEDGER, TOMBSTONES, OPERATIONS = "listener_ledger", "listener_tombstones", "stack_operations"


def _expiry(world: World, *, reasons: Sequence[str] = ()) -> expiry.Expiry:
    parts = world.parts
    return expiry.Expiry(eyes=parts.eyes, writer=parts.recorder._writer, gate=lambda: reasons)


def _at_present(world: World) -> None:
    """The time of day is PocketBase's own, which stamps its rows; its lease is old enough."""
    world.clock.seconds += expiry.HOUR
    world.clock.jump += (datetime.now(UTC) - world.clock.now()).total_seconds()


async def _purged(world: World) -> str:
    """A deleted stack whose data was removed just now."""
    _at_present(world)
    stack = await world.running("base-llm")
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await ask(world, "backup_waived", stack)
    await ask(world, "purge", stack)
    await world.live(4800.0)
    assert world.ledger(stack).stage == "closed"
    return stack


async def _is_there(world: World, *ids: str) -> list[tuple[bool, bool]]:
    """Of each stack, whether its record is there, and its row of the ledger."""
    names = (records.STACKS, LEDGER)
    found = [{row["id"] for row in await world.rows(name)} for name in names]
    return [(one in found[0], one in found[1]) for one in ids]


async def test_the_record_of_a_purged_stack_goes_after_thirty_days_and_then_its_row(world: World) -> None:
    stack = await _purged(world)
    live = await world.running("base-llm")
    for about in (stack, live):
        await world._send(
            "POST", "stack_schedules", "", {"stack_id": about, "name": "n", "cron": "0 9 * * *"}
        )
        await world._send("POST", "stack_alerts", "", {"stack_id": about, "title": "t"})
    kept = await world.running("base-llm")
    await world.edit(kept, desired_state="deleted")
    await world.settle()
    old = _expiry(world)
    world.clock.jump += 29 * DAY
    await old.round()
    assert await _is_there(world, stack, live, kept) == [(True, True)] * 3
    world.clock.jump += 2 * DAY
    await old.round()
    assert await _is_there(world, stack, live, kept) == [(False, True), (True, True), (True, True)]
    await old.round()
    assert await _is_there(world, stack, live, kept) == [(False, False), (True, True), (True, True)]
    assert world.parts.eyes.ledger.get(stack) is None
    for name in expiry.ABOUT:
        assert stack not in {row["stack_id"] for row in await world.rows(name)}
        assert live in {row["stack_id"] for row in await world.rows(name)}


async def test_a_purged_stack_that_somebody_wants_back_keeps_its_record(world: World) -> None:
    stack = await _purged(world)
    await world.edit(stack, desired_state="running")
    await world.settle()
    world.clock.jump += 31 * DAY
    for _ in range(2):
        await _expiry(world).round()
    assert await _is_there(world, stack) == [(True, True)]


@pytest.mark.parametrize("why", ["gate", "skew", "new lease"])
async def test_nothing_goes_while_it_is_not_certain(world: World, why: str) -> None:
    stack = await _purged(world)
    world.clock.jump += 31 * DAY
    if why == "skew":
        world.clock.skew = 301.0
    if why == "new lease":
        await world.restart()
    old = _expiry(world, reasons=["records_missing"] * (why == "gate"))
    await old.round()
    assert old.interval() == world.waits.resync
    assert await _is_there(world, stack) == [(True, True)]


async def test_a_record_that_something_else_needs_stays_and_stops_nothing(world: World) -> None:
    stack, other = await _purged(world), await _purged(world)
    made = await world.admin.get(f"/api/collections/{records.STACKS}")
    field = {"name": "stack", "type": "relation", "collectionId": made.json()["id"], "required": True}
    body = {"name": "operators_own", "type": "base", "fields": [field | {"maxSelect": 1}]}
    assert (await world.admin.post("/api/collections", json=body)).status_code == 200
    try:
        await world._send("POST", "operators_own", "", {"stack": stack})
        world.clock.jump += 31 * DAY
        old = _expiry(world)
        for _ in range(2):
            await old.round()
        assert await _is_there(world, stack, other) == [(True, True), (False, False)]
    finally:
        await world.admin.delete("/api/collections/operators_own")


async def _old_rows(world: World) -> dict[str, list[str]]:
    found = {name: await world.rows(name) for name in (TOMBSTONES, REQUESTS, OPERATIONS)}
    return {name: sorted(row.get("actor", "") for row in rows) for name, rows in found.items()}


async def test_what_is_long_past_goes_each_in_its_time(world: World) -> None:
    for name in (TOMBSTONES, REQUESTS):
        for row in await world.rows(name):
            await world._send("DELETE", name, row["id"], None)
    _at_present(world)
    stack = await world.running("base-llm")
    for row in await world.rows(OPERATIONS):
        await world._send("DELETE", OPERATIONS, row["id"], None)
    for about in (stack, "unknown"):
        said = {"verb": "state", "outcome": "done", "state": "running", "stack_id": about, "actor": about}
        for ended in ("2026-01-01 00:00:00.000Z", "2026-01-02 00:00:00.000Z"):
            await world._send("POST", OPERATIONS, "", {**said, "ended": ended})
        await world._send("POST", OPERATIONS, "", {**said, "state": "", "actor": f"{about} plain"})
        await world._send("POST", TOMBSTONES, "", {"record_id": about, "actor": about})
    for state in ("open", "done", "refused"):
        await world._send("POST", REQUESTS, "", {"verb": "retry", "state": state, "actor": state})
    before, old = await _old_rows(world), _expiry(world)
    world.clock.jump += 29 * DAY
    await old.round()
    assert await _old_rows(world) == before
    world.clock.jump += 2 * DAY
    await old.round()
    after = await _old_rows(world)
    assert after == before | {TOMBSTONES: [stack], REQUESTS: ["open"]}
    world.clock.jump += 368 * DAY
    await old.round()
    assert await _old_rows(world) == after
    world.clock.jump += 2 * DAY
    await old.round()
    (last,) = await world.rows(OPERATIONS)
    assert (last["stack_id"], last["ended"]) == (stack, "2026-01-02 00:00:00.000Z")


async def test_a_round_removes_few_and_the_next_comes_soon(world: World) -> None:
    _at_present(world)
    for _ in range(expiry.MOST + 3):
        await world._send("POST", REQUESTS, "", {"verb": "retry", "state": "done", "actor": "many"})
    world.clock.jump += 31 * DAY
    old = _expiry(world)
    before = len(await world.rows(REQUESTS))
    await old.round()
    assert 0 < before - len(await world.rows(REQUESTS)) <= expiry.MOST
    assert old.interval() == world.waits.poll
    while old.interval() < expiry.HOUR:
        await old.round()
    assert await world.rows(REQUESTS, "state!='open'") == []


def _line(row_id: str, stack: str, state: str, ended: str) -> dict[str, Any]:
    return {"id": row_id, "stack_id": stack, "state": state, "ended": ended}


def test_the_last_state_of_a_known_stack_is_not_expendable() -> None:
    old = [_line("a", "s", "running", "2"), _line("b", "s", "error", "1"), _line("c", "gone", "running", "3")]
    assert expiry.expendable([*old, _line("d", "s", "", "4")], {"s"}) == ["b", "c", "d"]
