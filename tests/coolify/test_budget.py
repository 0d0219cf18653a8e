"""Coolify's request limit is never run into, and what it says when it is run into is heeded."""

from __future__ import annotations

import anyio
import pytest

from listener import errors
from listener.coolify.budget import REORDERED, Budget
from tests.coolify.conftest import Rig, now

pytestmark = pytest.mark.looptime


def headers(limit: int, remaining: int) -> dict[str, str]:
    """What an answer says."""
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(remaining)}


@pytest.mark.parametrize("latency", [0.05, 7.0], ids=["quick", "slow"])
async def test_many_workers_never_exceed_a_window(rig: Rig, latency: float) -> None:
    rig.standin.knobs.turn({"rate_limit": 20, "latency": latency})

    async def work() -> None:
        for _ in range(12):
            await rig.coolify.version()

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(work)
    assert {call.status for call in rig.standin.calls} == {200}, "no window was exceeded"
    assert len(rig.standin.calls) == 96
    assert now() < 8 * 61, "and no window is wasted"


async def test_a_429_closes_the_client_for_as_long_as_it_says(rig: Rig) -> None:
    rig.standin.faults.add("GET", "^/version$", reply=429).headers = {"Retry-After": "30"}
    with pytest.raises(errors.Throttled) as caught:
        await rig.coolify.version()
    assert caught.value.after == 30.0
    began = now()
    assert rig.coolify.budget.wait_seconds() == pytest.approx(30.0)
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(rig.coolify.team)
    assert min(rig.times("GET", "/teams/current")) - began == pytest.approx(30.0, abs=1.0)
    assert [call.status for call in rig.standin.calls] == [429, 200, 200, 200, 200]


async def test_a_429_that_says_nothing_closes_it_for_a_while(rig: Rig) -> None:
    rig.standin.faults.add("GET", "^/version$", reply=429)
    with pytest.raises(errors.Throttled) as caught:
        await rig.coolify.version()
    assert caught.value.after == 15.0


async def test_another_client_of_the_same_user_is_heeded(rig: Rig) -> None:
    rig.standin.knobs.rate_limit = 10
    async with rig.another(rig.standin.token) as other:
        for _ in range(9):
            await other.version()
        await rig.coolify.version()
        assert rig.coolify.budget.remaining == 0
        assert rig.coolify.budget.wait_seconds() == pytest.approx(60.0, abs=0.1)


async def test_a_new_window_is_seen_when_coolify_tells_of_it() -> None:
    budget = Budget(clock=now)
    await budget.turn()
    budget.told(headers(200, 3))
    assert budget.remaining == 3
    await anyio.sleep(20)
    await budget.turn()
    budget.told(headers(200, 199))
    assert budget.remaining == 199 - REORDERED, "less those that may be on their way"
    assert budget.wait_seconds() == 0


async def test_answers_that_overtake_each_other_are_no_new_window() -> None:
    budget = Budget(clock=now)
    await budget.turn()
    budget.told(headers(200, 8))
    for _ in range(8):
        await budget.turn()
    for left in (3, 7, 0, 5):
        budget.told(headers(200, left))
    assert budget.remaining == 0
    assert budget.wait_seconds() > 59


async def test_answers_without_the_headers_say_nothing() -> None:
    budget = Budget(clock=now)
    budget.told({})
    budget.told({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "few"})
    assert (budget.limit, budget.remaining) == (None, None)


async def test_calls_that_are_never_answered_do_not_close_it_for_ever() -> None:
    budget = Budget(clock=now)
    await budget.turn()
    budget.told(headers(5, 4))
    for _ in range(4):
        await budget.turn()
    began = now()
    await budget.turn()
    assert now() - began == pytest.approx(60.0, abs=1.0)
    assert budget.remaining == 4
