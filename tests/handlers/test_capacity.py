"""Room on servers: what does not fit waits in line, starts by itself, and nobody changes places."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from handlers import records
from listener.dockerwatch.disk import Report
from tests.handlers.test_quota import RUNNING, words
from tests.handlers.world import World

SERVERS = "/api/collections/servers/records"
GIGABYTE = 1024


pytestmark = pytest.mark.usefixtures("host")


@pytest_asyncio.fixture(loop_scope="function")
async def host(world: World) -> AsyncIterator[str]:
    """The default server's row: room for two bots of 256 MB."""
    yield await server(world, world.coolify.server.uuid, memory_mb=512, is_default=True)
    for row in await world.rows("servers"):
        await world.admin.delete(f"{SERVERS}/{row['id']}")


async def server(world: World, uuid: str, **fields: Any) -> str:
    """A row of `servers`, and the listener has swept since."""
    answer = await world.admin.post(SERVERS, json={"uuid": uuid, "name": f"host {uuid[:4]}", **fields})
    assert answer.status_code == 200, answer.text
    await world.sweep()
    return str(answer.json()["id"])


async def change(world: World, row: str, **fields: Any) -> None:
    """The row has these fields, and the listener has swept since."""
    answer = await world.admin.patch(f"{SERVERS}/{row}", json=fields)
    assert answer.status_code == 200, answer.text
    await world.sweep()


async def messages(world: World, stacks: list[str]) -> list[str]:
    """What each record says."""
    return [(await world.row(stack))["message"] for stack in stacks]


async def test_what_does_not_fit_waits_with_its_place_and_starts_by_itself(world: World, host: str) -> None:
    stacks = [await world.stack() for _ in range(4)]
    await world.settle(60.0)
    name = f"host {world.coolify.server.uuid[:4]}"
    assert await words(world, stacks) == [RUNNING, RUNNING, ("pending", ""), ("pending", "")]
    assert (await messages(world, stacks))[2:] == [
        f"Waiting for 256 MB on {name}, place 1 in line; it starts by itself.",
        f"Waiting for 256 MB on {name}, place 2 in line; it starts by itself.",
    ]
    await world.edit(stacks[0], desired_state="suspended")
    await world.settle()
    assert await words(world, stacks) == [("suspended", ""), RUNNING, RUNNING, ("pending", "")]
    assert "place 1" in (await messages(world, stacks))[3]
    await world.edit(stacks[0], desired_state="running")
    await world.settle(60.0)
    assert (await words(world, stacks))[0][0] == "suspended", "a resume waits as well"
    assert "place 1" in (await messages(world, stacks))[0], "and whoever was made first is first in line"
    await change(world, host, memory_mb=1024)
    await world.settle()
    assert await words(world, stacks) == [RUNNING] * 4


async def test_a_restart_of_the_listener_gives_nobody_more_than_there_is(world: World) -> None:
    stacks = [await world.stack() for _ in range(3)]
    await world.settle(60.0)
    await world.restart()
    await world.settle()
    assert await words(world, stacks) == [RUNNING, RUNNING, ("pending", "")]


async def test_the_tiers_priority_comes_first_and_nobody_overtakes(world: World, host: str) -> None:
    held = [await world.running() for _ in range(2)]
    team = await world.tenant(plan_tier="team")
    starter = await world.stack(resource_limits={"bot": {"memory": "128M"}})
    better = await world.stack(tenant_id=team, resource_limits={"bot": {"memory": "256M"}})
    await world.settle(60.0)
    assert "place 1" in (await messages(world, [better]))[0]
    assert "place 2" in (await messages(world, [starter]))[0]
    await change(world, host, memory_mb=512 + 128)
    await world.settle(60.0)
    assert await words(world, [starter, better]) == [("pending", "")] * 2, (
        "128 MB are free and kept for the first"
    )
    await world.edit(held[0], desired_state="deleted")
    await world.settle()
    assert await words(world, [starter, better]) == [RUNNING] * 2


async def test_a_drained_server_takes_nothing_new_and_nothing_moves(world: World, host: str) -> None:
    first = await world.running()
    other = world.coolify.world.add_server(world.coolify.team, "other")
    await server(world, other.uuid, memory_mb=GIGABYTE)
    await change(world, host, drain=True)
    second = await world.running()
    assert world.service(first).server is world.coolify.server
    assert world.service(second).server is other
    await world.edit(first, desired_state="suspended")
    await world.settle()
    await world.edit(first, desired_state="running")
    await world.settle()
    assert world.service(first).server is world.coolify.server


async def test_a_server_takes_only_the_tiers_that_it_names_and_a_dedicated_one_only_its_tenant(
    world: World, host: str
) -> None:
    mine = world.coolify.world.add_server(world.coolify.team, "mine")
    tenant = await world.tenant()
    await change(world, host, tiers=["team"])
    await server(world, mine.uuid, dedicated_to=tenant)
    stray, owner = await world.stack(), await world.running(tenant_id=tenant)
    await world.settle(60.0)
    assert world.service(owner).server is mine
    assert (await words(world, [stray]))[0][0] == "pending"
    assert (await messages(world, [stray]))[0].startswith("Waiting: no server takes this stack")


