"""What is measured: real PocketBase, the stand-in, and `cloudfreedom run` with the product's own waits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx

from listener.sandbox import child, people, world
from tests import fixtures

RUN = (str(Path(sys.executable).parent / "cloudfreedom"), "run")
STACKS = "/api/collections/agent_stacks/records"
WRITERS = 16
"""Connections that write a burst."""
LOOK = 0.25
"""Seconds between two looks at the stand-in, which shares the cores."""
SECONDS = 90.0
"""Until what must come has come."""


@dataclass
class Rig:
    """One world with one tenant, its daemon, and a raw reader beside it."""

    world: world.World
    tenant_id: str
    process: anyio.abc.Process | None
    """Whoever listens."""
    _events: Path
    made: int = 0
    ids: list[str] = field(default_factory=list)

    @property
    def daemon(self) -> anyio.abc.Process:
        """Whoever listens; asserts that there is somebody."""
        assert self.process is not None
        return self.process

    async def create(self, count: int) -> dict[str, float]:
        """Record id to the time at which its write was sent, of so many stacks created at once."""
        sent: dict[str, float] = {}
        limit = anyio.CapacityLimiter(WRITERS)

        async def one(number: int) -> None:
            async with limit:
                sent.update([await self._create(number)])

        async with anyio.create_task_group() as tasks:
            for number in range(self.made, self.made + count):
                tasks.start_soon(one, number)
        self.made += count
        self.ids += sent
        return sent

    async def change(self, record_id: str, **fields: Any) -> None:
        """These fields are stored on the stack's record."""
        await people.ask(self.world.admin, "PATCH", f"{STACKS}/{record_id}", fields)

    def events(self) -> list[tuple[float, str, str, str]]:
        """What the raw reader has seen: time, action, record id, status."""
        seen = []
        for line in self._events.read_text().splitlines():
            at, *words = line.split(" ")
            if len(words) == 3:
                seen.append((float(at), *words))
        return seen  # type: ignore[return-value]  # three words make a quadruple

    async def until_shown(
        self, ids: Sequence[str], status: str, *, seconds: float = SECONDS
    ) -> dict[str, float]:
        """Record id to the time at which the reader first saw that status, when all have it."""
        began, shown = time.monotonic(), dict[str, float]()
        while not set(ids) <= set(shown):
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{len(ids) - len(shown)} of {len(ids)} stacks are not {status}")
            await anyio.sleep(0.05)
            shown = {key: at for at, _, key, word in reversed(self.events()) if word == status and key in ids}
        return shown

    async def until_asked(self, count: int, *, seconds: float = SECONDS) -> None:
        """Coolify has answered so many creates with 201."""
        began, number = time.monotonic(), 0
        while number < count:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{number} of {count} creates came to Coolify")
            await anyio.sleep(LOOK)
            calls = await self.calls("method=POST&route=/services")
            number = sum(call["status"] == 201 for call in calls)

    async def calls(self, query: str = "") -> list[Any]:
        """The stand-in's memory of calls, filtered by `method` and `route`."""
        calls: list[Any] = await people.ask(self.world.standin, "GET", f"/_standin/calls?{query}")
        return calls

    async def creates(self) -> dict[str, float]:
        """Record id to the time at which its create arrived at Coolify, of those still remembered."""
        posts = [
            call["came"] for call in await self.calls("method=POST&route=/services") if call["status"] == 201
        ]
        state = await people.ask(self.world.standin, "GET", "/_standin/state")
        made = [service["name"].rpartition("-")[2] for service in state["services"]]
        return dict(zip(made[-len(posts) :], posts, strict=True))

    async def forget_calls(self) -> None:
        """The stand-in remembers no call."""
        await self.world.standin.delete("/_standin/calls")

    async def knob(self, **knobs: Any) -> None:
        """These knobs of the stand-in are turned."""
        await people.ask(self.world.standin, "POST", "/_standin/knobs", knobs)

    def memory(self, key: str = "VmRSS") -> float:
        """MiB of the daemon: `VmRSS` now, `VmHWM` at its highest."""
        status = Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(status.split(f"{key}:")[1].split()[0]) / 1024

    def cpu(self) -> float:
        """Seconds of processor time that the daemon has used."""
        fields = Path(f"/proc/{self.daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def _create(self, number: int) -> tuple[str, float]:
        token = people.bot_token(number)
        body = {
            "tenant_id": self.tenant_id,
            "template": "telegram-bot",
            "stack_name": f"bot-{number}",
            "status": "pending",
            "config": {"env_vars": {"TELEGRAM_BOT_TOKEN": token, "OPENAI_API_KEY": "sk-not-a-key"}},
        }
        at = time.monotonic()
        return str((await people.ask(self.world.admin, "POST", STACKS, body))["id"]), at


@asynccontextmanager
async def opened(
    folder: Path, *, env: Mapping[str, str] | None = None, port: int | None = None, run: Sequence[str] = RUN
) -> AsyncIterator[Rig]:
    """A world whose daemon is ready and whose tenant has one running stack, so that its project exists."""
    async with AsyncExitStack() as stack:
        sandbox, tenant_id, events = await prepared(stack, folder, port=port)
        daemon = await spawned(stack, run, sandbox.log, {**os.environ, **sandbox.env, **(env or {})})
        rig = Rig(sandbox, tenant_id, daemon, events)
        await ready(rig.world.health_url)
        await rig.until_shown(list(await rig.create(1)), "running")
        yield rig


async def prepared(
    stack: AsyncExitStack, folder: Path, *, port: int | None = None
) -> tuple[world.World, str, Path]:
    """A world without a daemon, its one tenant, and the file of the raw reader's events."""
    sandbox = await stack.enter_async_context(world.running(folder, port=port, daemon=False))
    owner = await stack.enter_async_context(people.owner(sandbox.admin, sandbox.pocketbase.url))
    await fixtures.unlimited(sandbox.admin, world.SERVER)
    events = folder / "events"
    reader = (sys.executable, "-m", "tests.bench.reader", sandbox.pocketbase.url)
    await spawned(stack, (*reader, sandbox.admin.headers["Authorization"]), events, os.environ)
    return sandbox, owner.tenant_id, events


async def spawned(
    stack: AsyncExitStack, command: Sequence[str], output: Path, env: Mapping[str, str]
) -> anyio.abc.Process:
    """The command runs until the stack is left, and writes to that file."""
    with output.open("ab") as file:
        process = await child.spawn(command, output=file, env=env)
    stack.push_async_callback(child.terminate, process)
    return process


async def ready(health_url: str, *, seconds: float = SECONDS) -> float:
    """When `/readyz` first answered 200, on the monotonic clock."""
    async with httpx.AsyncClient(base_url=health_url, timeout=2.0) as http:
        with anyio.fail_after(seconds):
            while not await _answers(http):
                await anyio.sleep(0.02)
    return time.monotonic()


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False
