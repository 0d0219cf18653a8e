"""Faults in their time, under a virtual clock: each begins, is told, ends, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from listener.sandbox import faults_file, proxy, standin
from listener.sandbox.faults_schedule import Schedule

LASTING = [
    "where: coolify, what: status, status: 503",
    "where: coolify, what: drop",
    "where: coolify, what: stall, effect: true",
    "where: coolify, what: garbage",
    "where: coolify, what: half",
    "where: coolify, what: delay, seconds: 3",
    "where: coolify, what: lag, seconds: 3",
    "where: coolify, what: limit, per_minute: 7",
    "where: coolify, what: skew, seconds: -90",
    "where: coolify, what: turn, knobs: {reachable: false, never_start: bot}",
    "where: pocketbase, what: status, status: 503",
    "where: pocketbase, what: drop",
    "where: pocketbase, what: stall",
    "where: pocketbase, what: garbage",
    "where: pocketbase, what: half",
    "where: pocketbase, what: delay, seconds: 3",
    "where: pocketbase, what: skew, seconds: 90",
    "where: pocketbase, what: slow, seconds: 0.1",
    "where: pocketbase, what: refuse",
    "where: jobs, what: hold",
    "where: jobs, what: reorder",
    "where: jobs, what: lose",
]


class Scene:
    """A stand-in in process and a proxy, with what the schedule said and when."""

    def __init__(self, http: httpx.AsyncClient, coolify: standin.StandIn, way: proxy.Proxy) -> None:
        self.http = http
        self.coolify = coolify
        self.way = way
        self.told: list[tuple[float, str]] = []

    def say(self, text: str) -> None:
        """It was told."""
        self.told.append((round(asyncio.get_running_loop().time(), 1), text.partition(":")[0]))

    def state(self) -> dict[str, Any]:
        """Everything that goes wrong on purpose now, and whether the proxy listens."""
        return {
            "knobs": self.coolify.knobs.show(),
            "coolify": [fault.reply for fault in self.coolify.faults.pending()],
            "jobs": [fault.does for fault in self.coolify.jobs.spoiled()],
            "pocketbase": [fault.reply for fault in self.way.faults.pending()],
            "proxy": (self.way.slow, self.way.skew, self.way._door is not None),
        }


@asynccontextmanager
async def playing(folder: Path, *entries: str) -> AsyncIterator[Scene]:
    """The faults are played from now on."""
    file = folder / "faults.yaml"
    file.write_text("".join(f"- {{{entry}}}\n" for entry in entries))
    coolify = standin.StandIn(clock=asyncio.get_running_loop().time)
    transport = httpx.ASGITransport(coolify.app)
    headers = {"Authorization": f"Bearer {coolify.token}"}
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://standin", headers=headers) as http,
        proxy.before(1) as way,
        anyio.create_task_group() as tasks,
    ):
        scene = Scene(http, coolify, way)
        tasks.start_soon(Schedule(faults_file.load(file), http, way, scene.say).play)
        yield scene
        tasks.cancel_scope.cancel()


@pytest.mark.looptime
@pytest.mark.parametrize("entry", LASTING, ids=str)
async def test_a_fault_holds_in_its_time_and_leaves_nothing(tmp_path: Path, entry: str) -> None:
    async with playing(tmp_path, f"after: 10, for: 20, {entry}") as scene:
        await anyio.sleep(9)
        before = scene.state()
        await anyio.sleep(2)
        assert scene.state() != before
        await anyio.sleep(18)
        assert scene.state() != before
        await anyio.sleep(2)
        assert scene.state() == before
    assert scene.told == [(10, "fault 1 begins"), (30, "fault 1 ends")]


@pytest.mark.looptime
async def test_a_fault_of_requests_ends_when_it_met_them(tmp_path: Path) -> None:
    async with playing(tmp_path, "for: 60, times: 2, where: coolify, what: status, status: 503") as scene:
        await anyio.sleep(1)
        statuses = [(await scene.http.get("/api/v1/version")).status_code for _ in range(3)]
        assert statuses == [503, 503, 200]
        await anyio.sleep(1)
    assert [text for _, text in scene.told] == ["fault 1 begins", "fault 1 ends"]
    assert scene.told[1][0] < 2


@pytest.mark.looptime
async def test_a_fault_comes_again_and_again(tmp_path: Path) -> None:
    async with playing(tmp_path, "after: 5, every: 10, for: 2, where: jobs, what: lose") as scene:
        await anyio.sleep(29)
    begun = [(5, "fault 1 begins"), (15, "fault 1 begins"), (25, "fault 1 begins")]
    assert [one for one in scene.told if one[1] == "fault 1 begins"] == begun
    assert len(scene.told) == 6


@pytest.mark.looptime
async def test_without_an_end_a_fault_lasts(tmp_path: Path) -> None:
    async with playing(tmp_path, "where: coolify, what: limit, per_minute: 1") as scene:
        await anyio.sleep(80_000)
        assert scene.coolify.knobs.rate_limit == 1
    assert scene.told == [(0, "fault 1 begins")]


@pytest.mark.looptime
async def test_faults_that_overlap_leave_the_knob_as_it_was(tmp_path: Path) -> None:
    limit = "where: coolify, what: limit, per_minute"
    async with playing(tmp_path, f"after: 1, for: 5, {limit}: 7", f"after: 3, for: 5, {limit}: 8") as scene:
        before = scene.coolify.knobs.rate_limit
        await anyio.sleep(4)
        assert scene.coolify.knobs.rate_limit == 8
        await anyio.sleep(6)
        assert scene.coolify.knobs.rate_limit == before


@pytest.mark.looptime
@pytest.mark.parametrize("what", ["cut", "deafen", "deafen, streams: true"], ids=str)
async def test_a_strike_is_told_and_over(tmp_path: Path, what: str) -> None:
    async with playing(tmp_path, f"after: 5, every: 10, where: pocketbase, what: {what}") as scene:
        await anyio.sleep(16)
    assert scene.told == [(5, "fault 1 strikes"), (15, "fault 1 strikes")]


@pytest.mark.looptime
async def test_held_jobs_begin_when_the_fault_ends(tmp_path: Path) -> None:
    async with playing(tmp_path, "for: 60, where: jobs, what: hold") as scene:
        await anyio.sleep(1)
        rows = scene.coolify.world
        project = rows.add_project(scene.coolify.team, "one", "")
        server = scene.coolify.server
        made = rows.add_service(project.environments[0], server, server.destinations[0], "one")
        made.document = {"services": {"web": {"image": "nginx"}}}
        rows.parse(made)
        scene.coolify.jobs.start(made)
        await anyio.sleep(50)
        scene.coolify.tick()
        assert made.ups == 0
        await anyio.sleep(10)
        scene.coolify.tick()
        assert made.ups == 1
