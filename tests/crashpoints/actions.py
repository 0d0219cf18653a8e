"""What people do to one stack or tenant, and from where: the table that the cuts go through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from listener.sandbox import people
from tests.crashpoints import ending
from tests.crashpoints.ending import View
from tests.crashpoints.place import REQUESTS, SCHEDULES, STACKS, TENANTS, Place

POLLED = 1.5
"""Seconds after which the daemon has a list that is younger."""
CALM = 0.3
"""Seconds without an effect after which a look is worth its while."""
GREETING = {"env_vars": {"GREETING": "hello", "TOKEN": "fake-token"}}
CHANGED = {"env_vars": {"GREETING": "good evening", "TOKEN": "fake-token"}}
AGENT = {"env_vars": {"OPENAI_API_KEY": "fake-router-key"}}
DROPPED = {"env_vars": {"TOKEN": "fake-token"}}


@dataclass
class Run:
    """One tenant of its own, and the stack that it is about."""

    place: Place
    slug: str
    """Also what makes its domains its own."""
    tenant: str = ""
    stack: str = ""
    found: str = ""
    """Uuid of the service that was there before the stack."""

    async def begin(self) -> None:
        """The tenant is there, without stacks."""
        self.tenant = await self.place.tenant(self.slug)

    async def create(self, name: str = "page", **more: Any) -> None:
        """A new stack is written, and the one that the run is about."""
        body = {
            "tenant_id": self.tenant, "template": "web", "stack_name": name, "status": "pending",
            "domain": f"{name}.{self.slug}.example.org", "config": GREETING, **more,
        }  # fmt: skip
        self.stack = str((await people.ask(self.place.stage.admin, "POST", STACKS, body))["id"])

    async def change(self, **fields: Any) -> None:
        """A person saves the stack's record."""
        await self.place.stage.change(self.stack, **fields)

    async def remove(self, path: str, record_id: str) -> None:
        """A person deletes a record in PocketBase."""
        await people.ask(self.place.stage.admin, "DELETE", f"{path}/{record_id}")

    async def schedule(self) -> None:
        """Staff has the agent told something each morning."""
        body = {"stack_id": self.stack, "name": "daily", "cron": "0 9 * * *", "message": "Good morning."}
        await people.ask(self.place.stage.admin, "POST", SCHEDULES, {**body, "enabled": True})

    async def unschedule(self) -> None:
        """No more."""
        (row,) = [
            one for one in await self.place.stage.rows("stack_schedules") if one["stack_id"] == self.stack
        ]
        await self.remove(SCHEDULES, row["id"])

    async def request(self, verb: str, **arguments: str) -> None:
        """Staff's command is written as a request."""
        body = {"verb": verb, "target": self.stack, "state": "open", "actor": "ada", "arguments": arguments}
        await people.ask(self.place.stage.admin, "POST", REQUESTS, body)

    async def look(self) -> View:
        """Both sides now."""
        return await ending.look(self.place, self.tenant, self.stack, self.found)

    async def until(self, holds: Callable[[View], bool], what: str) -> View:
        """Both sides as they were when it held and nothing was under way."""
        seen: list[View] = []

        async def is_so() -> bool:
            await self.until_quiet()
            seen[:] = [await self.look()]
            return holds(seen[0]) and ending.is_settled(seen[0])

        await self.place.stage.until(is_so, f"{self.slug}: {what}")
        return seen[0]

    async def until_quiet(self, seconds: float = CALM) -> None:
        """The daemon asked for nothing that changes anything, for so long."""
        began = anyio.current_time()
        while anyio.current_time() - max(began, self.place.knife.stirred) < seconds:
            await anyio.sleep(0.05)

    async def uuid(self) -> str:
        """Of the stack's one service."""
        return str((await self.place.stage.service(self.stack))["uuid"])


def shows(status: str) -> Callable[[View], bool]:
    """The stack's record shows that status."""
    return lambda view: view.stack_status == status


def stands(stage: str) -> Callable[[View], bool]:
    """The stack's ledger row is at that stage."""
    return lambda view: view.ledger_stage == stage


def _blocked(code: str) -> Callable[[View], bool]:
    return lambda view: code in view.blocked


@dataclass(frozen=True)
class Action:
    """From a state that `prepare` made, `act` is what a person does, and `goal` what comes of it."""

    prepare: Callable[[Run], Awaitable[None]]
    act: Callable[[Run], Awaitable[None]]
    goal: Callable[[View], bool]


async def _tenant(_run: Run) -> None:
    """Nothing but the tenant, which is there already."""


async def _running(run: Run) -> None:
    await run.create()
    await run.until(shows("running"), "the stack runs")


