"""PocketBase or Coolify goes away and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from listener import errors
from tests.faults import stage as stages
from tests.faults.stage import NEW_STACK, Stage, harmful

pytestmark = pytest.mark.asyncio(loop_scope="package")

ALWAYS = 100_000
"""Times: more requests than any test sends."""
BUSY = {"reply": 503, "body": "<html>503</html>"}
UNAUTHENTICATED = {"reply": 401, "body": '{"message":"Unauthenticated."}'}
NOTHING_HERE = {"reply": 404, "body": '{"message":"Service not found."}'}
OTHER_TEAM: list[dict[str, Any]] = [
    {"path": "^/teams/current$", "reply": 200, "body": '{"id": 7, "name": "Other Team"}'},
    {"path": "^/(servers|projects)$", "method": "GET", "reply": 200, "body": "[]"},
    NOTHING_HERE,
]
"""What a token of another team sees: itself and nothing of ours (Coolify 4.3.10)."""


@asynccontextmanager
async def _faults(stage: Stage, *faults: dict[str, Any]) -> AsyncIterator[None]:
    """The stand-in goes wrong so inside, for every request that matches; the first match counts."""
    for fault in faults:
        await stage.fault(times=ALWAYS, **fault)
    try:
        yield
    finally:
        await stage.no_fault()


async def test_a_database_killed_in_the_middle_of_a_burst_loses_and_doubles_nothing(stage: Stage) -> None:
    before = await stage.deeds()
    await stage.knob(latency=0.05)
    new = await stage.create(20)

    async def is_in_the_middle() -> bool:
        return (await stage.deeds() - before)["POST /services"] >= 6

    await stage.until(is_in_the_middle, "6 services were asked for")
    await stage.world.pocketbase.kill()
    await anyio.sleep(2.0)
    assert (await stage.deeds() - before)["POST /services"] < 20
    await stage.world.pocketbase.start()
    await stage.until_shown(new, "running", seconds=40.0)
    done = await stage.deeds() - before
    assert done["POST /services"] == 20
    assert not harmful(done)
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_a_database_that_was_away_for_ten_seconds_finds_the_daemon_waiting(stage: Stage) -> None:
    before = await stage.deeds()
    await stage.world.pocketbase.kill()
    await anyio.sleep(10.0)
    assert await stage.deeds() == before
    await stage.world.pocketbase.start()
    new = await stage.create(10)
    await stage.until_shown(new, "running", seconds=40.0)
    done = await stage.deeds() - before
    assert done["POST /services"] == 10
    assert not harmful(done)
    await stage.expect_one_each(stage.made)


async def test_an_outage_of_coolify_delays_and_doubles_nothing(stage: Stage) -> None:
    """The creates that were under way are carried out, and their answers are lost."""
    before = await stage.deeds()
    lost = {"method": "POST", "path": "^/services$", "effect": True, **BUSY}
    no_list = {"path": "^/servers", **BUSY}
    async with _faults(stage, lost):
        new = await stage.create(3)
        await anyio.sleep(0.3)
        await stage.fault(times=ALWAYS, **no_list)
        new += await stage.create(2)
        await anyio.sleep(5.0)
    await stage.until_shown(new, "running")
    done = await stage.deeds() - before
    assert done["POST /services"] == 5
    assert not harmful(done)
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_an_outage_of_coolify_is_no_refusal_of_what_was_under_way(stage: Stage) -> None:
    """The last list may be from before the outage: it does not say that Coolify answers others."""
    lost = {"method": "POST", "path": "^/services$", "effect": True, **BUSY}
    async with _faults(stage, lost):
        new = await stage.create(8)
        await anyio.sleep(0.5)
        await stage.fault(times=ALWAYS, **BUSY)
        await anyio.sleep(5.0)
    await stage.until_shown(new, "running")
    await stage.expect_one_each(stage.made)


async def _stopped_by_coolify(stage: Stage, code: str, *, since: int) -> list[str]:
    """What was created while the breaker was open for that reason: nothing was done for it."""
    await stage.until_logged("breaker.opened", since=since)
    before = await stage.deeds()
    new = await stage.create()
    await stage.change(stage.made[0], desired_state="suspended")
    await stage.until_ready(ready=False)
    await anyio.sleep(2.5)
    await stage.change(stage.made[0], desired_state="running")
    assert await stage.deeds() == before
    assert [line["code"] for line in stage.events("breaker.opened", since=since)] == [code]
    return new


async def test_a_disabled_api_opens_the_breaker_once_and_closes_it_by_itself(stage: Stage) -> None:
    before, since = await stage.deeds(), stage.mark()
    await stage.switch_api(on=False)
    try:
        new = await _stopped_by_coolify(stage, "COOLIFY_API_DISABLED", since=since)
    finally:
        await stage.switch_api(on=True)
    await stage.until_shown(new, "running")
    assert len(stage.events("breaker.closed", since=since)) == 1
    assert await stage.deeds() - before == NEW_STACK


@pytest.mark.long
async def test_a_refused_token_opens_the_breaker_once_and_closes_it_by_itself(stage: Stage) -> None:
    before, since = await stage.deeds(), stage.mark()
    async with _faults(stage, UNAUTHENTICATED):
        new = await _stopped_by_coolify(stage, "COOLIFY_TOKEN_REFUSED", since=since)
    await stage.until_shown(new, "running")
    assert len(stage.events("breaker.closed", since=since)) == 1
    assert await stage.deeds() - before == NEW_STACK


async def _misled(stage: Stage) -> list[str]:
    """What was wanted while another team was at the other end: nothing was made, and nothing given up."""
    known = len(await stage.services())
    new = await stage.create()
    await anyio.sleep(2.5)
    await stage.change(stage.made[0], action="restart")
    await anyio.sleep(3.5)
    assert len(await stage.services()) == known
    assert all(not row["blocked"] for row in await stage.rows("listener_ledger"))
    return new


async def _led_back(stage: Stage, new: list[str]) -> None:
    await stage.until_shown([*new, stage.made[0]], "running")
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_another_team_at_the_other_end_is_no_reason_to_act(tmp_path: Path) -> None:
    async with stages.opened(tmp_path) as stage:
        await stage.until_shown(await stage.create(), "running")
        async with _faults(stage, *OTHER_TEAM):
            new = await _misled(stage)
        await _led_back(stage, new)
        assert stage.events("breaker.opened")[0]["code"] == "COOLIFY_WRONG_TEAM"


@pytest.mark.long
async def test_a_daemon_started_with_a_token_of_another_team_gives_nothing_up(tmp_path: Path) -> None:
    async with stages.opened(tmp_path) as stage:
        await stage.until_shown(await stage.create(), "running")
        await stage.world.stop_daemon()
        async with _faults(stage, *OTHER_TEAM):
            with suppress(errors.UpstreamUnavailable):
                await stage.world.start_daemon()
            new = await _misled(stage)
            await stage.world.stop_daemon()
        await stage.world.start_daemon()
        await _led_back(stage, new)


STORMS = {
    401: '{"message":"Unauthenticated."}',
    403: '{"message":"Missing required permissions: read"}',
    404: '{"message":"Service not found."}',
    405: "<html>405 Not Allowed</html>",
}


@pytest.mark.parametrize("reply", STORMS)
async def test_a_storm_of_refusals_gives_nothing_up_and_ends_by_itself(stage: Stage, reply: int) -> None:
    before = await stage.deeds()
    async with _faults(stage, {"reply": reply, "body": STORMS[reply]}):
        new = await _misled(stage)
    assert harmful(await stage.deeds() - before) == []
    await _led_back(stage, new)
    assert (await stage.deeds() - before)["POST /services"] >= 1
    await stage.until_ready()
