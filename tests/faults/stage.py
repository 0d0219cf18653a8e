"""A world under test: people who write records, both sides to look at, and a count of every deed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx

from listener.sandbox import people, world
from listener.sandbox import proxy as proxies
from tests import fixtures

SECONDS = 25.0
"""Until what must come has come, unless a test says otherwise."""
STACKS = "/api/collections/agent_stacks/records"
LOOK = 0.1
"""Seconds between two looks."""
UNDER_WAY = {"pending", "deploying", "deleting"}
SWITCHES = ("/enable", "/disable")
NEW_STACK = Counter(["POST /services", "PATCH /services/{uuid}/envs/bulk", "POST /services/{uuid}/restart"])
"""The deeds that a new stack takes, and no more."""


def of_new_stacks(count: int, *, projects: int = 0) -> Counter[str]:
    """The deeds that so many new stacks take when nothing goes wrong."""
    deeds = Counter(dict.fromkeys(NEW_STACK, count))
    return deeds + Counter({"POST /projects": projects})


def harmful(deeds: Iterable[str]) -> list[str]:
    """Those of the deeds that stop or delete something."""
    return [deed for deed in deeds if deed.startswith("DELETE") or deed.endswith("/stop")]


@dataclass(repr=False)
class Stage:
    """One world, with the owner of its one tenant signed in past the proxy."""

    world: world.World
    owner: people.Person
    proxy: proxies.Proxy
    made: list[str] = field(default_factory=list)
    """Record ids of the stacks that were created here."""
    _count: int = 0
    _tokens: int = 0

    @property
    def admin(self) -> httpx.AsyncClient:
        """A superuser's client to PocketBase."""
        return self.world.admin

    @property
    def standin(self) -> httpx.AsyncClient:
        """The stand-in's own pages."""
        return self.world.standin

    async def create(self, count: int = 1, **fields: Any) -> list[str]:
        """The ids of new stacks, written one after another as staff would; `fields` win."""
        for _ in range(count):
            self.made.append(await self._create(fields))
        return self.made[-count:]

    def variables(self, *, key: str = "sk-not-a-key") -> dict[str, str]:
        """Good ones for a bot, with a token that no other has."""
        self._tokens += 1
        return {"TELEGRAM_BOT_TOKEN": people.bot_token(self._tokens), "OPENAI_API_KEY": key}

    async def change(self, record_id: str, **fields: Any) -> None:
        """These fields are stored on the stack's record."""
        await people.ask(self.admin, "PATCH", f"{STACKS}/{record_id}", fields)

    async def record(self, record_id: str) -> Any:
        """The record as it is."""
        return await people.ask(self.admin, "GET", f"{STACKS}/{record_id}")

    async def rows(self, collection: str, *, fields: str = "") -> list[Any]:
        """Every row, as a superuser sees it; of each all fields, or these."""
        path = f"/api/collections/{collection}/records?perPage=500&skipTotal=1&fields={fields}"
        rows: list[Any] = (await people.ask(self.admin, "GET", path))["items"]
        return rows

    async def services(self) -> list[Any]:
        """Every service that exists, with what truly runs."""
        state = await people.ask(self.standin, "GET", "/_standin/state")
        return [service for service in state["services"] if not service["deleted"]]

    async def service(self, record_id: str) -> Any:
        """The one service of that record; asserts that there is one."""
        (found,) = [one for one in await self.services() if one["name"].endswith(f"-{record_id}")]
        return found

    async def deeds(self) -> Counter[str]:
        """How often each route that changes something was called so far, answered or not."""
        found: Counter[str] = Counter()
        for method in ("POST", "PATCH", "DELETE"):
            calls = await people.ask(self.standin, "GET", f"/_standin/calls?method={method}")
            found.update(f"{method} {call['route']}" for call in calls if call["route"] not in SWITCHES)
        return found

    async def fault(self, **fault: Any) -> None:
        """The stand-in goes wrong so: `method`, `path`, `times`, `effect`, `reply`, `delay`, `body`."""
        await people.ask(self.standin, "POST", "/_standin/faults", fault)

    async def accept(self) -> None:
        """Staff says that what is in PocketBase is the listener's to act on."""
        path = "/api/collections/listener_meta/records/main"
        await people.ask(self.admin, "PATCH", path, {"accepted_at": "2026-01-01 00:00:00.000Z"})

    async def no_fault(self) -> None:
        """The stand-in goes wrong no more."""
        await people.ask(self.standin, "DELETE", "/_standin/faults")

    async def knob(self, **knobs: Any) -> None:
        """These knobs of the stand-in are turned."""
        await people.ask(self.standin, "POST", "/_standin/knobs", knobs)

    async def switch_api(self, *, on: bool) -> None:
        """Coolify's API is switched on or off, as by its administrator."""
        headers = {"Authorization": f"Bearer {self.world.env['COOLIFY_TOKEN']}"}
        answer = await self.standin.post(f"/api/v1{SWITCHES[not on]}", headers=headers)
        assert answer.is_success, answer.text

    async def sweep(self) -> None:
        """A sweep of the daemon began after this call and has ended: a change of a tier asks for one."""
        since = self.mark()
        tier = "/api/collections/plan_tiers/records/sovereign"
        number = (await people.ask(self.admin, "GET", tier))["priority"]
        await people.ask(self.admin, "PATCH", tier, {"priority": number + 1})
        await self.until_logged("sweep.requested", since=since)
        await anyio.sleep(0.3)

    def events(self, name: str, *, since: int = 0) -> list[Any]:
        """The lines of the daemon's log with this event, from that byte on (`mark`)."""
        lines = self.world.log.read_bytes()[since:].splitlines()
        found = [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return [line for line in found if line["event"] == name]

    def mark(self) -> int:
        """The length of the log now."""
        return self.world.log.stat().st_size

    async def until(
        self, holds: Callable[[], Awaitable[object]], what: str, *, seconds: float = SECONDS
    ) -> float:
        """`holds` was true; the seconds it took. Else an error that shows both sides."""
        began = time.monotonic()
        while not await holds():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not within {seconds:.0f} s: {what}\n{await self.picture()}")
            await anyio.sleep(LOOK)
        return time.monotonic() - began

    async def until_logged(self, event: str, *, since: int = 0, seconds: float = SECONDS) -> None:
        """The daemon's log has this event."""

        async def is_logged() -> object:
            return self.events(event, since=since)

        await self.until(is_logged, f"log event {event}", seconds=seconds)

    async def until_shown(self, ids: Iterable[str], status: str, *, seconds: float = SECONDS) -> float:
        """All of these records show that status; the seconds it took."""
        wanted = set(ids)

        async def are_shown() -> bool:
            rows = await self.rows("agent_stacks", fields="id,status")
            return wanted <= {row["id"] for row in rows if row["status"] == status}

        return await self.until(are_shown, f"{len(wanted)} records show {status}", seconds=seconds)

    async def until_ready(self, *, ready: bool = True, seconds: float = SECONDS) -> None:
        """`/readyz` says so."""
        async with httpx.AsyncClient(base_url=self.world.health_url, timeout=5.0) as http:

            async def says() -> bool:
                return ((await http.get("/readyz")).status_code == 200) is ready

            await self.until(says, f"/readyz says {ready}", seconds=seconds)

    async def expect_one_each(self, ids: Sequence[str]) -> None:
        """Each of these records has one service of its own, which soon runs; each tenant has one project."""
        services = await self.services()
        rows = {row["id"]: row for row in await self.rows("agent_stacks")}
        for record_id in ids:
            mine = [one for one in services if f"stack={record_id} " in one["description"]]
            assert len(mine) == 1, (record_id, mine)
            assert rows[record_id]["coolify_service_uuid"] == mine[0]["uuid"]
        projects = (await people.ask(self.standin, "GET", "/_standin/state"))["projects"]
        for tenant_id in {rows[record_id]["tenant_id"] for record_id in ids}:
            assert sum(one["name"].endswith(f"-{tenant_id}") for one in projects) == 1, projects

        async def all_run() -> bool:
            running = [one for one in await self.services() if all(one["containers"].values())]
            return set(ids) <= {one["name"].rpartition("-")[2] for one in running}

        await self.until(all_run, "the containers run")

    async def calm(self) -> None:
        """Nothing goes wrong on purpose or is under way, and all is ready; `made` are the stacks that run."""
        await self.no_fault()
        await self.knob(latency=0.0)
        if self.world.pocketbase.pid is None:
            await self.world.pocketbase.start()
        if self.world._daemon is None:
            await self.world.start_daemon()
        await self.until_ready()

        async def is_quiet() -> bool:
            rows = await self.rows("agent_stacks", fields="id,status")
            return not {row["status"] for row in rows} & UNDER_WAY

        await self.until(is_quiet, "nothing is under way")
        rows = await self.rows("agent_stacks", fields="id,status")
        running = [row["id"] for row in rows if row["status"] == "running"]
        self.made = [record_id for record_id in self.made if record_id in running]

    async def picture(self) -> str:
        """What both sides and the log show, for the report of a claim that failed."""
        shown = ("id", "stack_name", "desired_state", "status", "message", "error_message")
        lines = [str({name: row[name] for name in shown}) for row in await self.rows("agent_stacks")]
        lines += [f"{one['name']} {one['status']} {one['containers']}" for one in await self.services()]
        tail = self.world.log.read_text(errors="replace").splitlines()[-40:]
        return "\n".join([*lines, *tail])

    async def _create(self, fields: Mapping[str, Any]) -> str:
        self._count += 1
        body = {
            "tenant_id": self.owner.tenant_id,
            "template": "telegram-bot",
            "stack_name": f"bot-{self._count}",
            "status": "pending",
            "config": {"env_vars": self.variables()},
        }
        return str((await people.ask(self.admin, "POST", STACKS, {**body, **fields}))["id"])


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Stage]:
    """A stage of one's own; `options` are those of `world.running`. Its daemon speaks through the proxy."""
    port, daemon = world.free_port(), options.pop("daemon", True)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxies.before(port))
        env = {"POCKETBASE_URL": proxy.url}
        sandbox = await stack.enter_async_context(
            world.running(folder, port=port, env=env, daemon=False, **options)
        )
        await fixtures.unlimited(sandbox.admin, world.SERVER)
        if daemon:
            await sandbox.start_daemon()
        owner = await stack.enter_async_context(people.owner(sandbox.admin, sandbox.pocketbase.url))
        yield Stage(sandbox, owner, proxy)
