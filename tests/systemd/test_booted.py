"""Installed and run by systemd itself: what the unit demands is what the process has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from listener.sandbox import people, world
from tests.systemd import booted, endless, unit
from tests.systemd.booted import Booted

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(540),
    pytest.mark.skipif(bool(why := booted.missing()), reason=why),
]
SECRETS = ("pocketbase_password", "coolify_token", "listener_secrets_key")
CREDENTIALS = "/etc/cloudfreedom/credentials"


@dataclass(frozen=True, slots=True)
class Host:
    """A machine on which the listener is installed, and the upstreams it speaks with."""

    machine: Booted
    world: world.World

    async def systemctl(self, *words: str) -> None:
        """systemd did it."""
        await self.machine.run("systemctl", *words)

    async def pid(self) -> int:
        """The daemon, by its number there."""
        return int(await self.machine.shows("MainPID"))

    async def installed(self) -> str:
        """The release that is started from now on."""
        return (await self.machine.run("readlink", "/opt/cloudfreedom/venv")).strip()

    async def started(self) -> str:
        """The release of which the daemon is."""
        program = (await self.machine.run("cat", f"/proc/{await self.pid()}/cmdline")).partition("\0")[0]
        return "/".join(Path(program).parts[-4:-2])


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """Installed with `systemd/install`, settings and secrets in their places, not started."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(world.running(tmp_path / "world", daemon=False))
        machine = await stack.enter_async_context(booted.booted(tmp_path))
        await machine.run("systemd/install", PYTHON=booted.PYTHON)
        settings = {name: value for name, value in sandbox.env.items() if name.lower() not in SECRETS}
        settings.pop("LISTENER_STATE_DIR")
        settings["COOLIFY_URL"] = sandbox.coolify_url.replace("127.0.0.1", "localhost")
        settings["TEMPLATES_DIR"] = "/etc/cloudfreedom/templates"
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        await machine.write("/etc/cloudfreedom/listener.env", text)
        for name in SECRETS:
            await machine.write(f"{CREDENTIALS}/{name}", sandbox.env[name.upper()])
        templates = endless.templates(tmp_path)
        for path in templates.rglob("*"):
            if path.is_file():
                there = f"/etc/cloudfreedom/templates/{path.relative_to(templates)}"
                await machine.write(there, path.read_text(), mode="644")
        yield Host(machine, sandbox)


async def test_a_whole_life_under_systemd(host: Host) -> None:
    machine = host.machine
    await host.systemctl("start", booted.UNIT)
    assert await machine.shows("ActiveState") == "active"
    assert (await machine.shows("StatusText")).startswith("leader, fence ")
    await _is_confined(host)
    await _measures_the_disk(machine)

    async with people.owner(host.world.admin, host.world.pocketbase.url) as owner:
        record = await owner.create_stack("bot")
        await machine.until_logged('"reason": "create"')
        assert record in await machine.run("cloudfreedom", "list", "--json")

    server = host.world.pocketbase
    password = server.superuser_password.get_secret_value()
    await machine.write(f"{CREDENTIALS}/pocketbase_superuser_password", password)
    name = f"POCKETBASE_SUPERUSER_EMAIL={server.superuser_email}"
    await machine.run("env", name, "cloudfreedom", "schema", "diff", "--detailed-exitcode")

    first = await host.pid()
    await host.systemctl("reload", booted.UNIT)
    await machine.until_logged('"event": "lease.taken"', times=2)
    await machine.until_shown("SubState", "running")
    assert (await host.pid(), await machine.shows("NRestarts")) == (first, "0")

    await host.systemctl("stop", booted.UNIT)
    assert await machine.shows("Result") == "success"
    assert '"event": "lease.released"' in await machine.journal()


async def _is_confined(host: Host) -> None:
    """User, rights, files and secrets are what the unit says."""
    machine, pid = host.machine, await host.pid()
    lines = (await machine.run("cat", f"/proc/{pid}/status")).splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert 61184 <= int(status["Uid"][0]) <= 65519
    assert (status["CapEff"], status["NoNewPrivs"], status["Seccomp"]) == (["0000000000000000"], ["1"], ["2"])
    within = ("nsenter", "-t", str(pid), "-m", "--")
    given = await machine.run(*within, "ls", "-ln", f"/run/credentials/{booted.UNIT}.service")
    names = [line.split() for line in given.splitlines()[1:]]
    assert {words[-1] for words in names} == set(unit.credentials())
    assert {(words[0], words[2]) for words in names} == {("-r--------", status["Uid"][0])}
    assert "Read-only" in await machine.run(*within, "touch", "/etc/cloudfreedom/x", check=False)
    assert (await machine.run(*within, "ls", "/root", "/home")).split() == ["/home:", "/root:"]
    kept = await machine.run("stat", "-c", "%a %u", "/var/lib/cloudfreedom/", "/var/lib/cloudfreedom/lock")
    assert kept.split() == ["700", status["Uid"][0], "600", status["Uid"][0]]


