"""The listener as a whole on the command line: paused, its audit, and its decisions made once more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest
import pytest_asyncio

from listener import errors
from listener.cli import pausing
from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures
from tests.cli.commands import PLANTED, cloudfreedom, environment, together
from tests.cli.test_world import records, running

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


@pytest.mark.long
async def test_a_paused_listener_does_nothing_until_it_is_unpaused(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "paused")

    async def shows() -> str:
        (row,) = await records(admin, "agent_stacks", f"id='{record_id}'")
        return str(row["status"])

    began = await cloudfreedom(world.env, "pause", "--reason", "the host moves", "--until", "30m")
    try:
        assert began.code == Exit.DONE, began.text
        await anyio.sleep(1.5)
        wished, told = await together(world.env, "suspend paused/bot --yes", "status")
        assert wished.code == Exit.DONE
        assert "the host moves" in told.out
        assert "does nothing: paused" in told.out
        stopped = await cloudfreedom(world.env, "suspend", "--now", record_id, "--yes")
        assert "The listener is paused" in stopped.out
        assert "docker stop" in stopped.out
        await anyio.sleep(1.5)
        assert await shows() == "running"
    finally:
        ended, again = await cloudfreedom(world.env, "unpause"), await cloudfreedom(world.env, "unpause")
    assert (ended.out, again.out) == (
        "Not paused any more: what was withheld is done now.\n",
        "There was no pause.\n",
    )
    with anyio.fail_after(20):
        while await shows() != "suspended":
            await anyio.sleep(0.2)
    audit = await cloudfreedom(world.env, "operations", "--verb", "listener", "--json")
    assert [one["verb"] for one in json.loads(audit.out)][-2:] == ["listener.pause", "listener.unpause"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30m", NOW + timedelta(minutes=30)),
        ("2d", NOW + timedelta(days=2)),
        ("2030-01-01T14:00", datetime(2030, 1, 1, 13, tzinfo=UTC)),
        ("2030-01-01T14:00+00:00", datetime(2030, 1, 1, 14, tzinfo=UTC)),
    ],
)
def test_a_pause_ends_after_a_span_or_at_a_time_of_the_sites_zone(text: str, found: datetime) -> None:
    assert pausing.moment(text, NOW, BERLIN) == found


@pytest.mark.parametrize("text", ["soon", "8d", "0m", "2029-12-31T12:00", "2030-02-01T12:00", "", "-1h"])
def test_a_pause_without_a_sensible_end_is_refused(text: str) -> None:
    with pytest.raises(errors.Terminal) as caught:
        pausing.moment(text, NOW, BERLIN)
    assert caught.value.code == "UNTIL_UNFIT"


@pytest.mark.long
async def test_the_audit_is_filtered_by_what_is_asked_for(world: World, admin: httpx.AsyncClient) -> None:
    record_id = await running(admin, "audited")
    table, by_tenant, by_verb, gone, odd = await together(
        world.env,
        f"operations --stack {record_id}",
        "operations --tenant audited --by listener --since 1h --json",
        "operations --stack audited/bot --verb service.create --outcome done --json",
        "operations --stack nobody",
        "operations --since yesterday",
    )
    assert table.out.splitlines()[0].split() == ["AT", "STACK", "VERB", "OUTCOME", "BY", "REASON"]
    assert "audited/bot" in table.out
    listed = json.loads(by_tenant.out)
    assert {one["by"] for one in listed} == {"listener"}
    assert {one["stack_id"] for one in listed} <= {record_id, ""}
    (created,) = json.loads(by_verb.out)
    assert (created["verb"], created["stack_id"]) == ("service.create", record_id)
    assert (gone.code, odd.code) == (Exit.FAILED, Exit.REFUSED)
    assert "SPAN_UNKNOWN" in odd.err


@pytest.mark.long
async def test_kept_decisions_come_out_alike_and_hold_no_secret(
    world: World, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    record_id = await running(admin, "replayed")
    kept = Path(world.env["LISTENER_STATE_DIR"]) / "decisions.jsonl"
    with anyio.fail_after(10):
        while not kept.exists() or not any(
            record_id in line and '"reason":"running"' in line for line in kept.read_text().splitlines()
        ):
            await anyio.sleep(0.2)
    text = kept.read_text()
    assert [word for word in PLANTED if word in text] == []
    done, explained = await together(world.env, "replay", f"explain {record_id}")
    assert done.code == Exit.DONE, done.text
    assert "0 changed" in done.out
    assert "rule running: Running." in explained.out
    assert "desired running, telegram-bot" in explained.out
    lines = [json.loads(line) for line in text.splitlines()]
    mine = [line for line in lines if line["stack"] == record_id]
    assert all(line["is_replayable"] for line in mine)
    mine[0]["decided"] = ["reason other"]
    changed = tmp_path / "decisions.jsonl"
    changed.write_text("".join(f"{json.dumps(line)}\n" for line in mine))
    again = await cloudfreedom(world.env, "replay", "--file", str(changed))
    assert again.code == Exit.FAILED, again.text
    assert "was  reason other" in again.out
    nothing = await cloudfreedom(world.env, "replay", "--stack", "nobody")
    assert "DECISIONS_NONE" in nothing.err


@pytest.mark.usefixtures("_interruptible")
def test_a_watched_status_prints_what_is_new_and_ends_with_ctrl_c(world: World) -> None:
    command = [sys.executable, "-m", "listener.cli.main", "status", "--watch"]
    with subprocess.Popen(
        command, env=environment(world.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(2)
        assert process.wait(timeout=10) == Exit.INTERRUPTED
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert "leads=True" in first


@pytest.mark.long
async def test_a_shell_offers_the_names_of_stacks_and_nothing_when_it_cannot_know_them(
    world: World, admin: httpx.AsyncClient
) -> None:
    await running(admin, "offered")

    async def offers(env: dict[str, str]) -> list[str]:
        asked = {
            "_CLOUDFREEDOM_COMPLETE": "complete_bash",
            "COMP_WORDS": "cloudfreedom explain offe",
            "COMP_CWORD": "2",
        }
        command = [str(Path(sys.executable).with_name("cloudfreedom"))]
        done = await anyio.run_process(command, env=environment({**env, **asked}), check=False)
        assert done.stderr == b""
        return done.stdout.decode().split()

    assert await offers(world.env) == ["offered/bot"]
    assert await offers({**world.env, "POCKETBASE_URL": "http://127.0.0.1:9"}) == []
    assert await offers({}) == []
