"""An upgrade of the listener, and the way back: nothing is made twice, and nothing is restarted."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers import ledger
from listener.pocketbase import schema
from listener.sandbox import people
from tests.upgrade import older, stage
from tests.upgrade.stage import Upgrade

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why := older.missing()), reason=why),
]
LEDGER = "/api/collections/listener_ledger/records"


async def _three(upgrade: Upgrade) -> list[str]:
    """Two bots and a stack with a domain."""
    ids = await upgrade.create(2)
    web = {"template": "base-llm", "domain": "chat.example.org"}
    return [*ids, *await upgrade.create(1, config={"env_vars": {"OPENAI_API_KEY": "sk-not-a-key"}}, **web)]


async def test_an_upgrade_and_the_way_back_leave_what_runs_alone(tmp_path: Path) -> None:
    async with stage.opened(tmp_path) as upgrade:
        await upgrade.start(is_old=True)
        ids = await _three(upgrade)
        await upgrade.until_shown(ids, "running", seconds=90)
        services = {one["uuid"]: one["ups"] for one in await upgrade.services()}
        await upgrade.stop()

        assert "listener_meta/main: schema_version set" in await upgrade.apply_schema("--rules", is_old=False)
        await upgrade.start(is_old=False)
        await upgrade.sweep()
        await upgrade.until_shown(ids, "running")
        assert await upgrade.stop() == {}
        assert {one["uuid"]: one["ups"] for one in await upgrade.services()} == services

        await upgrade.start(is_old=False)
        await upgrade.change(ids[0], config={"env_vars": upgrade.variables(key="sk-another")})
        await upgrade.until_shown([ids[0]], "deploying")
        await upgrade.until_shown(ids, "running", seconds=60)
        edited = await upgrade.stop()
        whole = (
            "PATCH /services/{uuid}",
            "PATCH /services/{uuid}/envs/bulk",
            "POST /services/{uuid}/restart",
        )
        assert edited == dict.fromkeys(whole, 1)

        await upgrade.start(is_old=True)
        await upgrade.sweep()
        await upgrade.until_shown(ids, "running")
        assert await upgrade.stop() == {}
        assert {one["uuid"] for one in await upgrade.services()} == set(services)
        assert (await upgrade.meta())["schema_version"] == schema.VERSION


async def test_a_newer_listener_waits_for_its_data_model(tmp_path: Path) -> None:
    async with stage.opened(tmp_path) as upgrade:
        await upgrade.start_unready()
        await upgrade.until_stopped_by("SCHEMA_TOO_OLD")
        await upgrade.apply_schema("--rules", is_old=False)
        await upgrade.until_ready(seconds=60)
        await upgrade.until_shown(await upgrade.create(), "running", seconds=60)


async def test_a_newer_ledger_is_left_alone_until_it_is_put_back(tmp_path: Path) -> None:
    async with stage.opened(tmp_path) as upgrade:
        await upgrade.apply_schema("--rules", is_old=False)
        await upgrade.start(is_old=False)
        (made,) = await upgrade.create()
        await upgrade.until_shown([made], "running", seconds=60)
        await upgrade.stop()
        await people.ask(upgrade.admin, "PATCH", f"{LEDGER}/{made}", {"format": ledger.FORMAT + 1})
        await upgrade.start_unready()
        await upgrade.until_stopped_by("LEDGER_TOO_NEW")
        await upgrade.change(made, desired_state="suspended")
        (other,) = await upgrade.create()
        await upgrade.until_stopped_by("LEDGER_TOO_NEW")
        assert await upgrade.deeds() == {}
        assert (await upgrade.record(other))["status"] == "pending"
        await people.ask(upgrade.admin, "PATCH", f"{LEDGER}/{made}", {"format": ledger.FORMAT})
        await upgrade.until_ready(seconds=60)
        await upgrade.until_shown([made], "suspended", seconds=60)
        await upgrade.until_shown([other], "running", seconds=60)
