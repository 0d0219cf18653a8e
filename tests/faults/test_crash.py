"""The daemon is killed, stopped or frozen in the middle of its work."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest

from listener.sandbox import people
from tests.faults.stage import NEW_STACK, Stage, harmful

pytestmark = pytest.mark.asyncio(loop_scope="package")

SLOW: dict[str, Any] = {"reply": None, "delay": 3.0}
"""Carried out at once, answered late: there is time to end the daemon in between."""


async def _killed_while(stage: Stage, deed: str, pattern: str, wish: Callable[[], Awaitable[object]]) -> None:
    """The daemon was killed while it waited for the answer to this deed, and runs again."""
    before = (await stage.deeds())[deed]
    await stage.fault(method=deed.partition(" ")[0], path=pattern, **SLOW)
    await wish()

    async def is_asked() -> bool:
        return (await stage.deeds())[deed] > before

    await stage.until(is_asked, deed)
    await stage.world.kill_daemon()
    await stage.no_fault()
    await stage.world.start_daemon()


async def _remembered(stage: Stage, record_id: str) -> Any:
    """The ledger's row."""
    return {row["id"]: row for row in await stage.rows("listener_ledger")}[record_id]


async def _runs_since(stage: Stage, record_id: str, ups: int) -> None:
    """It was started anew, and both sides show that it runs."""

    async def is_up() -> bool:
        return bool((await stage.service(record_id))["ups"] > ups)

    await stage.until(is_up, "a new start")
    await stage.until_shown([record_id], "running")


async def test_killed_during_a_suspend_it_is_suspended_and_stays_whole(stage: Stage) -> None:
    first = stage.made[0]
    before = await stage.deeds()
    stop = "POST /services/{uuid}/stop"
    await _killed_while(stage, stop, "/stop$", lambda: stage.change(first, desired_state="suspended"))
    await stage.until_shown([first], "suspended")
    assert not any((await stage.service(first))["containers"].values())
    done = await stage.deeds() - before
    assert set(done) == {stop}
    await stage.change(first, desired_state="running")
    await stage.until_shown([first], "running")
    await stage.expect_one_each(stage.made)


@pytest.mark.parametrize(
    ("deed", "pattern"),
    [
        pytest.param("PATCH /services/{uuid}", r"^/services/\w+$", marks=pytest.mark.long),
        pytest.param("PATCH /services/{uuid}/envs/bulk", "/envs/bulk$", marks=pytest.mark.long),
        ("POST /services/{uuid}/restart", "/restart$"),
    ],
    ids=["compose", "variables", "restart"],
)
async def test_killed_during_an_edit_the_edit_is_carried_out(stage: Stage, deed: str, pattern: str) -> None:
    first = stage.made[0]
    before = await stage.deeds()
    ups = (await stage.service(first))["ups"]
    config = (await stage.record(first))["config"]
    config["env_vars"]["MODEL"] = f"model-{ups}"
    was = await _remembered(stage, first)
    await _killed_while(stage, deed, pattern, lambda: stage.change(first, config=config))
    await _runs_since(stage, first, ups)
    assert "MODEL" in (await stage.service(first))["variables"]
    now = await _remembered(stage, first)
    assert now["applied_hash"] not in ("", was["applied_hash"])
    assert not now["intent"]
    done = await stage.deeds() - before
    assert not harmful(done)
    assert done["POST /services"] == 0
    await stage.expect_one_each(stage.made)


async def test_killed_during_a_create_it_makes_one_service(stage: Stage) -> None:
    before = await stage.deeds()
    await _killed_while(stage, "POST /services", "^/services$", stage.create)
    await stage.until_shown(stage.made, "running")
    done = await stage.deeds() - before
    assert done["POST /services"] == 1
    assert not harmful(done)
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_killed_during_a_delete_it_stops_the_service_and_keeps_it(stage: Stage) -> None:
    (doomed,) = await stage.create()
    await stage.until_shown([doomed], "running")
    before = await stage.deeds()
    await _killed_while(
        stage,
        "POST /services/{uuid}/stop",
        "/stop$",
        lambda: people.ask(stage.admin, "DELETE", f"/api/collections/agent_stacks/records/{doomed}"),
    )
    stage.made.remove(doomed)
    await stage.sweep()
    await anyio.sleep(5.0)
    await stage.sweep()

    async def is_kept() -> bool:
        return bool((await _remembered(stage, doomed))["stage"] == "retained")

    await stage.until(is_kept, "retained in the ledger")
    assert not any((await stage.service(doomed))["containers"].values())
    done = await stage.deeds() - before
    assert not [deed for deed in done if deed.startswith("DELETE")]
    await stage.expect_one_each(stage.made)


