"""Why a stack is as it is: every side heard, nothing written, no secret told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from listener import errors
from listener.cli import account, explain
from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import PLANTED, cloudfreedom, together
from tests.cli.conftest import Coolify
from tests.cli.test_alone import bot, everything, known
from tests.cli.test_world import running
from tests.fixtures import Database


@pytest.fixture
def inside(alone: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands called in this process find the world without a listener."""
    for name, value in alone.items():
        monkeypatch.setenv(name, value)


async def told(named: str) -> tuple[dict[str, Any], list[str]]:
    """The account as JSON has it, and as lines that hold no secret."""
    _, found = await explain.gather(named)
    lines = [f"{title}: {text}" for title, text in account.lines(found)]
    for text in ("\n".join(lines), json.dumps(found)):
        assert [secret for secret in (*PLANTED, "fake-salt", "fake-old-hash") if secret in text] == []
    return found, lines


async def test_a_running_stack_is_explained_from_both_sides(world: World) -> None:
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as admin:
        record_id = await running(admin, "why")
    text, as_json = await together(world.env, "explain why/bot", f"explain {record_id} --json")
    assert (text.code, text.err, as_json.code) == (Exit.DONE, "", Exit.DONE), text.text + as_json.text
    titles = [line[:10].strip() for line in text.out.splitlines() if line[:10].strip()]
    wanted = "Stack Wanted Tenant Shown Ledger Coolify Proof Now Next Listener Decided Timeline"
    assert titles == wanted.split()
    assert "Now        nothing to do: all sides agree" in text.out
    assert "leads, lease renewed" in text.out
    found = json.loads(as_json.out)
    assert (found["source"], found["away"], found["proof"]["ours"]) == ("records", [], True)
    assert found["coolify"]["name"] == f"cf-why-bot-{record_id}"
    assert found["coolify"]["uuid"] == found["ledger"]["service_uuid"]
    assert found["ledger"]["hash_known"] is True
    verbs = [(one["verb"], one["outcome"]) for one in found["operations"]]
    assert ("service.create", "started") in verbs[:2]  # it may have waited for its project first
    assert verbs[-2:] == [("stack.start", "done"), ("state", "done")]


@pytest.mark.usefixtures("inside")
async def test_what_would_be_done_is_what_plan_says_and_nothing_is_written(
    database: Database, coolify: Coolify
) -> None:
    await known(database, coolify, "edited", hold="unpaid", action="retry")
    await coolify.inside.run_jobs()
    before = await everything(database.admin)
    coolify.inside.calls.reset()
    found, lines = await told("acme/edited")
    assert (found["now"]["kind"], found["proof"]["ours"]) == ("to stop", True)
    assert [step.split()[0] for step in found["now"]["steps"]] == ["stop"]
    assert any(line.startswith("Now: - stop (suspended, telegram-bot 1.0.0)") for line in lines)
    assert (
        "Wanted: suspended (desired_state is empty, on hold: unpaid, action retry is asked for); " in lines[1]
    )
    assert "hash of what was sent known" in "".join(lines)
    assert any(line.startswith("Listener: no listener leads") for line in lines)
    assert await everything(database.admin) == before
    assert {call.method for call in coolify.inside.calls} == {"GET"}


@pytest.mark.usefixtures("inside")
async def test_a_service_that_is_not_ours_and_a_foreign_stack_say_so(
    database: Database, coolify: Coolify
) -> None:
    record_id = await known(database, coolify, "taken")
    coolify.inside.service(f"cf-acme-taken-{record_id}").description = "mine now"
    found, lines = await told(record_id)
    assert found["proof"]["ours"] is False
    assert any(line.startswith("Proof: not ours: the description of ") for line in lines)
    row = portal.payload(database.tenant_id, "telegram-bot", "old") | {
        "config": bot("old"),
        "status": "running",
    }
    await portal.add(database.admin, "agent_stacks", row)
    found, lines = await told("old")
    assert (found["ledger"], found["coolify"], found["now"]["kind"]) == (None, None, "blocked")
    assert "Ledger: no row: the listener has not taken this stack on" in lines
    assert any("FOREIGN_BORN" in step for step in found["now"]["steps"])


@pytest.mark.usefixtures("inside")
async def test_a_blocked_and_deleted_stack_shows_block_retention_and_intent(
    database: Database, coolify: Coolify
) -> None:
    record_id = await known(database, coolify, "gone", desired_state="deleted")
    row = {"stage": "retained", "deletion_seen": "2026-01-02 03:04:05.000Z", "retention_days": 7}
    row |= {"blocked": "A_CODE · a cause", "intent": {"what": "delete", "begun": "2026-01-09T00:00:00Z"}}
    row |= {"purge_announced": "2026-01-08 03:04:05.000Z", "applied_hash": ""}
    await database.admin.patch(f"/api/collections/listener_ledger/records/{record_id}", json=row)
    _, lines = await told("gone")
    (ledger,) = [line for line in lines if line.startswith("Ledger: ")]
    assert "delete is open since 2026-01-09T00:00:00Z" in ledger
    assert "no hash: everything is sent at the next start" in ledger
    assert "blocked: A_CODE · a cause" in ledger
    assert "data kept 7 days from 2026-01-02T03:04:05" in ledger
    assert "removal announced 2026-01-08T03:04:05" in ledger


@pytest.mark.usefixtures("inside")
async def test_who_names_no_stack_is_told_how(database: Database) -> None:
    assert database.tenant_id
    with pytest.raises(errors.Terminal) as caught:
        await explain.gather("nobody")
    assert caught.value.code == "STACK_UNKNOWN"


async def test_explaining_without_settings_is_a_matter_of_configuration() -> None:
    done = await cloudfreedom({"POCKETBASE_URL": "http://127.0.0.1:9"}, "explain", "x")
    assert (done.code, done.err.split()[1]) == (Exit.CONFIGURATION, "CONFIGURATION:"), done.text
