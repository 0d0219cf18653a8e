"""Much to do, slow answers, records that always fail, a full disk: nothing lost, nothing twice."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from listener.sandbox import people
from tests.faults import stage as stages
from tests.faults.stage import NEW_STACK, Stage, of_new_stacks

pytestmark = pytest.mark.asyncio(loop_scope="package")

MANY = 10_000
RESTART = "POST /services/{uuid}/restart"
AT_ONCE = 50
"""Requests in one batch: PocketBase's default limit."""


async def _many(stage: Stage, count: int, **fields: Any) -> None:
    """So many more stacks of one resting tenant, written past the daemon's stream as an import would."""
    body = {"slug": "crowd", "name": "Crowd", "status": "inactive", "plan_tier": "sovereign"}
    tenant = (await people.ask(stage.admin, "POST", "/api/collections/tenants/records", body))["id"]
    row = {"tenant_id": tenant, "template": "telegram-bot", "status": "pending", "config": {}, **fields}
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        asked = [
            {"method": "POST", "url": stages.STACKS, "body": row | {"stack_name": f"crowd-{n}"}}
            for n in numbers
        ]
        await people.ask(stage.admin, "POST", "/api/batch", {"requests": asked})


async def _waiting(stage: Stage) -> float:
    """Keys that wait in the daemon's queue, whatever for."""
    async with httpx.AsyncClient(base_url=stage.world.health_url, timeout=30.0) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    found = [line.split() for line in lines if line.startswith("cloudfreedom_workqueue_depth{")]
    assert found
    return sum(float(value) for _, value in found)


@contextmanager
def full_disk(stage: Stage) -> Iterator[None]:
    """PocketBase's files cannot grow or be changed; what is stored can be read."""
    pid = stage.world.pocketbase.pid
    assert pid is not None
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.timeout(600)
async def test_a_live_edit_does_not_wait_for_ten_thousand_others(tmp_path: Path) -> None:
    async with stages.opened(tmp_path, daemon=False) as stage:
        await _many(stage, MANY)
        await stage.accept()
        await stage.world.start_daemon()

        async def is_busy() -> bool:
            return await _waiting(stage) > MANY / 2

        await stage.until(is_busy, "the sweep has queued them", seconds=60.0)
        (record_id,) = await stage.create()

        async def runs() -> bool:
            return bool((await stage.record(record_id))["status"] == "running")

        await stage.until(runs, "the new stack runs", seconds=60.0)
        left = await _waiting(stage)
        assert left > MANY / 10, left
        assert await stage.deeds() == of_new_stacks(1, projects=1)


async def test_records_that_always_fail_take_nobodys_turn(stage: Stage) -> None:
    (stuck,) = await stage.create()
    await stage.until_shown([stuck], "running")
    uuid = (await stage.service(stuck))["uuid"]
    await stage.fault(method="POST", path=f"^/services/{uuid}/", times=10_000, reply=500, effect=False)
    await stage.change(stuck, action="restart")
    before = await stage.deeds()
    bad = await stage.create(30, domain="no host name")
    good = await stage.create(3)
    await stage.until_shown(good, "running")
    await stage.until_shown(bad, "error")
    assert {deed: n for deed, n in (await stage.deeds() - before).items() if deed != RESTART} == {
        deed: n for deed, n in of_new_stacks(3).items() if deed != RESTART
    }
    rows = {row["id"]: row for row in await stage.rows("agent_stacks")}
    assert {rows[record_id]["error_message"].split()[0] for record_id in bad} == {"DOMAIN_INVALID"}
    await stage.no_fault()
    await stage.change(stuck, action="restart")
    await stage.until_shown([stuck], "running")


@pytest.mark.timeout(300)
async def test_a_coolify_that_takes_ten_seconds_a_call_is_waited_for(tmp_path: Path) -> None:
    async with stages.opened(tmp_path) as stage:
        await stage.until_shown(await stage.create(), "running")
        await stage.knob(latency=10.0)
        before = await stage.deeds()
        made = await stage.create(3)
        await stage.until_shown(made, "running", seconds=200.0)
        assert await stage.deeds() - before == of_new_stacks(3)
        await stage.until_ready()
        await stage.expect_one_each(made)


async def test_a_full_disk_of_the_database_stops_deeds_and_doubles_none(stage: Stage) -> None:
    before = await stage.deeds()
    await stage.knob(latency=0.5)
    made = await stage.create(5)
    with full_disk(stage):
        refused = await stage.admin.patch(f"{stages.STACKS}/{made[0]}", json={"hold": "full"})
        assert refused.status_code == 400
        await stage.until_ready(ready=False)
        at_first = await stage.deeds()
        await anyio.sleep(5.0)
        assert await stage.deeds() == at_first
    await stage.until_ready()
    await stage.until_shown(made, "running", seconds=60.0)
    assert (await stage.deeds() - before)["POST /services"] == NEW_STACK["POST /services"] * 5
    await stage.expect_one_each(made)
