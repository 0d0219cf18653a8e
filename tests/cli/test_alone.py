"""Commands where no listener runs: first contact, and plans that write nothing."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from handlers import naming
from listener import errors
from listener.cli import deploy, draft
from listener.cli.exits import Exit
from tests import fixtures, portal
from tests.cli.commands import ROUTER_KEY, bot_token, cloudfreedom, env_file
from tests.cli.conftest import Coolify
from tests.fixtures import Database


def bot(name: str) -> dict[str, Any]:
    """A good config for a bot of that name."""
    return {"env_vars": {"TELEGRAM_BOT_TOKEN": bot_token(name), "OPENAI_API_KEY": ROUTER_KEY}}


@pytest_asyncio.fixture
async def found(database: Database) -> dict[str, str]:
    """Stacks that were there before any listener: one new, one foreign, one that is wrong; name -> id."""
    rows: dict[str, dict[str, Any]] = {
        "fresh": {"config": bot("fresh")},
        "foreign": {"config": bot("foreign"), "status": "running", "coolify_service_uuid": "fake-uuid"},
        "wrong": {"config": {"env_vars": {"NO_SUCH": ROUTER_KEY}}},
    }
    return {
        name: str(
            (
                await portal.add(
                    database.admin,
                    "agent_stacks",
                    portal.payload(database.tenant_id, "telegram-bot", name) | row,
                )
            )["id"]
        )
        for name, row in rows.items()
    }


async def everything(admin: httpx.AsyncClient) -> dict[str, Any]:
    """All rows of all collections of PocketBase, `updated` and all."""
    collections = (await admin.get("/api/collections", params={"perPage": 200})).json()["items"]
    names = [one["name"] for one in collections if not one["name"].startswith("_") and one["type"] != "view"]
    pages = {name: await admin.get(f"/api/collections/{name}/records?perPage=200") for name in names}
    return {name: page.json()["items"] for name, page in pages.items()}


async def test_a_plan_shows_first_contact_and_writes_nothing(
    database: Database, coolify: Coolify, alone: dict[str, str], found: dict[str, str]
) -> None:
    assert len(found) == 3
    before = await everything(database.admin)
    coolify.inside.calls.reset()
    whole = await cloudfreedom(alone, "plan", "--detailed-exitcode")
    assert whole.code == Exit.USAGE, whole.text
    assert await everything(database.admin) == before
    assert {call.method for call in coolify.inside.calls} == {"GET"}
    lines = whole.out.splitlines()
    assert re.match(r"! acme/foreign: Blocked: this stack was not made by the listener\.", lines[0])
    assert "FOREIGN_BORN · " in lines[1]
    assert lines[2] == "+ acme/fresh: create (running, telegram-bot 1.0.0)"
    assert [line.split()[0] for line in lines[3:7]] == ["create", "create", "variables", "restart"]
    assert "(values hidden)" in lines[5]
    assert lines[7].startswith("! acme/wrong: NO_SUCH is not a variable of telegram-bot.")
    assert lines[-2:] == [
        "Plan: 1 to create, 0 to update, 0 to delete, 2 blocked.",
        "First contact: none of this is done until `cloudfreedom accept`.",
    ]


async def known(
    database: Database, coolify: Coolify, name: str, *, containers: tuple[str, ...] = ("bot",), **fields: Any
) -> str:
    """The id of a stack whose service runs, and whose row in the ledger does not know its present spec."""
    row = portal.payload(database.tenant_id, "telegram-bot", name) | {"config": bot(name), **fields}
    record_id = (await portal.add(database.admin, "agent_stacks", row))["id"]
    meta = (await database.admin.get("/api/collections/listener_meta/records/main")).json()
    service_name = naming.service_name("acme", name, record_id)
    marker = naming.Marker(meta["inst"], database.tenant_id, record_id)
    services = {name: {"image": "python:3.12-slim"} for name in containers}
    compose = base64.b64encode(json.dumps({"services": services}).encode()).decode()
    async with fixtures.plain(coolify.url, f"Bearer {coolify.inside.token}") as http:
        project = (await http.post("/api/v1/projects", json={"name": "acme"})).json()["uuid"]
        body = {
            "name": service_name,
            "description": str(marker),
            "project_uuid": project,
            "instant_deploy": True,
        }
        body |= {"server_uuid": coolify.inside.server.uuid, "environment_name": "production"}
        made = await http.post("/api/v1/services", json=body | {"docker_compose_raw": compose})
    ledger = {"id": record_id, "kind": "agent_stacks", "tenant_id": database.tenant_id, "salt": "fake-salt"}
    ledger |= {"service_uuid": made.json()["uuid"], "project_uuid": project, "applied_hash": "fake-old-hash"}
    ledger |= {"server_uuid": body["server_uuid"], "template": "telegram-bot"}
    names = {"service_name": service_name, "stack_name": name}
    await portal.add(database.admin, "listener_ledger", ledger | {"applied_spec": names})
    return str(record_id)


async def test_a_plan_tells_change_stop_and_delete_apart(
    database: Database, coolify: Coolify, alone: dict[str, str]
) -> None:
    await known(database, coolify, "edited")
    await known(database, coolify, "gone", desired_state="deleted")
    await known(database, coolify, "idle", desired_state="suspended")
    await known(database, coolify, "new", action="redeploy")
    coolify.inside.tick()
    coolify.inside.calls.reset()
    done = await cloudfreedom(alone, "plan")
    assert {call.method for call in coolify.inside.calls} == {"GET"}
    told = [line for line in done.out.splitlines() if not line.startswith("    ")]
    version = "telegram-bot 1.0.0"
    assert told == [
        f"~ acme/edited: apply the change (running, {version})",
        f"- acme/gone: delete (deleted, {version})",
        f"- acme/idle: stop (suspended, {version})",
        f"~ acme/new: apply the change (running, {version})",
        "Plan: 0 to create, 2 to update, 1 to delete, 0 blocked, 1 to stop.",
    ]
    steps = [line.split()[0] for line in done.out.splitlines() if line.startswith("    ")]
    change = ["patch", "variables", "restart"]
    assert steps == [*change, "stop", "stop", *change]


async def test_accept_shows_and_asks_before_it_writes(
    database: Database, alone: dict[str, str], found: dict[str, str]
) -> None:
    assert found
    before = await everything(database.admin)
    unsure = await cloudfreedom(alone, "accept")
    assert (unsure.code, unsure.err.split()[1]) == (Exit.USAGE, "CONFIRMATION_NEEDED:")
    assert "3 stacks are not in the listener's ledger; 2 of them stay blocked." in unsure.out
    assert await everything(database.admin) == before
    sure = await cloudfreedom(alone, "accept", "--yes")
    assert (sure.code, sure.out.splitlines()[-1]) == (Exit.DONE, "Accepted."), sure.text
    after = await everything(database.admin)
    assert after["listener_meta"][0]["accepted_at"]
    assert {name: rows for name, rows in after.items() if name != "listener_meta"} == {
        name: rows for name, rows in before.items() if name != "listener_meta"
    }


async def test_deploy_says_that_nothing_happens_before_accept(
    database: Database, alone: dict[str, str], found: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in alone.items():
        monkeypatch.setenv(name, value)
    order = draft.Order("acme", "telegram-bot", "more", env_file=env_file(tmp_path))
    with pytest.raises(errors.Refusal) as caught:
        await deploy.deploy(order, only_plan=False, attached=True, seconds=30)
    assert caught.value.code == "FIRST_CONTACT"
    stacks = (await everything(database.admin))["agent_stacks"]
    assert {row["id"] for row in stacks} == set(found.values())


@pytest.mark.long
async def test_waiting_without_a_listener_says_so_and_ends(
    database: Database, alone: dict[str, str], tmp_path: Path
) -> None:
    words = ("deploy", "--tenant", "acme", "--template", "telegram-bot", "--name", "bot", "--timeout", "3")
    done = await cloudfreedom(alone, *words, "--env-file", str(env_file(tmp_path)))
    assert (done.code, done.err.split()[1]) == (Exit.FAILED, "NOT_FINISHED:"), done.text
    assert "no listener renews the lease; start one with `cloudfreedom run`." in done.out
    (meta,) = (await everything(database.admin))["listener_meta"]
    assert meta["accepted_at"], "where there was no stack at all, there is nothing to ask about"
