"""The writer is as fast as PocketBase lets it be."""

from __future__ import annotations

import time

import anyio
import httpx
import pytest

from listener import errors
from listener.pocketbase import budget
from listener.pocketbase import writer as writers
from tests.pocketbase import proxy_world
from tests.pocketbase.proxy_world import BATCH, create, ids, patch


@pytest.mark.long
async def test_the_rate_limiter_slows_the_writer_and_refuses_nothing() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.session.prove()
        await world.ask("PATCH", "/api/settings", {"rateLimits": {"enabled": True}})
        async with anyio.create_task_group() as tasks:
            for number in range(18):
                tasks.start_soon(hands.writer.commit, [create(f"row{number:02}")])
        for number in range(18, 23):
            await hands.writer.commit([create(f"row{number:02}")])
        assert len(await ids(world)) == 23
        began = time.monotonic()
        for number in range(3):
            await hands.writer.commit([patch(f"row{number:02}", size=1)])
        assert time.monotonic() - began > 1.0


@pytest.mark.looptime
async def test_a_limiter_that_never_relents_is_throttling_for_the_caller() -> None:
    limit = {"0": {"code": "batch_request_failed", "response": {"status": 429, "data": {}}}}
    refusal = httpx.Response(400, json={"data": {"requests": limit}})
    async with proxy_world.scripted(lambda _: refusal) as hands:
        with pytest.raises(errors.Throttled):
            await hands.writer.commit([create("a")])
    assert hands.sent.count(BATCH) == writers.THROTTLED_TRIES
    assert 10 < anyio.current_time() < 60


@pytest.mark.looptime
async def test_the_budget_is_free_until_a_429_and_again_five_minutes_after_it() -> None:
    spend = budget.Budget()
    for _ in range(100):
        await spend.turn(50)
        spend.spent(50)
    assert anyio.current_time() == 0
    spend.slow_down(2.0)
    await spend.turn(1)
    assert anyio.current_time() == 5
    for _ in range(4):
        spend.spent(10)
        await spend.turn(10)
    assert anyio.current_time() == 5 + 0.5 + 5 + 0.5 + 5
    await anyio.sleep(300)
    for _ in range(100):
        await spend.turn(50)
        spend.spent(50)
    assert anyio.current_time() == 316
