"""The watch beside a real Docker engine."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex

import anyio
import pytest

from listener.dockerwatch import watch
from listener.dockerwatch.containers import PROJECT, SERVICE
from listener.dockerwatch.engine import Engine
from listener.sandbox import child
from tests.alerts.conftest import Receiver, receiver
from tests.cli.commands import environment
from tests.docker_host import IMAGE, SECONDS, DockerHost
from tests.dockerwatch import wire as wires
from tests.faults import stage as stages

__all__ = ["receiver"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
SMALL = ("--memory", "16m", "--memory-swap", "16m")
ALWAYS = ("--restart", "unless-stopped")
HUNGRY = "tail /dev/zero"
TOLD_TO_STOP = "trap 'exit 0' TERM; sleep 1000 & wait"


@pytest.fixture
def limited(docker_host: DockerHost) -> DockerHost:
    """A host that can limit memory."""
    if docker_host.run("info", "--format", "{{.MemoryLimit}}").stdout.strip() != "true":
        pytest.skip("no memory controller is given to this container")
    return docker_host


@asynccontextmanager
async def watching(socket: Path, file: Path) -> AsyncIterator[None]:
    """The watch runs, as a process that starts would."""
    engine = Engine(socket)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.Watch(engine, file).run)
        yield
        tasks.cancel_scope.cancel()
    await engine.close()


async def told(file: Path, project: str, **wanted: str) -> dict[str, str]:
    """What is told of the project, by `kind of alert`_`compose service`, once it matches these."""
    found: dict[str, str] = {}
    with anyio.move_on_after(SECONDS):
        while True:
            report = watch.read(file)
            seen = [one for one in report.observations if one.service_uuid == project] if report else []
            found = {f"{one.kind}_{one.text.split()[0]}": one.text for one in seen}
            assert len(found) == len(seen)
            if all(re.search(text, found.get(name, "")) for name, text in wanted.items()):
                return found
            await anyio.sleep(0.05)
    pytest.fail(f"{found} lacks {wanted}")


async def docker(host: DockerHost, *words: str) -> str:
    """What it said; meanwhile the watch goes on."""
    return (await anyio.to_thread.run_sync(lambda: host.run(*words))).stdout


async def begin(host: DockerHost, project: str, service: str, script: str, *options: str) -> str:
    """A container runs."""
    return await anyio.to_thread.run_sync(host.begin, service, project, script, *options)


async def _lived(host: DockerHost, project: str, neighbour: str) -> None:
    """Each way to end that there is."""
    await begin(host, project, "bot", HUNGRY, *SMALL, *ALWAYS)
    await begin(host, neighbour, "loop", "exit 3", *ALWAYS)
    stopped = await begin(host, project, "web", TOLD_TO_STOP, *ALWAYS)
    deaf = await begin(host, project, "deaf", "trap '' TERM; while :; do sleep 1; done", *ALWAYS)
    worker = await begin(host, project, "worker", f"{HUNGRY}; {TOLD_TO_STOP}", *SMALL, *ALWAYS)
    await begin(host, project, "job", "exit 0")
    await docker(host, "run", "--detach", "--network", "none", *SMALL, IMAGE, "tail", "/dev/zero")
    while not any(one["Actor"]["ID"] == worker for one in host.events("oom")):
        await anyio.sleep(0.1)
    for one in (stopped, deaf):
        await docker(host, "stop", "--time", "1", one)
    assert host.inspect(deaf)["State"]["ExitCode"] == 137
    await anyio.sleep(11.0)  # an end so soon after a kill would be for want of memory
    await docker(host, "stop", worker)
    assert (host.inspect(worker)["State"]["ExitCode"], host.inspect(worker)["State"]["OOMKilled"]) == (
        0,
        True,
    )


async def _counted(host: DockerHost, project: str, folder: Path) -> None:
    """A watch that starts now counts every end that Docker remembers, once."""
    label = f"label={PROJECT}={project}"
    words = ("ps", "--all", "--quiet", "--filter", label, "--filter", f"label={SERVICE}=bot")
    name = (await docker(host, *words)).strip()
    while host.run("update", "--restart", "no", name, check=False).returncode:
        await anyio.sleep(0.1)  # refused between two of its lives
    while host.inspect(name)["State"]["Status"] != "exited":
        await anyio.sleep(0.2)
    count = sum(one["Actor"]["ID"].startswith(name) for one in host.events("die"))
    async with watching(host.socket, folder / "again.json"):
        await told(
            folder / "again.json", project, oom_bot=rf", {count} ×", crash_loop_bot=rf"ended {count} times"
        )


async def test_kills_and_loops_are_told_by_stack_and_stops_are_not(
    limited: DockerHost, tmp_path: Path
) -> None:
    """Also a kill whose container runs again, and none that was survived. It asks, and nothing else."""
    file, project, neighbour = tmp_path / "containers.json", token_hex(12), token_hex(12)
    async with wires.tapped(limited.folder, limited.socket) as wire, watching(wire.socket, file):
        await _lived(limited, project, neighbour)
        mine = await told(file, project, oom_bot="ran out of memory", crash_loop_bot="last with 137")
        other = await told(file, neighbour, crash_loop_loop="last with 3")
    assert (set(mine), set(other)) == ({"oom_bot", "crash_loop_bot"}, {"crash_loop_loop"})
    version = limited.run("version", "--format", "{{.Server.APIVersion}}").stdout.strip()
    assert wire.asked == {"GET /_ping", f"GET /v{version}/events"}
    await _counted(limited, project, tmp_path)


async def test_over_a_restart_of_docker_nothing_is_lost_or_told_twice(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    """Docker's memory of events ends with it, the watch's does not."""
    file, project = tmp_path / "containers.json", token_hex(12)
    async with watching(docker_host.socket, file):
        await begin(docker_host, project, "bot", "trap 'exit 3' TERM; sleep 1000 & wait", *ALWAYS)
        for code in (1, 2):
            await begin(docker_host, project, "bot", f"exit {code}")
        await anyio.to_thread.run_sync(docker_host.stop)
        await told(file, project, crash_loop_bot="ended 3 times within ten minutes, last with 3")
        docker_host.start()
        await begin(docker_host, project, "bot", "exit 4")
        await told(file, project, crash_loop_bot="ended 4 times within ten minutes, last with 4")
    codes = [one["Actor"]["Attributes"]["exitCode"] for one in docker_host.events("die")]
    assert codes == ["4"]


async def test_a_real_kill_reaches_a_person(limited: DockerHost, receiver: Receiver, tmp_path: Path) -> None:
    """From the container over the command and its file to the alert that names the stack."""
    file = tmp_path / "containers.json"
    command = [sys.executable, "-m", "listener.cli.main", "dockerwatch", "--file", str(file)]
    async with stages.opened(tmp_path / "world", daemon=False) as stage:
        stage.world.env |= {"ALERT_URLS": receiver.url, "LISTENER_DOCKER_FILE": str(file)}
        await stage.world.start_daemon()
        stacks = await stage.create(2)
        await stage.until_shown(stacks, "running")
        with (tmp_path / "log").open("wb") as log:
            watcher = await child.spawn(
                [*command, "--socket", str(limited.socket)], output=log, env=environment({})
            )
        try:
            service = await stage.service(stacks[1])
            await begin(limited, service["uuid"], "telegram-bot", HUNGRY, *SMALL)
            with anyio.fail_after(SECONDS):
                while ("oom", "raised") not in receiver.told():
                    await anyio.sleep(0.1)
        finally:
            await child.terminate(watcher)
    (alert,) = receiver.got[0]["alerts"]
    assert alert["stack_id"] == stacks[1]
    assert alert["text"].startswith("telegram-bot ran out of memory within the hour, 1 ×")