async def _agent(run: Run) -> None:
    await run.create(template="openclaw-agent", config=AGENT)
    await run.until(shows("running"), "the agent runs")


async def _scheduled(run: Run) -> None:
    await _agent(run)
    await run.schedule()
    await run.until(lambda view: bool(view.tasks), "the task is there")


async def _suspended(run: Run) -> None:
    await _running(run)
    await run.change(desired_state="suspended")
    await run.until(shows("suspended"), "the stack is suspended")


async def _retained(run: Run) -> None:
    await _running(run)
    await run.change(desired_state="deleted")
    await run.until(stands("retained"), "the stack is kept")


async def _unwanted(run: Run) -> None:
    await _retained(run)
    await run.request("backup_waived")
    await run.until(lambda view: view.is_copy_waived, "nobody wants a copy of its data")


async def _purged(run: Run) -> None:
    await _unwanted(run)
    await run.request("purge")
    await run.until(stands("closed"), "the stack is purged")


async def _missing(run: Run) -> None:
    """Somebody deleted the service in Coolify."""
    await _running(run)
    await run.place.hand("delete", await run.uuid())
    await run.until(_blocked("SERVICE_MISSING"), "the service is missed")


async def _found(run: Run) -> None:
    """A record and a service as an older provisioner left them."""
    run.found = await run.place.service_by_hand(f"found-{run.slug}")
    await run.create(status="running", coolify_service_uuid=run.found)
    await run.until(lambda view: "FOREIGN_BORN" in view.text, "the service is foreign-born")


async def _mended(run: Run) -> None:
    """A suspension was blocked by an edited description, which is as it was again."""
    await _running(run)
    service = await run.place.stage.service(run.stack)
    await run.place.hand("edit", service["uuid"], description="edited")
    await anyio.sleep(POLLED)
    await run.change(desired_state="suspended")
    await run.until(_blocked("SERVICE_FOREIGN"), "the service looks foreign")
    await run.place.hand("edit", service["uuid"], description=service["description"])


def _edit(**fields: Any) -> Callable[[Run], Awaitable[None]]:
    return lambda run: run.change(**fields)


def _ask(verb: str, **arguments: str) -> Callable[[Run], Awaitable[None]]:
    return lambda run: run.request(verb, **arguments)


def _moved(run: Run) -> Awaitable[None]:
    return run.change(domain=f"elsewhere.{run.slug}.example.org")


def _an_agent(run: Run) -> Awaitable[None]:
    return run.create(template="openclaw-agent", config=AGENT)


def _is_new_start(view: View) -> bool:
    return shows("running")(view) and view.ups > 1


ACTIONS: Mapping[str, Action] = {
    "provision first": Action(_tenant, lambda run: run.create(), shows("running")),
    "provision second": Action(_running, lambda run: run.create("other"), shows("running")),
    "provision with made secrets": Action(_tenant, _an_agent, shows("running")),
    "make a secret anew": Action(
        _agent,
        _ask("secret_rotate", name="OPENCLAW_HOOKS_TOKEN"),
        lambda view: _is_new_start(view) and sorted(view.generations) == [1, 2],
    ),
    "schedule": Action(_agent, Run.schedule, lambda view: bool(view.tasks)),
    "unschedule": Action(_scheduled, Run.unschedule, lambda view: not view.tasks),
    "edit": Action(_running, _edit(config=CHANGED), _is_new_start),
    "drop a variable": Action(_running, _edit(config=DROPPED), _is_new_start),
    "change the domain": Action(_running, _moved, _is_new_start),
    "suspend": Action(_running, _edit(desired_state="suspended"), shows("suspended")),
    "resume": Action(_suspended, _edit(desired_state="running"), _is_new_start),
    "restart": Action(_running, _edit(action="restart"), _is_new_start),
    "redeploy": Action(_running, _edit(action="redeploy"), _is_new_start),
    "delete": Action(_running, _edit(desired_state="deleted"), stands("retained")),
    "hard delete": Action(_running, lambda run: run.remove(STACKS, run.stack), stands("retained")),
    "undelete": Action(_retained, _edit(desired_state="running"), _is_new_start),
    "purge": Action(_unwanted, _ask("purge"), stands("closed")),
    "recreate": Action(_missing, _ask("recreate"), shows("running")),
    "adopt": Action(_found, _ask("adopt"), shows("running")),
    "retry": Action(_mended, _ask("retry"), shows("suspended")),
    "remove the project": Action(
        _purged, lambda run: run.remove(TENANTS, run.tenant), lambda view: not view.projects
    ),
}
