"""Fifty creates at once and a SIGKILL at a random moment: exactly fifty services, each on its record."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from listener.sandbox import people, world
from tests import fixtures

STACKS = 50
BURSTS = int(os.environ.get("BURSTS") or 8)
"""In a row; 20 take eight minutes."""
SETTLED = 90.0
"""Seconds until all of them must run."""


@pytest.mark.parametrize("seed", [11, 12])
async def test_a_burst_survives_a_kill(tmp_path: Path, seed: int) -> None:
    await _burst(tmp_path, random.Random(seed))


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_bursts_in_a_row_survive_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports how many kills left an intent open; a run in which few did would prove little."""
    rng = random.Random(20)
    opened = [await _burst(tmp_path / str(number), rng) for number in range(BURSTS)]
    useful = sum(n > 0 for n in opened)
    with capsys.disabled():
        print(f"\nan intent was open at {useful} of {BURSTS} kills: {opened}")  # noqa: T201 - the report
    assert useful >= BURSTS * 3 // 4


async def _burst(folder: Path, rng: random.Random) -> int:
    """The number of intents that were open when the daemon was killed."""
    await anyio.Path(folder).mkdir(exist_ok=True)
    async with world.running(folder) as sandbox, people.owner(sandbox.admin, sandbox.pocketbase.url) as owner:
        await fixtures.unlimited(sandbox.admin)
        await people.ask(sandbox.standin, "POST", "/_standin/knobs", {"latency": 0.02})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_create_all, sandbox, owner.tenant_id)
            opened = await _kill_in_the_middle(sandbox, rng)
        await sandbox.start_daemon()
        with anyio.fail_after(SETTLED):
            while await _unfinished(sandbox):
                await anyio.sleep(0.2)
        await _expect_one_each(sandbox)
    return opened


async def _create_all(sandbox: world.World, tenant_id: str) -> None:
    limit = anyio.CapacityLimiter(8)

    async def create(number: int) -> None:
        async with limit:
            body = {
                "tenant_id": tenant_id,
                "template": "telegram-bot",
                "stack_name": f"bot-{number}",
                "status": "pending",
                "config": {
                    "env_vars": {
                        "TELEGRAM_BOT_TOKEN": people.BOT_TOKEN.replace("1234567890", f"12345678{number:02d}"),
                        "OPENAI_API_KEY": "sk-not-a-key",
                    }
                },
            }
            await people.ask(sandbox.admin, "POST", "/api/collections/agent_stacks/records", body)

    async with anyio.create_task_group() as tasks:
        for number in range(STACKS):
            tasks.start_soon(create, number)


async def _kill_in_the_middle(sandbox: world.World, rng: random.Random) -> int:
    reached = rng.randint(1, STACKS - 5)
    while await _count(sandbox, "POST", "/services") < reached:
        await anyio.sleep(0.002)
    await anyio.sleep(rng.uniform(0.0, 0.05))
    await sandbox.kill_daemon()
    rows = await _rows(sandbox, "listener_ledger")
    return sum(bool(row["intent"]) and row["kind"] == "agent_stacks" for row in rows)


async def _unfinished(sandbox: world.World) -> int:
    rows = await _rows(sandbox, "agent_stacks")
    return STACKS - [row["status"] for row in rows].count("running")


async def _expect_one_each(sandbox: world.World) -> None:
    state = await people.ask(sandbox.standin, "GET", "/_standin/state")
    live = [service for service in state["services"] if not service["deleted"]]
    owners = Counter(service["name"].rpartition("-")[2] for service in live)
    rows = {row["id"]: row for row in await _rows(sandbox, "agent_stacks")}
    assert len(live) == STACKS
    assert set(owners) == set(rows)
    assert {row["coolify_service_uuid"] for row in rows.values()} == {service["uuid"] for service in live}
    assert all(all(service["containers"].values()) for service in live)
    assert len(state["projects"]) == 1


async def _count(sandbox: world.World, method: str, route: str) -> int:
    calls = await people.ask(sandbox.standin, "GET", f"/_standin/calls?method={method}&route={route}")
    return len(calls)


async def _rows(sandbox: world.World, collection: str) -> list[Any]:
    path = f"/api/collections/{collection}/records?perPage=500"
    rows: list[Any] = (await people.ask(sandbox.admin, "GET", path))["items"]
    return rows
