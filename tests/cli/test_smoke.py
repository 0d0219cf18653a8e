"""The smoke test beside a running daemon: it walks, tells its times, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
import pytest_asyncio

from listener.cli.exits import Exit
from listener.compose.catalog import Catalog
from listener.sandbox import world as worlds
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import Done, cloudfreedom, environment
from tests.cli.test_alone import everything
from tests.cli.test_world import records
from tests.fixtures import Database
from tests.probe.authority import Authority
from tests.probe.traefik import Traefik, says, serving

SMOKE = ("smoke", "--timeout", "30", "--json")
ANY = "slug~'smoke-%'"


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


@asynccontextmanager
async def begun(world: World, until: bytes) -> AsyncIterator[anyio.abc.Process]:
    """A smoke test that runs, and has said this."""
    command = [sys.executable, "-m", "listener.cli.main", *SMOKE]
    env = environment(world.env)
    async with await anyio.open_process(command, env=env, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        said = b""
        with anyio.fail_after(20):
            while until not in said:
                said += await process.stderr.receive()
        yield process


async def told(process: anyio.abc.Process) -> Any:
    """What it printed as JSON when it had ended."""
    assert process.stdout is not None
    return json.loads(b"".join([part async for part in process.stdout]))


async def services(world: World) -> list[Any]:
    """Smoke tests' services that Coolify has."""
    async with fixtures.plain(world.coolify_url) as standin:
        state = (await standin.get("/_standin/state")).json()
    return [one for one in state["services"] if "smoke" in one["name"] and not one["deleted"]]


async def nothing_is_left(world: World, admin: httpx.AsyncClient) -> None:
    """No tenant, no stack, no service, nothing sealed, and no memory of a stack."""
    assert await records(admin, "tenants", ANY) == []
    with anyio.fail_after(20):
        while await services(world) or await records(admin, "listener_ledger", "id~'stack%'"):
            await anyio.sleep(0.2)
    assert await records(admin, "agent_stacks", "stack_name='smoke'") == []
    assert await records(admin, "stack_secrets", "stack_id~'stack%'") == []


@pytest.mark.long
@pytest.mark.parametrize("template", Catalog.load().slugs())
async def test_a_smoke_test_walks_every_phase_and_leaves_nothing(
    world: World, admin: httpx.AsyncClient, template: str
) -> None:
    done = await cloudfreedom(world.env, *SMOKE, "--template", template)
    assert done.code == Exit.DONE, done.text
    report = json.loads(done.out)
    phases = {one["phase"]: one for one in report["phases"]}
    assert list(phases) == ["provision", "route", "suspend", "resume", "update", "delete"]
    assert {one["outcome"] for name, one in phases.items() if name != "route"} == {"done"}
    assert phases["route"]["outcome"] == "not tried"
    assert phases["update"]["told"] == "MODEL set and sent"
    assert 0 < report["provision_seconds"] == phases["provision"]["seconds"] < 300
    assert (report["outcome"], report["error"]) == ("passed", None)
    assert [one["gone"] for one in report["cleaned"]] == [True]
    await nothing_is_left(world, admin)


@pytest.mark.long
@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_an_interrupted_one_cleans_up(
    world: World, admin: httpx.AsyncClient, number: signal.Signals
) -> None:
    async with begun(world, b"Waiting: deploying") as process:
        process.send_signal(number)
        report = await told(process)
        assert await process.wait() == Exit.INTERRUPTED
    assert report["outcome"] == "interrupted"
    assert [(one["phase"], one["told"]) for one in report["phases"]] == [("provision", "interrupted")]
    assert [one["gone"] for one in report["cleaned"]] == [True]
    await nothing_is_left(world, admin)


@pytest.mark.long
@pytest.mark.usefixtures("_interruptible")
async def test_a_second_signal_leaves_the_rest_to_the_next_one_and_says_so(
    world: World, admin: httpx.AsyncClient
) -> None:
    async with begun(world, b"Waiting: deploying") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = b""
        while b"Interrupted: cleaning up." not in said:
            said += await process.stderr.receive()
        process.send_signal(signal.SIGINT)
        report = await told(process)
        assert await process.wait() == Exit.INTERRUPTED
    (left,) = report["cleaned"]
    assert (left["gone"], "the next `cloudfreedom smoke` cleans it up" in left["told"]) == (False, True)
    assert [row["slug"] for row in await records(admin, "tenants", ANY)] == [report["tenant"]]
    done = await cloudfreedom(world.env, *SMOKE)
    assert json.loads(done.out)["cleaned"][0]["tenant"] == report["tenant"]
    await nothing_is_left(world, admin)


async def wishes(admin: httpx.AsyncClient, tenant_id: str) -> dict[str, str]:
    """Name to desired state of the tenant's stacks."""
    found = await records(admin, "agent_stacks", f"tenant_id='{tenant_id}'")
    return {row["stack_name"]: row["desired_state"] for row in found}


@pytest_asyncio.fixture
async def by_hand(admin: httpx.AsyncClient) -> AsyncIterator[str]:
    """The id of a tenant that only looks like one of smoke's."""
    made = await portal.tenant(admin, "smoke-test", name="Smoke test", type="internal")
    yield made
    assert (await admin.delete(f"/api/collections/tenants/records/{made}")).is_success, "it was touched"


