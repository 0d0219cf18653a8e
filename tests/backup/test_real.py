"""Copies of a volume that a real Docker made, under containers that really use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from listener.cli.exits import Exit
from listener.dockerwatch import disk
from listener.sandbox import people
from listener.sandbox import world as worlds
from listener.sandbox.standin import yamlish
from listener.sandbox.world import World
from tests.backup import conftest as stage
from tests.backup.test_restore import Place, place
from tests.cli.conftest import _few_authorities, world
from tests.compose.composer import Compose, compose
from tests.deployed import Deployed, stood_for
from tests.docker_host import SECONDS, DockerHost

__all__ = ["_few_authorities", "compose", "place", "world", "worlds"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
PYTHON = "/usr/bin/python3"
DATA = "/app/backend/data"
LIBRARIES = [f"{folder}:{folder}:ro" for folder in ("/usr", "/lib", "/lib64") if Path(folder).exists()]
"""This machine's, for a Python in the container: there is no registry."""
SERVICE = "openwebui"
SEEN = """
import sqlite3
db = sqlite3.connect("/app/backend/data/webui.db")
whole, = db.execute("PRAGMA integrity_check").fetchone()
tables, = db.execute("SELECT group_concat(name) FROM sqlite_master").fetchone()
print(whole, tables, *db.execute("SELECT count(*), max(n) FROM said").fetchone())
"""
LATER = f"""
import sqlite3
sqlite3.connect("{DATA}/webui.db").execute("CREATE TABLE later (n)")
"""


@pytest.fixture
def reachable(docker_host: DockerHost) -> Path:
    """Docker's own folder of volumes is where stacks have theirs."""
    return docker_host.volumes


async def deployed(place: Place, world: World, host: DockerHost, compose: Compose, uuid: str) -> Deployed:
    """The service as Coolify writes it to the host; its page is a program that inserts rows all the time."""
    headers = {"Authorization": f"Bearer {place.env['COOLIFY_TOKEN']}"}
    async with httpx.AsyncClient(base_url=world.coolify_url, headers=headers) as http:
        parsed = yamlish.load((await http.get(f"/api/v1/services/{uuid}")).json()["docker_compose"])
    writer = stage.WRITER.replace("print(n, flush=True)", "__import__('time').sleep(0.01)")
    page = [PYTHON, "-c", writer.replace("$", "$$"), f"{DATA}/webui.db", "1000"]
    made = stood_for(parsed, compose, **{SERVICE: page})
    made["services"][SERVICE]["volumes"] += LIBRARIES
    folder = host.folder / uuid
    folder.mkdir()
    return Deployed(host, compose, folder, uuid, made)


@asynccontextmanager
async def on_the_host(world: World, service: Deployed) -> AsyncIterator[None]:
    """The real containers do what the stand-in's are told to, well before Coolify shows it."""

    async def follow(http: httpx.AsyncClient) -> None:
        was = True
        while True:
            state = await people.ask(http, "GET", "/_standin/state")
            (now,) = [one["containers"][SERVICE] for one in state["services"] if one["uuid"] == service.uuid]
            if now != was:
                await anyio.to_thread.run_sync(service.up if now else service.down)
            was = now
            await anyio.sleep(0.1)

    async with httpx.AsyncClient(base_url=world.coolify_url, headers=world.standin.headers) as http:
        delay = (await people.ask(http, "GET", "/_standin/knobs"))["sync_delay"]
        await people.ask(http, "POST", "/_standin/knobs", {"sync_delay": 4.0})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow, http)
            yield
            tasks.cancel_scope.cancel()
        await people.ask(http, "POST", "/_standin/knobs", {"sync_delay": delay})


def python(service: Deployed, script: str) -> list[str]:
    """The words that it printed in the container."""
    return service.host.run("exec", service.container(SERVICE), PYTHON, "-c", script).stdout.split()


async def until_rows(service: Deployed, more_than: int) -> int:
    """The highest, once so many were inserted."""
    with anyio.fail_after(SECONDS):
        while True:
            try:
                if (highest := int(python(service, SEEN)[3])) > more_than:
                    return highest
            except AssertionError:  # no table yet
                pass
            await anyio.sleep(0.2)


async def test_a_volume_of_docker_is_copied_under_its_container_and_restored_into_it(
    place: Place, world: World, docker_host: DockerHost, compose: Compose
) -> None:
    chat, uuid = await place.ordered("chat")
    service = await deployed(place, world, docker_host, compose, uuid)
    service.up()
    volume = docker_host.inspect(f"{uuid}_data")
    assert (volume["Labels"]["com.docker.compose.project"], volume["Driver"]) == (uuid, "local")
    folder = Path(volume["Mountpoint"]).parent
    assert folder == docker_host.volumes / f"{uuid}_data"
    assert set(disk.measure(docker_host.volumes).volumes) == {f"{uuid}_data"}

    service.inside(SERVICE, f"mkdir {DATA}/uploads && echo before >{DATA}/uploads/1.txt")
    before = await until_rows(service, 20)
    running = docker_host.inspect(service.container(SERVICE))["State"]["StartedAt"]
    made = await place.backup("run", chat)
    assert made.code == Exit.DONE, made.text
    assert docker_host.inspect(service.container(SERVICE))["State"]["StartedAt"] == running
    service.inside(SERVICE, f"rm -r {DATA}/uploads && echo after >{DATA}/later.txt")
    python(service, LATER)
    assert python(service, SEEN)[:2] == ["ok", "said,later"]

    async with on_the_host(world, service):
        done = await place.backup("restore", chat, "--yes", "--timeout", "90")
        assert done.code == Exit.DONE, done.text
    assert service.inside(SERVICE, f"cat {DATA}/uploads/1.txt; ls {DATA}").split()[:2] == [
        "before",
        "uploads",
    ]
    assert "later.txt" not in service.inside(SERVICE, f"ls {DATA}")
    assert service.inside(SERVICE, f"stat -c %u:%g {DATA} {DATA}/webui.db").split() == ["1000:1000"] * 2
    whole, tables, count, highest = python(service, SEEN)
    assert (whole, tables, count) == ("ok", "said", highest)
    assert int(highest) >= before
    assert [path.name for path in folder.iterdir()] == ["_data"]
    service.down()
    docker_host.run("volume", "rm", f"{uuid}_data")
    assert not folder.exists()
