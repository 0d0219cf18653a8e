"""`Scene`: a world with the hooks, whose breaking, commands and alerts are written down as they happen."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listener.dockerwatch import containers, watch
from listener.sandbox import world as worlds
from listener.telemetry import endpoint
from tests.cli.commands import Done
from tests.mass import stage as stages
from tests.mass.stage import Fleet

STACKS = "/api/collections/agent_stacks"
LONGEST = 14
"""Lines of an output that are written down at most."""


@dataclass(repr=False)
class Scene:
    """What is told goes to `lines`."""

    fleet: Fleet
    docker: Path
    got: list[dict[str, Any]]
    lines: list[str] = field(default_factory=list)
    told: int = 0
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """A paragraph."""
        self.lines += [text, ""]

    def title(self, text: str) -> None:
        """A part of the night begins."""
        self.lines += [f"## {text}", "", f"*{time.monotonic() - self.began:.0f} s into the night.*", ""]

    async def run(self, *words: str, code: int = 0, most: int = LONGEST) -> Done:
        """The command as it was typed and what it printed."""
        done = await self.fleet.cloudfreedom(*words)
        assert done.code == code, done.text
        typed = " ".join(f'"{word}"' if " " in word else word for word in words)
        printed = done.out.rstrip().splitlines()
        if len(printed) > most:
            printed = [*printed[: most - 1], f"… {len(printed) - most + 1} more lines"]
        self.lines += ["```", f"$ cloudfreedom {typed}", *printed, "```", ""]
        return done

    async def alerted(self, *wanted: tuple[str, str], seconds: float = 60.0) -> None:
        """These kinds and states reached the phone since it was looked at last; all that came is told."""
        with anyio.move_on_after(seconds):
            while not set(wanted) <= {(one["kind"], one["state"]) for one in self._news()}:
                await anyio.sleep(0.1)
        news = self._news()
        assert set(wanted) <= {(one["kind"], one["state"]) for one in news}, (wanted, news)
        self.told += len(news)
        self.lines.append("On the phone:")
        self.lines.append("")
        for one in news:
            word = "over" if one["state"] == "cleared" else one["severity"]
            text = f" – {one['text'][:160]}" if one["text"] and one["state"] == "raised" else ""
            self.lines.append(f"- **{word}** {one['title']}{text}")
        self.lines.append("")

    async def until(self, holds: Callable[[], Awaitable[object]], what: str) -> None:
        """It came to be so."""
        await self.fleet.until(holds, what, seconds=90.0)

    async def shown(self, stacks: list[str], status: str) -> None:
        """The records say so."""
        await self.fleet.until_shown(stacks, status, seconds=90.0)

    async def settled(self) -> None:
        """`plan` has nothing left to do."""

        async def is_so() -> bool:
            return (await self.fleet.cloudfreedom("plan", "--detailed-exitcode")).code == 0

        await self.fleet.until(is_so, "plan is empty", seconds=120.0)

    def ended(self, service: str, *, oom: bool) -> None:
        """Docker's watch has seen a container of this service end, or nothing within the last hour."""
        seen, now = containers.Ends(), datetime.now(UTC)
        if oom:
            seen.kill(service, "bot", now)
            seen.add(service, "bot", containers.End(now, 137))
        watch.write(seen.report(now), self.docker)

    async def put_back(self, copy: Path) -> None:
        """PocketBase has the copy's data."""
        database = self.fleet.world.pocketbase
        await database.kill()
        data = database.data_dir / "pb_data"
        shutil.rmtree(data)
        shutil.copytree(copy, data)
        await database.start()

    def text(self) -> str:
        """The transcript, without what differs from run to run and says nothing."""
        text = "\n".join(self.lines)
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
        text = re.sub(r"/\S*cloudfreedom-night-\w+", "DIR", text)
        return re.sub(r"\b[\w-]+-[0-9a-f]{8} leads", "HOST leads", text)

    def _news(self) -> list[dict[str, Any]]:
        every: list[dict[str, Any]] = [one for document in self.got for one in document["alerts"]]
        return every[self.told :]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Scene]:
    """A world of one tenant and six stacks that run, and a phone that gets every alert."""
    got: list[dict[str, Any]] = []

    async def phone(request: Request) -> Response:
        got.append(json.loads(await request.body()))
        return Response(status_code=204)

    page = Starlette(routes=[Route("/alerts", phone, methods=["POST"])])
    port, docker = worlds.free_port(), folder / "containers.json"
    async with stages.opened(folder / "world", daemon=False) as fleet, anyio.create_task_group() as tasks:
        await tasks.start(_serve, page, port)
        fleet.world.env |= {
            "ALERT_URLS": f"http://127.0.0.1:{port}/alerts",
            "LISTENER_DOCKER_FILE": str(docker),
        }
        await fleet.world.start_daemon()
        await fleet.fleet_of(6)
        yield Scene(fleet, docker, got)
        tasks.cancel_scope.cancel()


async def _serve(page: Starlette, port: int, *, task_status: Any) -> None:
    await endpoint.serve(page, host="127.0.0.1", port=port, task_status=task_status)
