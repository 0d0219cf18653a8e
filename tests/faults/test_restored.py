"""PocketBase's data is put back to an earlier copy under a running daemon."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from listener.cli.exits import Exit
from tests.cli.commands import cloudfreedom
from tests.faults import stage as stages
from tests.faults.stage import Stage

LATER = 4
"""Renewals between the copy and its return."""


async def _is_held(stage: Stage) -> bool:
    """`/readyz` names the reason."""
    async with httpx.AsyncClient(base_url=stage.world.health_url, timeout=5.0) as http:
        return "restored" in (await http.get("/readyz")).text


async def _fence(stage: Stage) -> int:
    """The lease's fence as PocketBase has it."""
    return int((await stage.rows("listener_lease", fields="fence"))[0]["fence"])


async def _put_back(stage: Stage, copy: Path, data: Path) -> None:
    """PocketBase has the copy, and the daemon found out."""
    await stage.world.pocketbase.kill()
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    await stage.world.pocketbase.start()
    await stage.until(lambda: _is_held(stage), "/readyz names restored", seconds=60)
    await stage.until_logged("restore.found", seconds=60)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_an_older_pocketbase_has_no_effect_before_it_is_accepted(tmp_path: Path) -> None:
    async with stages.opened(tmp_path / "world") as stage:
        database, copy = stage.world.pocketbase, tmp_path / "copy"
        data = database.data_dir / "pb_data"
        old = await stage.create(2)
        await stage.until_shown(old, "running")
        await database.kill()
        shutil.copytree(data, copy)
        await database.start()
        began = await _fence(stage)
        new = await stage.create(4)
        await stage.until_shown(new, "running", seconds=60)
        services = {one["name"].rpartition("-")[2]: one["uuid"] for one in await stage.services()}
        deeds = await stage.deeds()

        async def is_later() -> bool:
            return await _fence(stage) > began + LATER

        await stage.until(is_later, "the lease was renewed", seconds=60)
        await _put_back(stage, copy, data)
        await stage.change(old[0], action="restart")
        await stage.sweep()
        assert (await stage.deeds(), await _is_held(stage)) == (deeds, True)
        env = {**stage.world.env, "POCKETBASE_URL": database.url}
        done = await cloudfreedom(env, "accept", "--yes")
        assert done.code == Exit.DONE, done.text
        assert "PocketBase is older than this host remembers" in done.out
        assert "Coolify has 4 services of ours that PocketBase does not know" in done.out
        await stage.until_ready(seconds=60)

        async def are_told() -> bool:
            rows = await stage.rows("listener_ledger", fields="id,service_uuid")
            return services.items() <= {row["id"]: row["service_uuid"] for row in rows}.items()

        await stage.until(are_told, "every service has a row again", seconds=90)
        await stage.until_shown(old, "running", seconds=60)
        made = set(await stage.deeds() - deeds)
        assert made <= {"POST /services/{uuid}/restart"}
        assert {one["uuid"] for one in await stage.services()} == set(services.values())