async def _measures_the_disk(machine: Booted) -> None:
    """Root's unit sees into a volume that is somebody else's, and the daemon may read what it says."""
    volume = "/var/lib/docker/volumes/abc_data"
    await machine.run("install", "-d", "-m", "710", "/var/lib/docker", "/var/lib/docker/volumes")
    await machine.run("install", "-d", "-m", "700", "-o", "1000", volume, f"{volume}/_data")
    await machine.run("dd", "if=/dev/urandom", f"of={volume}/_data/file", "bs=1M", "count=3")
    await machine.run("systemctl", "start", "cloudfreedom-disk.service")
    within = ("nsenter", "-t", await machine.shows("MainPID"), "-m", "--")
    told = json.loads(await machine.run(*within, "cat", "/run/cloudfreedom/disk.json"))
    assert told["volumes"] == {"abc_data": 3}
    assert (await machine.run("stat", "-c", "%a", "/run/cloudfreedom/disk.json")).strip() == "644"


async def test_a_reload_may_wait_longer_for_an_upstream_than_the_watchdog(host: Host) -> None:
    machine, standin = host.machine, host.world.standin
    await _with_watchdog(host, seconds=6)
    await host.systemctl("start", booted.UNIT)
    fault = {"path": "/teams/current", "reply": 404, "times": 999}
    await people.ask(standin, "POST", "/_standin/faults", fault)
    await host.systemctl("reload", "--no-block", booted.UNIT)
    await machine.until_shown("StatusText", "waits for an upstream, COOLIFY_")
    await anyio.sleep(10)
    assert (await machine.shows("SubState"), await machine.shows("NRestarts")) == ("reload", "0")
    await people.ask(standin, "DELETE", "/_standin/faults")
    await machine.until_shown("StatusText", "leader, fence ")
    await anyio.sleep(8)
    assert (await machine.shows("SubState"), await machine.shows("NRestarts")) == ("running", "0")
    assert await machine.shows("WatchdogUSec") == "6s"


async def _with_watchdog(host: Host, *, seconds: int) -> None:
    text = f"[Service]\nWatchdogSec={seconds}\n"
    await host.machine.write(f"/etc/systemd/system/{booted.UNIT}.service.d/watchdog.conf", text)
    await host.systemctl("daemon-reload")


async def test_a_frozen_worker_is_ended_by_the_watchdog_and_begun_again(host: Host) -> None:
    machine = host.machine
    await _with_watchdog(host, seconds=6)
    await host.systemctl("start", booted.UNIT)
    async with people.owner(host.world.admin, host.world.pocketbase.url) as owner:
        record = await owner.create_stack(endless.NAME)
        await machine.until_logged("Watchdog timeout")
        await owner.change_stack(record, stack_name="finite")
        await machine.until_logged("Fatal Python error: Aborted")
        assert "listener/engine/worker.py" in await machine.journal()
        await machine.until_shown("SubState", "running")
        assert await machine.shows("NRestarts") == "1"
        await machine.until_logged('"reason": "create"')


async def test_a_missing_secret_is_told_and_taken_up_when_it_is_there(host: Host) -> None:
    machine = host.machine
    await machine.run("mv", f"{CREDENTIALS}/coolify_token", "/root/token")
    await host.systemctl("start", "--no-block", booted.UNIT)
    await machine.until_logged("COOLIFY_TOKEN: is not set")
    await machine.until_shown("ExecMainStatus", "78")
    await machine.run("mv", "/root/token", f"{CREDENTIALS}/coolify_token")
    await machine.until_shown("ActiveState", "active")


async def test_an_upgrade_stands_beside_what_runs_and_there_is_a_way_back(host: Host) -> None:
    machine, old = host.machine, await host.installed()
    await host.systemctl("start", booted.UNIT)
    await machine.run("chmod", "644", f"{CREDENTIALS}/coolify_token")
    await machine.run("systemd/install", PYTHON=booted.PYTHON)
    new = await host.installed()
    assert (await host.started(), new == old) == (old, False)
    assert (await machine.run("stat", "-c", "%a", f"{CREDENTIALS}/coolify_token")).strip() == "600"
    await host.systemctl("restart", booted.UNIT)
    assert await host.started() == new
    for release in (old, new):
        await machine.run("systemd/install", "--back")
        await host.systemctl("restart", booted.UNIT)
        assert await host.started() == release
    assert "leader" in await machine.shows("StatusText")
