"""An upgrade of the installed package, and the way back, each from a clean environment."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from listener.pocketbase import schema
from tests.upgrade import older, package, stage

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why := older.missing()), reason=why),
]

SYSTEMD = older.ROOT / "systemd"


async def test_packages_in_turns_leave_what_runs_alone_and_bring_their_own_data_model(
    tmp_path: Path,
) -> None:
    old, new = await anyio.to_thread.run_sync(package.both, tmp_path)
    share = new.folder / "share" / "cloudfreedom-listener" / "systemd"
    assert {path.name for path in share.iterdir()} == {path.name for path in SYSTEMD.iterdir()}
    async with stage.opened(tmp_path) as upgrade:
        for one in (old, new):
            assert "Run the listener" in one.run("run", "--help", env={})
        await upgrade.start_package(old)
        ids = await upgrade.create(2)
        await upgrade.until_shown(ids, "running", seconds=90)
        services = {one["uuid"]: one["ups"] for one in await upgrade.services()}
        await upgrade.stop()

        said = new.run("schema", "apply", "--rules", env=upgrade.superuser())
        assert "listener_meta/main: schema_version set" in said
        for one in (new, old, new):
            await upgrade.start_package(one)
            await upgrade.sweep()
            await upgrade.until_shown(ids, "running")
            assert await upgrade.stop() == {}
        assert {one["uuid"]: one["ups"] for one in await upgrade.services()} == services
        assert (await upgrade.meta())["schema_version"] == schema.VERSION
        new.run("schema", "diff", "--detailed-exitcode", env=upgrade.superuser())
