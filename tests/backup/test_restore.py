"""A restore beside a running listener: stopped, put back, running again; also when it breaks off."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio

from handlers import status
from handlers.alerting import copies
from listener.backup import state, volumes
from listener.backup.volumes import Volume
from listener.cli.exits import Exit
from listener.sandbox import world as worlds
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.backup import conftest as stage
from tests.cli.commands import ROUTER_KEY, Done, cloudfreedom, environment
from tests.cli.conftest import _few_authorities, world

__all__ = ["_few_authorities", "world", "worlds"]
pytestmark = pytest.mark.long


class Place:
    """One tenant of the world, and its volumes on this host."""

    def __init__(self, admin: httpx.AsyncClient, env: dict[str, str], folder: Path, tenant: str) -> None:
        self.admin, self.env, self.folder, self.tenant = admin, env, folder, tenant

    async def row(self, record_id: str, collection: str = "agent_stacks") -> dict[str, Any]:
        answer = await self.admin.get(f"/api/collections/{collection}/records/{record_id}")
        found: dict[str, Any] = answer.json()
        return {**found, "info": copies.info(found)}

    async def patch(self, record_id: str, **fields: Any) -> None:
        answer = await self.admin.patch(f"/api/collections/agent_stacks/records/{record_id}", json=fields)
        assert answer.status_code == 200, answer.text

    async def shows(self, record_id: str, status: str) -> None:
        with anyio.move_on_after(30):
            while (row := await self.row(record_id))["status"] != status:
                await anyio.sleep(0.1)
        assert row["status"] == status, (row["status"], row["message"], row["error_message"])

    async def ordered(self, name: str) -> tuple[str, str]:
        """A running stack of base-llm, and the uuid of its service."""
        body = portal.payload(self.tenant, "base-llm", name)
        body |= {"config": {"env_vars": {"OPENAI_API_KEY": ROUTER_KEY}}, "domain": ""}
        record_id = str((await portal.add(self.admin, "agent_stacks", body))["id"])
        await self.shows(record_id, "running")
        return record_id, str((await self.row(record_id, "listener_ledger"))["service_uuid"])

    async def stack(self, name: str) -> tuple[str, Volume]:
        """A running stack of base-llm, and its volume with some data."""
        record_id, uuid = await self.ordered(name)
        volume = stage.volume(self.folder, uuid, "webui.db")
        with stage.writing(volume.data / "webui.db") as writer:
            stage.said(writer, 20)
        return record_id, volume

    async def backup(self, *words: str, **env: str) -> Done:
        where = ("--dir", str(self.folder)) if words[0] in ("run", "restore") else ()
        return await cloudfreedom({**self.env, **env}, "backup", *words, *where)


@pytest_asyncio.fixture
async def place(
    world: World, repository: Path, reachable: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Place]:
    """A tenant of the tariff team with nothing yet."""
    token = world.admin.headers["Authorization"]
    async with fixtures.plain(world.pocketbase.url, token) as admin:
        slug = request.node.name.replace("_", "-")[-24:].strip("-[]")
        for row in (await admin.get("/api/collections/servers/records")).json()["items"]:
            await admin.patch(f"/api/collections/servers/records/{row['id']}", json={"disk_gb": 0})
        tenant = await portal.tenant(admin, slug)
        await admin.patch(f"/api/collections/tenants/records/{tenant}", json={"plan_tier": "team"})
        env = {
            **world.env,
            "BACKUP_REPOSITORY": str(repository),
            "BACKUP_PASSWORD": stage.PASSWORD,
            "BACKUP_STATE_DIR": str(tmp_path / "state"),
        }
        yield Place(admin, env, reachable, tenant)


async def test_a_stack_gets_back_what_it_had_and_runs_again(place: Place) -> None:
    chat, volume = await place.stack("chat")
    made = await place.backup("run", chat)
    assert made.code == Exit.DONE, made.text
    before = stage.rows(volume.data / "webui.db")
    with stage.writing(volume.data / "webui.db") as writer:
        stage.said(writer, 50)
    shutil.rmtree(volume.data / "uploads")
    asked = await place.backup("restore", chat)
    assert (asked.code, "CONFIRMATION_NEEDED" in asked.err) == (Exit.USAGE, True)
    done = await place.backup("restore", chat, "--yes", "--timeout", "40")
    assert done.code == Exit.DONE, done.text
    assert "runs; what it had before is removed." in done.out
    assert stage.rows(volume.data / "webui.db") == before
    assert (volume.data / "uploads" / "3.txt").exists()
    assert volume.data.stat().st_uid == stage.OWNER
    assert [path.name for path in volume.folder.iterdir()] == ["_data"]
    row = await place.row(chat)
    assert (row["status"], row["hold"]) == ("running", "")


async def test_another_stack_of_the_template_can_have_the_data_of_one_that_is_gone(place: Place) -> None:
    old, source = await place.stack("old")
    new, target = await place.stack("new")
    await place.backup("run", old)
    (target.data / "uploads" / "own.txt").write_text("of the new one")
    answer = await place.admin.delete(f"/api/collections/agent_stacks/records/{old}")
    assert answer.status_code == 204, answer.text
    done = await place.backup("restore", old, "--into", new, "--yes", "--timeout", "40")
    assert done.code == Exit.DONE, done.text
    assert (target.data / "uploads" / "3.txt").read_text() == (source.data / "uploads" / "3.txt").read_text()
    assert not (target.data / "uploads" / "own.txt").exists()
    assert stage.rows(target.data / "webui.db")[0] == "ok"


async def test_a_suspended_stack_stays_so_and_keeps_what_it_had(place: Place) -> None:
    chat, volume = await place.stack("chat")
    await place.backup("run", chat)
    await place.patch(chat, desired_state="suspended")
    await place.shows(chat, "suspended")
    done = await place.backup("restore", chat, "--yes")
    assert done.code == Exit.DONE, done.text
    (aside,) = volumes.moved_aside(volume.folder)
    assert str(aside) in done.out
    await place.patch(chat, desired_state="running")
    await place.shows(chat, "running")
    await place.backup("run", chat)
    assert volumes.moved_aside(volume.folder) == []


async def test_a_volume_that_needs_a_stop_is_copied_while_its_stack_is_held(
    place: Place, tmp_path: Path
) -> None:
    chat, volume = await place.stack("chat")
    stopping = stage.stopping(tmp_path)
    done = await place.backup("run", chat, "--timeout", "40", TEMPLATES_DIR=stopping)
    assert done.code == Exit.DONE, done.text
    await place.shows(chat, "running")
    row = await place.row(chat)
    assert (row["hold"], row["info"]["state"]) == ("", "done")
    answer = await place.admin.get(
        "/api/collections/stack_operations/records", params={"filter": f"stack_id='{chat}'", "perPage": 200}
    )
    states = [one["state"] for one in answer.json()["items"]]
    assert "suspended" in states
    held = await place.row(chat)
    assert held["hold"] == ""
    assert volume.data.exists()


async def test_a_hold_that_a_killed_run_left_is_ended_by_the_next_and_a_persons_is_not(
    place: Place, tmp_path: Path
) -> None:
    chat, _ = await place.stack("chat")
    stopping = stage.stopping(tmp_path)
    words = ["backup", "run", chat, "--dir", str(place.folder)]
    for is_changed in (False, True):
        process = await anyio.open_process(
            [sys.executable, "-m", "listener.cli.main", *words],
            env=environment({**place.env, "TEMPLATES_DIR": stopping}), stdout=None,
        )  # fmt: skip
        with anyio.fail_after(20):
            while not (await place.row(chat))["hold"].startswith("backup: "):
                await anyio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        if is_changed:
            await place.patch(chat, hold="a person looks into it")
        await place.backup("run", "--timeout", "40")
        hold = (await place.row(chat))["hold"]
        assert hold == ("a person looks into it" if is_changed else "")
        if not is_changed:
            await place.shows(chat, "running")
    await place.patch(chat, hold="")


async def test_a_run_that_is_told_to_end_lets_its_stack_go(place: Place, tmp_path: Path) -> None:
    chat, _ = await place.stack("chat")
    process = await anyio.open_process(
        [sys.executable, "-m", "listener.cli.main", "backup", "run", chat, "--dir", str(place.folder)],
        env=environment({**place.env, "TEMPLATES_DIR": stage.stopping(tmp_path)}), stdout=None,
    )  # fmt: skip
    with anyio.fail_after(20):
        while not (await place.row(chat))["hold"]:
            await anyio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    with anyio.fail_after(10):
        assert await process.wait() == Exit.INTERRUPTED
    assert (await place.row(chat))["hold"] == ""


async def test_a_restore_that_broke_off_between_two_trees_is_taken_back(place: Place) -> None:
    chat, volume = await place.stack("chat")
    await place.backup("run", chat)
    (volume.data / "uploads" / "late.txt").write_text("since the copy")
    with state.opened(Path(place.env["BACKUP_STATE_DIR"])) as kept:
        kept.swap = {"stamp": "20300101T000000", "folders": [volume.folder.name]}
        kept.keep()
    volume.data.rename(volume.folder / f"{volumes.BEFORE}20300101T000000")
    done = await place.backup("run", chat)
    assert done.code == Exit.DONE, done.text
    assert "the data is as before it" in done.out
    assert (volume.data / "uploads" / "late.txt").exists()
    assert json.loads((Path(place.env["BACKUP_STATE_DIR"]) / "state.json").read_text())["swap"] == {}


async def alert(place: Place, stack: str, kind: str, *, cleared: bool) -> dict[str, Any]:
    """The alert of that kind, as soon as it is raised, or cleared."""
    condition = f"stack_id='{stack}' && kind='{kind}' && cleared{'!=' if cleared else '='}''"
    with anyio.fail_after(40):
        while True:
            path = "/api/collections/stack_alerts/records"
            answer = await place.admin.get(path, params={"filter": condition})
            for row in answer.json()["items"]:
                return dict(row)
            await anyio.sleep(0.2)


async def test_the_listener_tells_people_of_a_failure_and_of_its_end(place: Place) -> None:
    chat, volume = await place.stack("chat")
    volume.data.rename(volume.folder / "away")
    assert (await place.backup("run", chat)).code == Exit.FAILED
    raised = await alert(place, chat, "backup_failed", cleared=False)
    assert (raised["severity"], raised["text"].split(" · ")[0]) == ("critical", "BACKUP_VOLUME_MISSING")
    (volume.folder / "away").rename(volume.data)
    assert (await place.backup("run", chat)).code == Exit.DONE
    assert (await alert(place, chat, "backup_failed", cleared=True))["id"] == raised["id"]


async def test_the_listener_tells_people_of_a_backup_that_is_overdue(place: Place) -> None:
    chat, _ = await place.stack("chat")
    assert (await place.backup("run", chat)).code == Exit.DONE
    env, old = place.env, status.stamp(datetime.now(UTC) - timedelta(days=3))
    secret = env["POCKETBASE_PASSWORD"]
    async with fixtures.signed_in(env["POCKETBASE_URL"], "listeners", "listener", secret) as service:
        path = f"/api/collections/agent_stacks/records/{chat}"
        assert (await service.patch(path, json={"last_backup": old})).status_code == 200
    raised = await alert(place, chat, "backup_overdue", cleared=False)
    assert (raised["severity"], f"is of {old[:16]}" in raised["text"]) == ("warning", True)
    assert f"backup_overdue: the last good one is of {old[:16]}" in (await place.backup("list", "--text")).out
    assert (await place.backup("run", chat)).code == Exit.DONE
    await alert(place, chat, "backup_overdue", cleared=True)
