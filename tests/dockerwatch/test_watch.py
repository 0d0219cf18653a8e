"""The watch follows a Docker engine over its socket, also when the stream breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from listener.dockerwatch import watch
from listener.dockerwatch.containers import Report
from listener.dockerwatch.engine import Engine

PROJECT = "rsa7hdbfoz9ua2ykhafgyz5z"


@dataclass
class Docker:
    """An engine that speaks as the Engine API 1.43 says: `GET /events`, `GET /containers/{id}/json`."""

    socket: Path
    past: list[dict[str, Any]] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    def die(self, container: str, code: int, *, oom: bool = False, project: str = PROJECT) -> None:
        """The container ended just now."""
        if oom:
            self.killed.add(container)
        now = datetime.now(UTC).timestamp()
        names = {"exitCode": str(code), "image": "bot", "name": container}
        names |= (
            {"com.docker.compose.project": project, "com.docker.compose.service": "bot"} if project else {}
        )
        actor = {"ID": container, "Attributes": names}
        self.past.append(
            {
                "Type": "container",
                "Action": "die",
                "Actor": actor,
                "time": int(now),
                "timeNano": int(now * 1e9),
            }
        )
        self._news.set()

    def break_stream(self) -> None:
        """The stream ends in the middle."""
        self.cut = True
        self._news.set()

    async def events(self, request: Request) -> Response:
        since = float(request.query_params["since"])
        self.asked.append(request.query_params["filters"])

        async def lines() -> AsyncIterator[str]:
            sent = 0
            while not self.cut:
                for event in self.past[sent:]:
                    if event["timeNano"] / 1e9 >= since:
                        yield f"{json.dumps(event)}\n"
                sent = len(self.past)
                self._news.clear()
                await self._news.wait()
            self.cut = False

        return StreamingResponse(lines(), media_type="application/json")

    async def inspect(self, request: Request) -> Response:
        container = request.path_params["id"]
        if container.startswith("gone"):
            return JSONResponse({"message": "No such container"}, status_code=404)
        return JSONResponse(
            {"Id": container, "State": {"OOMKilled": container in self.killed, "ExitCode": 137}}
        )


@pytest_asyncio.fixture
async def docker(tmp_path: Path) -> AsyncIterator[Docker]:
    """Listens on a socket of the test's own."""
    made = Docker(tmp_path / "docker.sock")
    routes = [Route("/v1.43/events", made.events), Route("/v1.43/containers/{id}/json", made.inspect)]
    config = uvicorn.Config(
        Starlette(routes=routes), uds=str(made.socket), log_config=None, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield made
    made.break_stream()
    server.should_exit = True
    await task


async def told(file: Path, *kinds: str) -> Report:
    """The report once it has these kinds."""
    with anyio.fail_after(10.0):
        while True:
            report = watch.read(file)
            if report and [one.kind for one in report.observations] == list(kinds):
                return report
            await anyio.sleep(0.02)


async def test_ends_are_followed_over_a_broken_stream_and_others_are_left_out(
    docker: Docker, tmp_path: Path
) -> None:
    file, engine = tmp_path / "containers.json", Engine(docker.socket)
    docker.die("before", 137, oom=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.Watch(engine, file).run)
        report = await told(file, "oom")
        assert report.observations[0].service_uuid == PROJECT
        assert report.observations[0].text.startswith("bot ran out of memory within the hour, 1 ×, last at ")
        docker.die("foreign", 137, oom=True, project="")
        docker.die("planned", 143)
        for container in ("gone-a", "gone-b"):
            docker.die(container, 1)
        docker.break_stream()
        docker.die("gone-c", 1)
        await told(file, "oom", "crash_loop")
        tasks.cancel_scope.cancel()
    await engine.close()
    assert {json.loads(one)["event"][0] for one in docker.asked} == {"die"}
    assert file.stat().st_mode & 0o777 == 0o644


async def test_without_docker_no_report_is_written_and_it_is_asked_again(tmp_path: Path) -> None:
    file, engine = tmp_path / "containers.json", Engine(tmp_path / "nobody.sock")
    with anyio.move_on_after(1.0):
        await watch.Watch(engine, file).run()
    await engine.close()
    assert watch.read(file) is None