@pytest.mark.long
async def test_what_a_killed_one_left_is_cleaned_by_the_next_and_nothing_else_is_touched(
    world: World, admin: httpx.AsyncClient, by_hand: str
) -> None:
    async with begun(world, b"provision ") as process:
        process.kill()
    (mixed,) = await records(admin, "tenants", f"{ANY} && id!='{by_hand}'")
    payload = portal.payload(mixed["id"], "base-llm", "theirs") | {"domain": "", "desired_state": "suspended"}
    theirs = await portal.add(admin, "agent_stacks", payload)
    before = await wishes(admin, mixed["id"])
    async with begun(world, b"Waiting: deploying") as process:
        process.kill()
    done = await cloudfreedom(world.env, *SMOKE)
    assert done.code == Exit.DONE, done.text
    cleaned = {one["tenant"]: one for one in json.loads(done.out)["cleaned"]}
    left = cleaned.pop(mixed["slug"])
    assert (left["gone"], left["told"].split(",")[0]) == (False, "it holds theirs")
    assert [one["gone"] for one in cleaned.values()] == [True, True]
    assert {row["id"] for row in await records(admin, "tenants", ANY)} == {by_hand, mixed["id"]}
    assert before.keys() == {"smoke", "theirs"}
    assert await wishes(admin, mixed["id"]) == before
    path = "/api/collections/agent_stacks/records"
    assert (await admin.delete(f"{path}/{theirs['id']}")).is_success
    assert (await cloudfreedom(world.env, *SMOKE)).code == Exit.DONE
    assert [row["id"] for row in await records(admin, "tenants", ANY)] == [by_hand]


@pytest.mark.long
async def test_two_at_once_do_not_disturb_each_other(world: World, admin: httpx.AsyncClient) -> None:
    done: list[Done] = []

    async def run() -> None:
        done.append(await cloudfreedom(world.env, *SMOKE, "--template", "telegram-bot"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        tasks.start_soon(run)
    assert [one.code for one in done] == [Exit.DONE, Exit.DONE], done
    assert len({json.loads(one.out)["tenant"] for one in done}) == 2
    assert [len(json.loads(one.out)["cleaned"]) for one in done] == [1, 1]
    await nothing_is_left(world, admin)


@pytest.mark.long
async def test_one_without_room_says_so_and_writes_nothing(world: World, admin: httpx.AsyncClient) -> None:
    with anyio.fail_after(20):
        while not (servers := await records(admin, "servers", "is_default=true")):
            await anyio.sleep(0.1)
    (server,) = servers
    path = f"/api/collections/servers/records/{server['id']}"
    assert (await admin.patch(path, json={"drain": True})).is_success
    try:
        before = await records(admin, "tenants", "id!=''")
        done = await cloudfreedom(world.env, *SMOKE)
        assert await records(admin, "tenants", "id!=''") == before
    finally:
        assert (await admin.patch(path, json={"drain": False})).is_success
    assert (done.code, "SMOKE_NOT_ADMITTED" in done.err) == (Exit.REFUSED, True), done.text
    report = json.loads(done.out)
    assert (report["outcome"], report["phases"], report["cleaned"]) == ("not admitted", [], [])
    unknown = await cloudfreedom(world.env, *SMOKE, "--tier", "gold")
    assert (unknown.code, "TIER_UNKNOWN" in unknown.err) == (Exit.REFUSED, True), unknown.text


@pytest.mark.long
async def test_one_that_fails_says_where_and_cleans_up(world: World, admin: httpx.AsyncClient) -> None:
    fault = {"method": "POST", "path": "^/services$", "times": 1, "reply": 422, "body": '{"message":"no"}'}
    async with fixtures.plain(world.coolify_url) as control:
        assert (await control.post("/_standin/faults", json=fault)).is_success
        done = await cloudfreedom(world.env, *SMOKE)
        await control.delete("/_standin/faults")
    assert (done.code, done.err.splitlines()[-2].split()[1]) == (Exit.FAILED, "SMOKE_FAILED:"), done.text
    report = json.loads(done.out)
    assert [(one["phase"], one["outcome"]) for one in report["phases"]] == [("provision", "failed")]
    assert "COOLIFY_REFUSED" in report["error"]["why"]
    await nothing_is_left(world, admin)


async def test_without_a_leader_nothing_is_written(database: Database, alone: dict[str, str]) -> None:
    before = await everything(database.admin)
    done = await cloudfreedom(alone, *SMOKE)
    assert (done.code, "NO_LEADER" in done.err) == (Exit.UNAVAILABLE, True), done.text
    assert await everything(database.admin) == before


async def test_beside_a_paused_listener_nothing_is_written(database: Database, alone: dict[str, str]) -> None:
    for path, body in {
        "listener_lease": {"holder": "fake"},
        "listener_meta": {"paused_until": "2030-01-01 00:00:00.000Z"},
    }.items():
        assert (await database.admin.patch(f"/api/collections/{path}/records/main", json=body)).is_success
    before = await everything(database.admin)
    done = await cloudfreedom(alone, *SMOKE)
    assert (done.code, "LISTENER_PAUSED" in done.err) == (Exit.REFUSED, True), done.text
    assert await everything(database.admin) == before


@pytest.mark.long
async def test_the_domain_is_asked_at_the_platforms_proxy(tmp_path: Path) -> None:
    traefik = Traefik(Authority(tmp_path), is_tls=True, otherwise=says("200 OK"))
    async with serving(traefik) as door:
        env = {
            "PLATFORM_DOMAIN": "apps.example.org",
            "LISTENER_PROBE_ADDRESS": f"127.0.0.1:{door.port}",
        }
        async with worlds.running(tmp_path / "world", env=env) as world:
            done = await cloudfreedom(world.env, *SMOKE)
    assert done.code == Exit.DONE, done.text
    report = json.loads(done.out)
    host = f"smoke.{report['tenant']}.apps.example.org"
    route = report["phases"][1]
    assert (route["outcome"], route["told"].split(",")[0]) == ("done", f"{host} answers")
    assert any(f"Host: {host}" in head for head in traefik.asked)
