"""The watch follows a Docker engine over its socket, also when the stream breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from listener import errors
from listener.dockerwatch import watch
from listener.dockerwatch.containers import Report
from listener.dockerwatch.engine import Engine

PROJECT = "rsa7hdbfoz9ua2ykhafgyz5z"


@dataclass
class Docker:
    """An engine that answers as Docker 20.10 did (`test_real`), whatever versions of its API it speaks."""

    socket: Path
    oldest: str = "1.12"
    newest: str = "1.41"
    is_stuck: bool = False
    past: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False

    def die(self, container: str, code: int, *, oom: bool = False, project: str = PROJECT) -> None:
        """The container ended just now."""
        if oom:
            self._tell(container, "oom", project)
        self._tell(container, "die", project, exitCode=str(code))

    def _tell(self, container: str, action: str, project: str, **more: str) -> None:
        now = time.time_ns()
        names = {"image": "bot", "name": container, **more}
        names |= (
            {"com.docker.compose.project": project, "com.docker.compose.service": "bot"} if project else {}
        )
        self.past.append(
            {
                "Type": "container",
                "Action": action,
                "Actor": {"ID": container, "Attributes": names},
                "scope": "local",
                "time": now // 10**9,
                "timeNano": now,
            }
        )
        self._news.set()

    def break_stream(self) -> None:
        """The stream ends in the middle."""
        self.cut = True
        self._news.set()

    async def ping(self, _: Request) -> Response:
        while self.is_stuck:
            await asyncio.sleep(0.01)
        return PlainTextResponse("OK", headers={"Api-Version": self.newest})

    async def events(self, request: Request) -> Response:
        spoken, oldest, newest = (
            tuple(map(int, one.split(".")))
            for one in (request.path_params["version"], self.oldest, self.newest)
        )
        if not oldest <= spoken <= newest:
            return JSONResponse({"message": "client version is too new, or too old"}, status_code=400)
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


@pytest_asyncio.fixture
async def docker(tmp_path: Path) -> AsyncIterator[Docker]:
    """Listens on a socket of the test's own."""
    made = Docker(tmp_path / "docker.sock")
    routes = [Route("/_ping", made.ping), Route("/v{version}/events", made.events)]
    config = uvicorn.Config(
        Starlette(routes=routes), uds=str(made.socket), log_config=None, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield made
    made.is_stuck = False
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
        for _ in range(2):
            docker.die("looping", 1)
        docker.break_stream()
        docker.die("looping", 1)
        await told(file, "oom", "crash_loop")
        tasks.cancel_scope.cancel()
    await engine.close()
    assert {tuple(json.loads(one)["event"]) for one in docker.asked} == {("die", "oom")}
    assert file.stat().st_mode & 0o777 == 0o644


async def test_without_docker_no_report_is_written_and_it_is_asked_again(tmp_path: Path) -> None:
    file, engine = tmp_path / "containers.json", Engine(tmp_path / "nobody.sock")
    with anyio.move_on_after(1.0):
        await watch.Watch(engine, file).run()
    await engine.close()
    assert watch.read(file) is None


@pytest.mark.parametrize(("oldest", "newest"), [("1.12", "1.41"), ("1.24", "1.47"), ("1.44", "1.52")])
async def test_an_engine_is_spoken_to_in_its_own_version(
    docker: Docker, tmp_path: Path, oldest: str, newest: str
) -> None:
    """Docker 20.10, 27 and 29: the last refuses what was new when Docker 24 was."""
    docker.oldest, docker.newest = oldest, newest
    file, engine = tmp_path / "containers.json", Engine(docker.socket)
    docker.die("before", 137, oom=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.Watch(engine, file).run)
        await told(file, "oom")
        tasks.cancel_scope.cancel()
    await engine.close()


async def test_an_engine_that_accepts_and_does_not_answer_is_away(docker: Docker) -> None:
    """Else its silence would pass for quiet, and an old report for a fresh one."""
    docker.is_stuck = True
    engine = Engine(docker.socket, quiet=0.2)
    with pytest.raises(errors.UpstreamUnavailable, match="ReadTimeout"):
        await anext(engine.events(0))
    docker.is_stuck = False
    opened = [event async for event in engine.events(0)]
    assert opened == [None]
    await engine.close()
