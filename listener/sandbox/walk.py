"""The main job end to end, seen from both sides: provision, suspend, resume, a crash, edit, delete.

Writes only through PocketBase's HTTP API, as the portal's user and as staff; reads only over HTTP: the record
in PocketBase, and the service in the stand-in for Coolify.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from listener import errors
from listener.sandbox import people
from listener.sandbox.world import World

WAIT = 25.0
"""Seconds that one step of the walk may take."""


@dataclass
class Walk:
    """The walk's steps, each printed with its time and what both sides showed."""

    world: World
    owner: people.Person
    staff: people.Person
    say: Callable[[str], None]
    first: str = ""
    second: str = ""
    steps: list[tuple[str, float]] = field(default_factory=list)

    async def run(self) -> None:
        """Every step was seen from both sides; raises at the first that was not."""
        await self._step("provision", self._provision)
        await self._step("second stack: 3 calls and the shared list", self._second)
        await self._step("suspend", self._suspend)
        await self._step("resume", self._resume)
        await self._step("SIGKILL in the middle of a create", self._crash)
        await self._step("edit", self._edit)
        await self._step("delete, data kept", self._delete)
        await self._step("hard delete, data kept", self._hard_delete)

    async def _step(self, name: str, deed: Callable[[], Awaitable[str]]) -> None:
        began = time.monotonic()
        try:
            with anyio.fail_after(WAIT):
                seen = await deed()
        except TimeoutError:
            raise errors.UpstreamUnavailable(
                "WALK_STUCK",
                f"{name}: not seen on both sides within {WAIT:.0f} s",
                why=str(await self._picture())[:1500],
                fix=f"see {self.world.log}",
            ) from None
        self.steps.append((name, time.monotonic() - began))
        self.say(f"  ok  {name:<44} {time.monotonic() - began:5.1f} s   {seen}")

    async def _provision(self) -> str:
        self.first = await self.owner.create_stack("cf-telegrambot-acme-1234")
        record, service = await self._until(self.first, "running", runs=True)
        want = {"TELEGRAM_BOT_TOKEN", "CLOUDFREEDOM_API_KEY", "ROUTER_BASE_URL"}
        expect(want <= set(service["variables"]), f"variables {sorted(service['variables'])}")
        expect(record["coolify_service_uuid"] == service["uuid"], "the record carries the service's uuid")
        expect(record["coolify_project_uuid"] == service["project_uuid"], "and its project's uuid")
        return f"{service['name']} in project {service['project']}"

    async def _second(self) -> str:
        before = await self._calls()
        self.second = await self.owner.create_stack("cf-telegrambot-acme-5678", token=people.bot_token(2))
        await self._until(self.second, "running", runs=True)
        made = {route: n - before.get(route, 0) for route, n in (await self._calls()).items()}
        made = {route: n for route, n in made.items() if n and not route.startswith("GET /servers")}
        want = {
            "POST /services": 1,
            "PATCH /services/{uuid}/envs/bulk": 1,
            "POST /services/{uuid}/restart": 1,
        }
        expect(made == want, f"calls {made}")
        return ", ".join(made)

    async def _suspend(self) -> str:
        await self.staff.change_stack(self.first, desired_state="suspended")
        record, service = await self._until(self.first, "suspended", runs=False)
        return f"Coolify shows {service['status']}; “{record['message']}”"

    async def _resume(self) -> str:
        await self.staff.change_stack(self.first, desired_state="running")
        record, service = await self._until(self.first, "running", runs=True)
        return f"Coolify shows {service['status']}; “{record['message']}”"

    async def _crash(self) -> str:
        count = (await self._calls()).get("POST /services", 0)
        await people.ask(self.world.standin, "POST", "/_standin/knobs", {"latency": 0.3})
        third = await self.owner.create_stack("cf-telegrambot-acme-9999", token=people.bot_token(3))
        while (await self._calls()).get("POST /services", 0) == count:
            await anyio.sleep(0.01)
        await self.world.kill_daemon()
        await people.ask(self.world.standin, "POST", "/_standin/knobs", {"latency": 0.0})
        await self.world.start_daemon()
        await self._until(third, "running", runs=True)
        mine = [s for s in await self._services() if f"stack={third} " in s["description"]]
        expect(len(mine) == 1, f"one service for one record, not {len(mine)}")
        return "killed while Coolify was creating; one service, found by its marker"

    async def _edit(self) -> str:
        config = {
            "env_vars": {"TELEGRAM_BOT_TOKEN": people.BOT_TOKEN, "OPENAI_API_KEY": "sk-new", "MODEL": "small"}
        }
        ups = (await self._service(self.first))["ups"]
        await self.owner.change_stack(self.first, config=config)
        while (await self._service(self.first))["ups"] == ups:
            await anyio.sleep(0.05)
        _, service = await self._until(self.first, "running", runs=True)
        expect("MODEL" in service["variables"], "the new variable is there")
        return "saved, variables sent, restarted once"

    async def _delete(self) -> str:
        await self.owner.change_stack(self.first, desired_state="deleted")
        record, service = await self._until(self.first, "deleted", runs=False)
        expect(not service["deleted"], "the service is kept")
        expect(bool(record["purge_after"]), "the record says until when")
        return f"kept until {record['purge_after'][:10]}"

    async def _hard_delete(self) -> str:
        await self.owner.remove_stack(self.second)
        while (service := await self._service(self.second))["containers"]["bot"]:
            await anyio.sleep(0.05)
        expect(not service["deleted"], "the service is kept")
        await self._until_ledger(self.second, "retained")
        return "record gone, service stopped and kept"

    async def _until(self, record_id: str, status: str, *, runs: bool) -> tuple[Any, Any]:
        """Record and service, when both show it: the record's status, and whether containers run."""
        while True:
            record = await self._record(record_id)
            if record["status"] == status:
                service = await self._service(record_id)
                if all(running == runs for running in service["containers"].values()):
                    return record, service
            await anyio.sleep(0.05)

    async def _until_ledger(self, record_id: str, stage: str) -> None:
        path = f"/api/collections/listener_ledger/records/{record_id}"
        while (await people.ask(self.world.admin, "GET", path))["stage"] != stage:
            await anyio.sleep(0.05)

    async def _record(self, record_id: str) -> Any:
        path = f"/api/collections/agent_stacks/records/{record_id}"
        return await people.ask(self.owner.http, "GET", path)

    async def _service(self, record_id: str) -> Any:
        found = [s for s in await self._services() if s["name"].endswith(f"-{record_id}")]
        return found[0] if found else {"containers": {"bot": None}, "ups": 0, "deleted": False}

    async def _services(self) -> list[Any]:
        state = await people.ask(self.world.standin, "GET", "/_standin/state")
        services: list[Any] = state["services"]
        return services

    async def _calls(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for call in await people.ask(self.world.standin, "GET", "/_standin/calls"):
            route = f"{call['method']} {call['route']}"
            counts[route] = counts.get(route, 0) + 1
        return counts

    async def _picture(self) -> Any:
        """What both sides show, for the report of a step that got stuck."""
        rows = await people.ask(self.world.admin, "GET", "/api/collections/agent_stacks/records")
        shown = ("id", "stack_name", "desired_state", "status", "message", "error_message")
        services = [(s["name"], s["status"]) for s in await self._services()]
        return [{name: row[name] for name in shown} for row in rows["items"]], services


def expect(holds: bool, what: str) -> None:
    """Raises when what both sides were to show is not so."""
    if not holds:
        raise errors.UpstreamRefusal("WALK_FAILED", f"not as expected: {what}", status=0)
