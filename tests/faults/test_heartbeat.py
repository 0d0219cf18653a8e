"""Identity, lease and stream give way while the daemon runs."""

from __future__ import annotations

import random

import anyio
import pytest

from listener.sandbox import people
from tests.faults.stage import NEW_STACK, Stage, harmful

pytestmark = pytest.mark.asyncio(loop_scope="package")

LEASE_LOST = 3.5
"""Seconds after which a lease that is not renewed is not held any more (3 in the sandbox)."""


async def _set_password(stage: Stage, password: str) -> None:
    """Every token of the account is dead, even if the password is the same."""
    (row,) = [row for row in await stage.rows("listeners") if row["username"] == "listener"]
    body = {"password": password, "passwordConfirm": password}
    await people.ask(stage.admin, "PATCH", f"/api/collections/listeners/records/{row['id']}", body)


async def _rename(stage: Stage, old: str, new: str) -> None:
    await people.ask(stage.admin, "PATCH", f"/api/collections/{old}", {"name": new})


@pytest.mark.long
async def test_a_changed_password_stops_everything_until_it_is_set_back(stage: Stage) -> None:
    before, since = await stage.deeds(), stage.mark()
    await _set_password(stage, "another-fake-password")
    new = await stage.create()
    await stage.change(stage.made[0], desired_state="suspended")
    await stage.until_logged("breaker.opened", since=since)
    await anyio.sleep(1.5)
    await stage.until_ready(ready=False)
    await stage.change(stage.made[0], desired_state="running")
    assert await stage.deeds() == before
    await _set_password(stage, stage.world.env["POCKETBASE_PASSWORD"])
    await stage.until_shown(new, "running")
    await stage.until_ready()
    # What could not be written down is found again, and sent once more.
    done = await stage.deeds() - before
    assert (done["POST /services"], harmful(done)) == (1, [])
    assert len(stage.events("breaker.opened", since=since)) == 1
    await stage.expect_one_each(stage.made)


async def test_a_revoked_token_is_replaced_within_seconds(stage: Stage) -> None:
    before = await stage.deeds()
    await _set_password(stage, stage.world.env["POCKETBASE_PASSWORD"])
    await stage.until_shown(await stage.create(), "running", seconds=10.0)
    assert await stage.deeds() - before == NEW_STACK
    await stage.expect_one_each(stage.made)


async def test_a_renamed_lease_withholds_everything_until_it_has_its_name_again(stage: Stage) -> None:
    before = await stage.deeds()
    await _rename(stage, "listener_lease", "listener_lease_away")
    try:
        new = await stage.create()
        await anyio.sleep(LEASE_LOST)
        await stage.change(stage.made[0], desired_state="suspended")
        await anyio.sleep(1.0)
        await stage.until_ready(ready=False)
        assert await stage.deeds() == before
        await stage.change(stage.made[0], desired_state="running")
    finally:
        await _rename(stage, "listener_lease_away", "listener_lease")
    await stage.until_shown(new, "running")
    assert await stage.deeds() - before == NEW_STACK
    await stage.expect_one_each(stage.made)


async def test_a_stream_that_goes_deaf_is_replaced_when_no_echo_comes(stage: Stage) -> None:
    before, since = await stage.deeds(), stage.mark()

    async def is_deaf() -> bool:
        return stage.proxy.deafen(streams_only=True) == 1

    await stage.until(is_deaf, "there is a stream")
    new = await stage.create()
    await stage.until_logged("feed.connected", since=since, seconds=10.0)
    await stage.until_shown(new, "running")
    assert [line["reason"] for line in stage.events("feed.lost", since=since)] == ["no echo"]
    assert await stage.deeds() - before == NEW_STACK
    await stage.expect_one_each(stage.made)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_connections_that_all_go_deaf_are_given_up_one_by_one(stage: Stage) -> None:
    """In the middle of a burst: each pending answer is waited for as long as a read may take (30 s)."""
    before = await stage.deeds()
    new = await stage.create(6)
    stage.proxy.deafen()
    await stage.until_shown(new, "running", seconds=120.0)
    done = await stage.deeds() - before
    assert done["POST /services"] == 6
    assert not harmful(done)
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_stacks_created_while_connections_break_at_random_all_run_once(stage: Stage) -> None:
    rng = random.Random(7)
    before = await stage.deeds()
    known = set(stage.made)
    with anyio.move_on_after(10.0):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stage.create, 8)
            while True:
                await anyio.sleep(rng.uniform(0.02, 0.4))
                stage.proxy.cut()
    assert len(stage.made) == len(known) + 8
    await stage.until_shown(stage.made, "running", seconds=40.0)
    done = await stage.deeds() - before
    assert done["POST /services"] == 8
    assert not harmful(done)
    await stage.expect_one_each(stage.made)
