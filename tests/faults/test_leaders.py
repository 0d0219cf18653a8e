"""Two daemons on two hosts: one acts, and the other takes over when it is gone."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from listener.sandbox import world
from tests.faults import stage as stages
from tests.faults.stage import Stage, harmful

TAKEOVER = 5.0
"""Seconds of the sandbox's waits."""
SLACK = 5.0
"""Seconds for a beat, a look at the gate, a sweep of the ledger and a slow machine."""


@asynccontextmanager
async def _another_host(stage: Stage, folder: Path) -> AsyncIterator[world.World]:
    """The same world seen from another host, where a second daemon stands by."""
    await anyio.Path(folder).mkdir()
    env = {
        **stage.world.env,
        "LISTENER_STATE_DIR": str(folder / "state"),
        "LISTENER_HTTP": f"127.0.0.1:{world.free_port()}",
    }
    other = dataclasses.replace(stage.world, data_dir=folder, env=env, _daemon=None)
    try:
        await other.start_daemon()
        yield other
    finally:
        await other.stop_daemon()


@pytest.mark.asyncio(loop_scope="package")
async def test_of_two_daemons_one_acts_and_the_other_finishes_its_work(stage: Stage, tmp_path: Path) -> None:
    before = await stage.deeds()
    async with _another_host(stage, tmp_path / "other") as other:
        heir = dataclasses.replace(stage, world=other)
        await stage.until_shown(await stage.create(3), "running")
        assert await stage.deeds() - before == stages.of_new_stacks(3)
        assert heir.events("lease.taken") == []
        await stage.knob(latency=0.1)
        new = await stage.create(8)

        async def is_in_the_middle() -> bool:
            return (await stage.deeds() - before)["POST /services"] >= 3 + 2

        await stage.until(is_in_the_middle, "2 services were asked for")
        await stage.world.kill_daemon()
        await stage.knob(latency=0.0)
        await heir.until_logged("lease.taken", seconds=TAKEOVER + SLACK)
        await heir.until_shown(new, "running")
        done = await stage.deeds() - before
        assert done["POST /services"] == 11
        assert not harmful(done)
        await stage.expect_one_each(stage.made)


@pytest.mark.parametrize(
    "uuid", ["", pytest.param("somebody-elses-service", marks=pytest.mark.long)], ids=["pending", "running"]
)
async def test_stacks_that_were_there_first_are_only_looked_at_until_they_are_accepted(
    tmp_path: Path, uuid: str
) -> None:
    """A record that carries a service's uuid is not ours even then."""
    async with stages.opened(tmp_path, daemon=False) as stage:
        found: dict[str, Any] = {"status": "running", "coolify_service_uuid": uuid} if uuid else {}
        (first,) = await stage.create(**found)
        (second,) = await stage.create()
        was = await stage.record(first)
        await stage.world.start_daemon()
        await stage.until_logged("plan.withheld")
        await stage.sweep()
        assert {reason for line in stage.events("plan.withheld") for reason in line["reasons"]} == {
            "first_contact"
        }
        assert not await stage.deeds()
        assert await stage.record(first) == was
        await stage.accept()
        await stage.until_shown([second] if uuid else [first, second], "running")
        assert ("FOREIGN_BORN" in (await stage.record(first))["error_message"]) is bool(uuid)
        assert await stage.deeds() == stages.of_new_stacks(1 if uuid else 2, projects=1)
