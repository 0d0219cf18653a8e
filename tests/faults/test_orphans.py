"""What has no record any more, as staff sees it beside a running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from listener.cli.exits import Exit
from listener.sandbox import people
from tests.cli.commands import cloudfreedom
from tests.faults import stage as stages
from tests.faults.stage import STACKS, Stage

LEDGER = "/api/collections/listener_ledger/records"


async def _orphaned(stage: Stage) -> tuple[str, str]:
    """An orphan and a stack whose record alone was deleted, told by a daemon that began anew."""
    lost, deleted, _ = await stage.create(3)
    await stage.until_shown(stage.made, "running")
    await stage.world.stop_daemon()
    for path in (f"{STACKS}/{lost}", f"{LEDGER}/{lost}", f"{STACKS}/{deleted}"):
        await people.ask(stage.admin, "DELETE", path)
    await stage.world.start_daemon()

    async def is_told() -> bool:
        return lost in {row["id"] for row in await stage.rows("listener_ledger", fields="id")}

    await stage.until(is_told, "the orphan has a row")
    return lost, deleted


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_orphans_are_listed_apart_and_one_is_approved(tmp_path: Path) -> None:
    async with stages.opened(tmp_path) as stage:
        lost, deleted = await _orphaned(stage)
        env = {**stage.world.env, "POCKETBASE_URL": stage.world.pocketbase.url}

        done = await cloudfreedom(env, "orphans", "--json")
        assert done.code == Exit.DONE, done.text
        found = json.loads(done.out)
        ((orphan,), (kept,)) = (found["orphans"], found["deleted"])
        assert (orphan["id"], orphan["stage"], orphan["purged"]) == (lost, "grace", "")
        assert orphan["waits"] == f"approval: cloudfreedom orphans approve {lost}"
        assert orphan["found"] < orphan["stops"]
        assert (kept["id"], found["projects"], found["foreign"], found["alike"]) == (deleted, [], [], [])
        assert all((await stage.service(lost))["containers"].values())
        done = await cloudfreedom(env, "orphans", "approve", lost, "--yes")
        assert (done.code, done.out) == (Exit.DONE, "approve: done.\n"), done.text
        table = (await cloudfreedom(env, "orphans")).out
        assert "approval:" not in table
        assert table.endswith("orphans: 1, deleted: 1, projects: 0, foreign: 0, alike: 0\n"), table
        assert all((await stage.service(lost))["containers"].values())