async def test_killed_during_the_create_of_a_project_it_makes_one(stage: Stage) -> None:
    body = {"name": "Bolt", "slug": "bolt", "type": "demo", "status": "active", "plan_tier": "team"}
    tenant = await people.ask(stage.admin, "POST", "/api/collections/tenants/records", body)
    await _killed_while(stage, "POST /projects", "^/projects$", lambda: stage.create(tenant_id=tenant["id"]))
    await stage.until_shown(stage.made, "running")
    state = await people.ask(stage.standin, "GET", "/_standin/state")
    mine = [one for one in state["projects"] if f"tenant={tenant['id']} " in one["description"]]
    assert len(mine) == 1
    await stage.expect_one_each(stage.made)


async def test_a_signal_in_the_middle_of_a_burst_drains_and_gives_the_lease_back(stage: Stage) -> None:
    before = await stage.deeds()
    await stage.knob(latency=0.6)
    new = await stage.create(40)

    async def is_in_the_middle() -> bool:
        return (await stage.deeds() - before)["POST /services"] >= 4

    await stage.until(is_in_the_middle, "4 services were asked for")
    began = time.monotonic()
    stage.world.signal_daemon(signal.SIGTERM)
    assert await stage.world.daemon_exit() == 0
    assert time.monotonic() - began < 6.0
    (lease,) = await stage.rows("listener_lease")
    assert lease["holder"] == ""
    assert (await stage.deeds() - before)["POST /services"] < 40
    await stage.knob(latency=0.0)
    await stage.world.start_daemon()
    await stage.until_shown(new, "running")
    assert (await stage.deeds() - before)["POST /services"] == 40
    await stage.expect_one_each(stage.made)


async def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(stage: Stage) -> None:
    before = await stage.deeds()
    await stage.fault(method="POST", path="^/services$", reply=None, delay=20.0)
    new = await stage.create()

    async def is_asked() -> bool:
        return await stage.deeds() != before

    await stage.until(is_asked, "a service was asked for")
    stage.world.signal_daemon(signal.SIGTERM)
    await stage.until_logged("signal.received", since=stage.mark() - 400)
    await anyio.sleep(0.3)
    began = time.monotonic()
    stage.world.signal_daemon(signal.SIGTERM)
    assert await stage.world.daemon_exit() == 1
    assert time.monotonic() - began < 2.0
    await stage.no_fault()
    await stage.world.start_daemon()
    await stage.until_shown(new, "running")
    done = await stage.deeds() - before
    assert done["POST /services"] == 1
    await stage.expect_one_each(stage.made)


async def _hold_lease(stage: Stage, http: httpx.AsyncClient, holder: str) -> None:
    """Another process takes or renews the lease, as the listener does: by batch, if the fence stands."""
    (lease,) = await stage.rows("listener_lease")
    url = f"/api/collections/listener_lease/records/main?if_fence={lease['fence']}"
    item = {"method": "PATCH", "url": url, "body": {"fence+": 1, "holder": holder}}
    await http.post("/api/batch", json={"requests": [item]})


async def test_frozen_past_its_lease_it_does_nothing_until_it_leads_again(stage: Stage) -> None:
    """Frozen while it waits for Coolify, it wakes with the answer in hand, and another leads."""
    sign_in = {"identity": "listener", "password": stage.world.env["POCKETBASE_PASSWORD"]}
    before = await stage.deeds()
    async with httpx.AsyncClient(base_url=stage.world.pocketbase.url) as http:
        path = "/api/collections/listeners/auth-with-password"
        http.headers["Authorization"] = (await people.ask(http, "POST", path, sign_in))["token"]
        await stage.fault(method="POST", path="^/services$", reply=None, delay=1.0)
        new = await stage.create()

        async def is_asked() -> bool:
            return (await stage.deeds() - before)["POST /services"] == 1

        await stage.until(is_asked, "a service was asked for")
        stage.world.signal_daemon(signal.SIGSTOP)
        await anyio.sleep(3.5)
        new += await stage.create()
        await _hold_lease(stage, http, "another")
        stage.world.signal_daemon(signal.SIGCONT)
        frozen = await stage.deeds()
        for _ in range(3):
            await anyio.sleep(0.5)
            await _hold_lease(stage, http, "another")
        assert await stage.deeds() == frozen
        await stage.change(stage.made[0], desired_state="suspended")
        await anyio.sleep(0.5)
        await stage.change(stage.made[0], desired_state="running")
    await stage.until_shown(new, "running")
    done = await stage.deeds() - before
    assert done["POST /services"] == 2
    assert not harmful(done)
    assert done >= NEW_STACK
    await stage.expect_one_each(stage.made)
