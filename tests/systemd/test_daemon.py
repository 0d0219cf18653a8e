"""The daemon under a supervisor: secrets from files, and what it tells over the notify socket."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from listener.sandbox import people, world
from tests.systemd import endless, unit
from tests.systemd.supervisor import DAEMON, WATCHDOG_SECONDS, supervisor


@pytest.mark.parametrize(
    "abstract", [pytest.param(False, id="path"), pytest.param(True, id="abstract", marks=pytest.mark.long)]
)
async def test_a_supervisor_hears_the_whole_life_of_a_daemon_with_secrets_in_files(
    tmp_path: Path, abstract: bool
) -> None:
    async with supervisor(tmp_path, abstract=abstract) as one:
        await one.start()
        await one.until_ready()
        await one.until_told("WATCHDOG=1", times=3)
        lines = one.lines()
        assert "not swept yet" in lines[1]
        assert lines.index("READY=1") < next(i for i, line in enumerate(lines) if " swept 0 s ago" in line)
        pings = [told.at for told in one.told if "WATCHDOG=1" in told.lines]
        assert max(later - earlier for earlier, later in pairwise(pings)) < WATCHDOG_SECONDS
        await one.until_told("STATUS=leader, fence ")
        assert any(line.startswith("STATUS=leader") and line.endswith("ready") for line in one.lines())
        assert await one.stop() == 0
        await one.until_told("STOPPING=1")
        assert one.told[-1].lines[0] == "STOPPING=1"
        assert {told.pid for told in one.told} == {one.daemon.pid if one.daemon else 0}


@pytest.mark.long
async def test_a_standby_is_as_ready_as_the_leader(tmp_path: Path) -> None:
    async with supervisor(tmp_path) as one:
        await one.world.start_daemon()
        http, state = f"127.0.0.1:{world.free_port()}", str(tmp_path / "state")
        await one.start(LISTENER_HTTP=http, LISTENER_STATE_DIR=state)
        await one.until_told("READY=1")
        await one.until_told("STATUS=standby, fence ", times=2)
        assert one.lines()[-1].endswith(" ready")
        await one.world.stop_daemon()
        await one.until_told("STATUS=leader")
        assert one.lines().count("READY=1") == 1
        assert await one.stop() == 0


@pytest.mark.long
async def test_a_daemon_says_what_it_waits_for_until_both_upstreams_were_reached(tmp_path: Path) -> None:
    """So systemd must not limit the time of a start, and its watchdog is not armed yet."""
    async with supervisor(tmp_path) as one:
        await one.start(COOLIFY_URL=f"http://127.0.0.1:{world.free_port()}")
        await one.until_told("STATUS=waits for an upstream, COOLIFY_", times=2)
        assert {line.partition("=")[0] for line in one.lines()} == {"STATUS"}
        await one.stop()


@pytest.mark.long
async def test_a_worker_that_freezes_ends_the_pings_and_the_abort_names_the_place(tmp_path: Path) -> None:
    """It freezes in a template that never ends, for this one stack; the unit sets PYTHONFAULTHANDLER."""
    async with supervisor(tmp_path) as one:
        await one.start(TEMPLATES_DIR=str(endless.templates(tmp_path)), PYTHONFAULTHANDLER="1")
        await one.until_ready()
        await one.until_told("WATCHDOG=1", times=2)
        async with people.owner(one.world.admin, one.world.pocketbase.url) as owner:
            await owner.create_stack(endless.NAME)
        await anyio.sleep(2)
        one.listen()
        frozen = len(one.told)
        await anyio.sleep(2 * WATCHDOG_SECONDS)
        assert one.lines().count("WATCHDOG=1") >= 2
        assert len(one.told) == frozen
        assert await one.stop(signal.SIGABRT) == -signal.SIGABRT
        await one.until_logged("listener/engine/worker.py")


@pytest.mark.long
async def test_a_reload_begins_anew_in_the_same_process_with_the_templates_as_they_are(
    tmp_path: Path,
) -> None:
    async with supervisor(tmp_path) as one:
        folder = endless.templates(tmp_path)
        await one.start(TEMPLATES_DIR=str(folder))
        await one.until_told("READY=1")
        one.tell(signal.SIGHUP)
        await one.until_told("READY=1", times=2)
        manifest = folder / "telegram-bot" / "template.yaml"
        manifest.write_text(f"nonsense: true\n{manifest.read_text()}")
        one.tell(signal.SIGHUP)
        await one.until_told("STATUS=leader, fence ", times=3)
        await one.until_logged('"event": "reload.refused"')
        assert any(line.endswith("reload refused: TEMPLATE_BROKEN") for line in one.lines())
        assert one.lines().count("RELOADING=1") == 2
        assert one.lines().count("READY=1") == 3
        assert "STOPPING=1" not in one.lines()
        assert one.world.log.read_text().count('"event": "lease.taken"') == 2
        assert {told.pid for told in one.told} == {one.daemon.pid if one.daemon else 0}
        assert await one.stop() == 0
        await one.start(TEMPLATES_DIR=str(folder))
        await one.until_told("READY=1", times=4)
        await one.until_logged('"event": "template.broken"')
        assert await one.stop() == 0


async def test_a_proxys_404_in_the_place_of_coolify_is_waited_for(tmp_path: Path) -> None:
    async with supervisor(tmp_path) as one:
        fault = {"method": "GET", "path": "/teams/current", "reply": 404}
        await people.ask(one.world.standin, "POST", "/_standin/faults", fault)
        await one.start()
        await one.until_logged("upstream.awaited")
        await one.until_ready()
        assert await one.stop() == 0


@pytest.mark.long
async def test_the_daemon_works_within_the_units_filter(tmp_path: Path) -> None:
    """Same system calls, address families and memory rules as under systemd; a stack comes to run."""
    allowed = tmp_path / "allowed"
    allowed.write_text("\n".join(sorted(_allowed())))
    async with supervisor(tmp_path) as one:
        await one.start(command=[sys.executable, "-m", "tests.systemd.confined", str(allowed), *DAEMON])
        await one.until_ready()
        async with people.owner(one.world.admin, one.world.pocketbase.url) as owner:
            record = await owner.create_stack("cf-telegrambot-acme-1234")
            await one.until_logged('"reason": "started"')
            row = await people.ask(owner.http, "GET", f"/api/collections/agent_stacks/records/{record}")
        assert row["coolify_service_uuid"]
        assert await one.stop() == 0


def _allowed() -> set[str]:
    """The system calls that the unit's `SystemCallFilter` leaves."""
    allowed: set[str] = set()
    for value in unit.settings()["SystemCallFilter"]:
        named = {call for name in value.lstrip("~").split() for call in _members(name)}
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = [unit.analyzer(), "syscall-filter", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    listed = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {call for entry in listed for call in _members(entry)}
