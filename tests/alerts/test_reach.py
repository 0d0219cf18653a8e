"""From what goes wrong to the person who is told: once, whatever breaks on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from listener.cli.exits import Exit
from listener.dockerwatch import containers, watch
from listener.sandbox import people
from listener.secrets import sealing
from tests.alerts.conftest import Receiver
from tests.cli.commands import cloudfreedom
from tests.faults import stage as stages
from tests.faults.stage import Stage
from tests.fixtures import Database


async def _until(receiver: Receiver, *told: tuple[str, str]) -> None:
    with anyio.move_on_after(40.0):
        while not set(told) <= set(receiver.told()):
            await anyio.sleep(0.1)
    assert set(told) <= set(receiver.told()), receiver.told()


async def _deaf_and_killed(stage: Stage, receiver: Receiver) -> None:
    """A server is lost while nobody accepts an alert, and the daemon is killed before anybody does."""
    receiver.status = 500
    await stage.knob(reachable=False)
    await stage.until_logged("alert.not_delivered")
    await stage.world.kill_daemon()
    receiver.status = 204
    await stage.world.start_daemon()
    await _until(receiver, ("server", "raised"))


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_what_goes_wrong_reaches_a_person_once_and_so_does_its_end(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with stages.opened(tmp_path / "world", daemon=False) as stage:
        world = stage.world
        world.env |= {"ALERT_URLS": receiver.url, "ALERT_HEARTBEAT_URL": receiver.url}
        env = {**world.env, "POCKETBASE_URL": world.pocketbase.url}
        await world.start_daemon()
        (stack,) = await stage.create(1)
        await stage.until_shown([stack], "running")
        (service,) = await stage.services()
        assert receiver.told() == []

        await people.ask(stage.standin, "POST", "/_standin/hand", {"do": "delete", "uuid": service["uuid"]})
        await _until(receiver, ("blocked", "raised"))
        (row,) = await stage.rows("stack_alerts")
        assert (row["kind"], row["stack_id"], row["cleared"]) == ("blocked", stack, "")
        assert row["title"].endswith(" is blocked until a person decides")
        acked = await cloudfreedom(env, "alerts", "ack", row["id"])
        assert acked.code == Exit.DONE, acked.text

        await _deaf_and_killed(stage, receiver)
        await stage.knob(reachable=True)
        made = await cloudfreedom(env, "recreate", stack, "--yes")
        assert made.code == Exit.DONE, made.text
        await _until(receiver, ("server", "cleared"), ("blocked", "cleared"))
        assert sorted(receiver.told()) == [
            ("blocked", "cleared"),
            ("blocked", "raised"),
            ("server", "cleared"),
            ("server", "raised"),
        ]
        listed = await cloudfreedom(env, "alerts", "list", "--all", "--json")
        (blocked,) = [one for one in json.loads(listed.out) if one["kind"] == "blocked"]
        assert (bool(blocked["cleared"]), bool(blocked["told"]), bool(blocked["acked_by"])) == (True,) * 3
        assert blocked["fix"].startswith(f"`cloudfreedom explain {stack}`"), blocked
        assert receiver.asked > 4


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_silence_keeps_an_alert_from_people_until_it_ends(tmp_path: Path, receiver: Receiver) -> None:
    async with stages.opened(tmp_path / "world", daemon=False) as stage:
        world = stage.world
        world.env |= {"ALERT_URLS": receiver.url}
        env = {**world.env, "POCKETBASE_URL": world.pocketbase.url}
        seen = tmp_path / "containers.json"
        world.env["LISTENER_DOCKER_FILE"] = str(seen)
        await world.start_daemon()
        (stack,) = await stage.create(1)
        await stage.until_shown([stack], "running")
        (service,) = await stage.services()
        ended = containers.Ends()
        ended.kill(service["uuid"], "bot", datetime.now(UTC))
        ended.add(service["uuid"], "bot", containers.End(datetime.now(UTC), 137))
        watch.write(ended.report(datetime.now(UTC)), seen)
        await _until(receiver, ("oom", "raised"))
        (told,) = receiver.got[0]["alerts"]
        assert (told["stack_id"], "bot ran out of memory" in told["text"]) == (stack, True)
        silenced = await cloudfreedom(
            env, "alerts", "silence", "--kind", "server", "--for", "2h", "--reason", "maintenance"
        )
        assert silenced.code == Exit.DONE, silenced.text
        await stage.knob(reachable=False)
        with anyio.fail_after(20.0):
            while len(await stage.rows("stack_alerts")) < 2:
                await anyio.sleep(0.2)
        await anyio.sleep(3.0)
        assert receiver.told() == [("oom", "raised")]
        over = await cloudfreedom(env, "alerts", "unsilence")
        assert over.out == "1 silence ended.\n"
        await _until(receiver, ("server", "raised"))


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_people_are_told_that_pocketbase_is_away_while_it_is(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with stages.opened(tmp_path / "world", daemon=False) as stage:
        stage.world.env |= {"ALERT_URLS": receiver.url}
        await stage.world.start_daemon()
        await stage.world.pocketbase.kill()
        await _until(receiver, ("pocketbase", "raised"))
        await stage.world.pocketbase.start()
        await _until(receiver, ("pocketbase", "cleared"))
        assert receiver.told() == [("pocketbase", "raised"), ("pocketbase", "cleared")]
        rows = await stage.rows("stack_alerts")
        assert [row["kind"] for row in rows] == ["pocketbase"]


async def test_a_test_shows_which_address_accepts_and_without_any_says_so(
    receiver: Receiver, database: Database
) -> None:
    alone = {
        "POCKETBASE_URL": database.url,
        "POCKETBASE_PASSWORD": database.password.get_secret_value(),
        "LISTENER_SECRETS_KEY": sealing.new_key(),
    }
    env = {**alone, "ALERT_URLS": f"{receiver.url}, http://127.0.0.1:9/secret-path"}
    done = await cloudfreedom(env, "alerts", "test")
    assert done.code == Exit.FAILED, done.text
    assert "http://127.0.0.1/…: accepted" in done.out
    assert "! http://127.0.0.1/…: ConnectError" in done.out
    assert "secret-path" not in done.text
    assert receiver.got[0]["alerts"][0]["kind"] == "test"
    nobody = await cloudfreedom(alone, "alerts", "test")
    assert "ALERT_URLS_MISSING" in nobody.err