@pytest.mark.parametrize(
    ("figures", "lacks", "enough"),
    [
        ({"memory_mb": 100}, "156 MB are missing", {"memory_mb": 512}),
        ({"cpus": 0.2, "cpu_overcommit": 100}, "0.05 cores are missing", {"cpus": 2}),
        ({"cpus": 0.2, "reserve_cpus": 1, "memory_mb": 0}, "0.05 cores are missing", {"cpus": 2}),
    ],
    ids=["memory", "cores, however often promised", "cores, all of them reserved"],
)
async def test_what_fits_on_no_server_is_refused_until_one_is_large_enough(
    world: World, host: str, figures: dict[str, Any], lacks: str, enough: dict[str, Any]
) -> None:
    """Docker starts no container that may use more cores than its host has."""
    await change(world, host, **figures)
    stack = await world.stack()
    await world.settle(60.0)
    assert await words(world, [stack]) == [("error", "SERVER_TOO_SMALL")]
    assert lacks in (await messages(world, [stack]))[0]
    await change(world, host, **enough)
    await world.settle()
    assert await words(world, [stack]) == [RUNNING]


async def test_a_server_that_runs_swarm_is_refused_with_the_reason(world: World) -> None:
    swarm = world.coolify.world.add_server(world.coolify.team, "swarm")
    swarm.swarm = True
    tenant = await world.tenant(server=swarm.uuid)
    await server(world, swarm.uuid, memory_mb=GIGABYTE)
    world.pass_time(world.waits.servers + 1)
    await world.poll()
    stack = await world.stack(tenant_id=tenant)
    await world.settle(60.0)
    assert await words(world, [stack]) == [("error", "SERVER_SWARM")]
    assert "501" in (await world.row(stack))["error_message"]
    assert world.services(stack) == []


async def test_the_disk_is_promised_again_only_while_its_use_is_known(world: World, host: str) -> None:
    await change(world, host, memory_mb=0, disk_gb=3, disk_overcommit=3)
    eyes, now = world.parts.eyes, world.clock.now()
    limits = (await world.admin.get("/api/collections/plan_tiers/records/starter")).json()["limits"]
    path = "/api/collections/plan_tiers/records/starter"
    await world.admin.patch(path, json={"limits": {**limits, "base-llm": {"web": {"volume": "2G"}}}})
    await world.sweep()
    try:
        stacks = [await world.stack("base-llm") for _ in range(3)]
        bot = await world.stack()
        await world.settle(60.0)
        assert await words(world, stacks) == [RUNNING, ("pending", ""), ("pending", "")]
        assert await words(world, [bot]) == [("pending", "")], (
            "nobody overtakes, for whatever reason one waits"
        )
        eyes.disk = Report(now, 20 * GIGABYTE, 40 * GIGABYTE, {})
        await world.sweep()
        await world.settle()
        assert await words(world, [*stacks, bot]) == [RUNNING] * 4
        eyes.disk = Report(world.clock.now(), 7 * GIGABYTE, 40 * GIGABYTE, {})
        late = await world.stack("base-llm")
        await world.settle(60.0)
        assert "Waiting for 2 GB disk" in (await messages(world, [late]))[0], "8 GB must stay free"
        eyes.disk = Report(world.clock.now() - timedelta(hours=3), 20 * GIGABYTE, 40 * GIGABYTE, {})
        await world.sweep()
        await world.settle(60.0)
        assert (await words(world, [late]))[0] == ("pending", "")
    finally:
        eyes.disk = None
        await world.admin.patch(path, json={"limits": limits})


async def test_what_is_not_ours_has_its_room_too(world: World, host: str) -> None:
    stack = await world.running()
    world.coolify.hand.clone(world.service(stack).uuid)
    await change(world, host, foreign_memory_mb=200)
    await world.poll()
    late = await world.stack()
    await world.settle(60.0)
    assert await words(world, [stack, late]) == [RUNNING, ("pending", "")]


async def test_a_tier_that_gives_more_than_there_is_leaves_stacks_as_they_are_until_there_is_room(
    world: World, host: str
) -> None:
    stacks = [await world.running() for _ in range(2)]
    world.coolify.calls.reset()
    await world.edit(world.tenant_id, records.TENANTS, plan_tier="business")
    await world.settle(60.0)
    assert await words(world, stacks) == [RUNNING] * 2
    assert all(one.startswith("Running unchanged. Waiting for") for one in await messages(world, stacks))
    assert world.effects() == []
    await change(world, host, memory_mb=768)
    await world.settle()
    assert await messages(world, stacks) == ["Running.", "Running."]
    for one in stacks:
        limits = world.service(one).document["services"]["bot"]["deploy"]["resources"]["limits"]
        assert limits["memory"] == "384M"


async def test_the_tenant_reads_how_its_stacks_fare(world: World, host: str) -> None:
    tenant = await world.tenant()
    stacks = [await world.stack(tenant_id=tenant) for _ in range(3)]
    await world.settle()

    async def told() -> str:
        return str((await world.row(tenant, records.TENANTS))["listener_message"])

    assert await told() == "Active. 2 running, 1 waiting for 256 MB."
    await world.edit(stacks[0], desired_state="suspended")
    await world.settle()
    assert await told() == "Active. 2 running, 1 suspended."
    await change(world, host, memory_mb=0)
    await world.edit(tenant, records.TENANTS, max_stacks=1)
    await world.settle()
    assert await told() == "Active. 2 running, 1 suspended, 2 more than the tariff has, left as they are."
