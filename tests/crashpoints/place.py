"""`Place`: one world whose daemon speaks through gates, and the bystanders that nothing may touch."""

from __future__ import annotations

import base64
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from pydantic import SecretStr

from listener.compose import catalog
from listener.pocketbase import schema
from listener.sandbox import people, world
from tests import fixtures
from tests.crashpoints import gate as gates
from tests.crashpoints.gate import Fate, Request
from tests.faults import proxy as proxies
from tests.faults import stage as stages

TEMPLATES = Path(__file__).parent.parent / "templates"
TENANTS = "/api/collections/tenants/records"
STACKS = stages.STACKS
LEDGER = "/api/collections/listener_ledger/records"
REQUESTS = "/api/collections/listener_requests/records"
SCHEDULES = "/api/collections/stack_schedules/records"
COMPOSE = base64.b64encode(
    b"services: {web: {image: 'nginx:1.27-alpine', healthcheck: {test: [CMD, 'true']}}}"
).decode()


@dataclass
class Knife:
    """Notes the effects that the daemon asks for once it is set, and kills at the one to cut."""

    kill: Callable[[], None]
    """The daemon has SIGKILL after the call."""
    meant: Callable[[Sequence[str]], bool] = lambda _: False
    """Of the effects so far, the last is the one to cut."""
    after: bool = False
    """The request is carried out before the cut."""
    seen: list[str] = field(default_factory=list)
    is_set: bool = False
    stirred: float = 0.0
    """When the last effect was asked for, on the loop's clock."""
    has_cut: anyio.Event = field(default_factory=anyio.Event)

    def set(self, meant: Callable[[Sequence[str]], bool], *, after: bool = False) -> None:
        """Counting begins anew."""
        self.meant, self.after, self.is_set, self.has_cut = meant, after, True, anyio.Event()
        self.seen.clear()

    def judge(self, request: Request) -> Fate:
        """The fate of a request of the daemon."""
        if not request.is_effect or not self.is_set or self.has_cut.is_set():
            self.stirred = anyio.current_time() if request.is_effect else self.stirred
            return gates.PASSES
        self.stirred = anyio.current_time()
        self.seen.append(str(request))
        if not self.meant(self.seen):
            return gates.PASSES
        return Fate(lost=True, then=self._cut) if self.after else Fate(forwarded=False, then=self._cut)

    def _cut(self) -> None:
        self.kill()
        self.has_cut.set()


@dataclass
class Place:
    """A world, what stands beside the runs, and the knife between."""

    stage: stages.Stage
    knife: Knife
    bystander: str = ""
    """Id of the second tenant's stack."""
    foreign: str = ""
    """Uuid of the service that somebody else made."""
    prunes: int = 0
    """Clean-ups of the server that deletions by hand brought about."""

    async def coolify(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of Coolify's API, past the gate, to somebody who has the token; None for a 404."""
        headers = {"Authorization": f"Bearer {self.stage.world.env['COOLIFY_TOKEN']}"}
        answer = await self.stage.standin.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success or answer.status_code == 404, (method, path, answer.text)
        return answer.json() if answer.is_success else None

    async def hand(self, verb: str, uuid: str, **more: Any) -> None:
        """A person does this to a service in Coolify's own pages."""
        self.prunes += verb == "delete"
        await people.ask(self.stage.standin, "POST", "/_standin/hand", {"do": verb, "uuid": uuid, **more})

    async def tenant(self, slug: str) -> str:
        """The id of a new active tenant."""
        body = {"name": slug, "slug": slug, "type": "demo", "status": "active", "plan_tier": "team"}
        return str((await people.ask(self.stage.admin, "POST", TENANTS, body))["id"])

    async def service_by_hand(self, name: str) -> str:
        """The uuid of a service that was made without the listener, in a project of its own, and runs."""
        project = (await self.coolify("POST", "/projects", {"name": name}))["uuid"]
        body = {
            "name": name, "project_uuid": project, "environment_name": "production",
            "server_uuid": world.SERVER, "docker_compose_raw": COMPOSE, "instant_deploy": True,
        }  # fmt: skip
        return str((await self.coolify("POST", "/services", body))["uuid"])

    async def beside(self) -> list[Any]:
        """The bystanders as they are on both sides, and what a clean-up of the server would show."""
        state = await people.ask(self.stage.standin, "GET", "/_standin/state")
        mine = [
            one
            for one in state["services"]
            if one["uuid"] == self.foreign or one["name"].endswith(f"-{self.bystander}")
        ]
        pruned = sum(one["prunes"] for one in state["servers"]) - self.prunes
        return [*mine, await self.stage.record(self.bystander), {"prunes": pruned}]

    async def restarted(self, keep: str, found: str) -> None:
        """The daemon that was cut runs again; what earlier runs left is gone.

        Not so what is of the tenant `keep`, nor the service `found`.
        """
        await self.stage.world.daemon_exit()
        await self._forget(keep, found)
        await self.stage.world.start_daemon()

    async def _forget(self, keep: str, found: str) -> None:
        """While nobody looks: no rows and no services of tenants other than this one and the bystanders'."""
        stage = self.stage
        kept = {keep, (await stage.record(self.bystander))["tenant_id"]}
        rows = {path: await stage.rows(path.split("/")[3]) for path in (LEDGER, STACKS)}
        old = [
            (path, row) for path, all_rows in rows.items() for row in all_rows if row["tenant_id"] not in kept
        ]
        for path, row in old:
            await people.ask(stage.admin, "DELETE", f"{path}/{row['id']}")
        tenants = [row for row in await stage.rows("tenants") if row["id"] not in kept]
        for row in tenants:
            await people.ask(stage.admin, "DELETE", f"{TENANTS}/{row['id']}")
        for service in await stage.services():
            if service["uuid"] not in (self.foreign, found) and not any(
                f"tenant={one} " in service["description"] for one in kept
            ):
                await self.hand("delete", service["uuid"])


@asynccontextmanager
async def gated(
    folder: Path, *, env: Mapping[str, str]
) -> AsyncIterator[tuple[stages.Stage, gates.Gate, gates.Gate]]:
    """A stage whose daemon is not started yet, and the gates through which it will speak to either side."""
    await anyio.Path(folder).mkdir(exist_ok=True)
    port = world.free_port()
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxies.before(port))
        database = await stack.enter_async_context(gates.before(proxy.port, upstream="PocketBase"))
        env = {"POCKETBASE_URL": database.url, **env}
        sandbox = await stack.enter_async_context(world.running(folder, port=port, env=env, daemon=False))
        await fixtures.unlimited(sandbox.admin, world.SERVER)
        behind = int(sandbox.coolify_url.rpartition(":")[2])
        coolify = await stack.enter_async_context(gates.before(behind, upstream="Coolify"))
        sandbox.env["COOLIFY_URL"] = coolify.url
        owner = await stack.enter_async_context(people.owner(sandbox.admin, sandbox.pocketbase.url))
        yield stages.Stage(sandbox, owner, proxy), database, coolify


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    """A place whose daemon is ready; a foreign service and a second tenant's stack run there."""
    async with gated(folder, env={"TEMPLATES_DIR": str(TEMPLATES)}) as (stage, database, coolify):
        knife = Knife(partial(stage.world.signal_daemon, signal.SIGKILL))
        database.judge = coolify.judge = knife.judge
        place = Place(stage, knife)
        await _furnish(place)
        yield place


async def _furnish(place: Place) -> None:
    stage = place.stage
    slugs = (*catalog.Catalog.load().slugs(), "web")
    password = SecretStr(stage.world.env["POCKETBASE_PASSWORD"])
    await schema.apply(stage.admin, rules=True, identity="listener", password=password, templates=slugs)
    await stage.world.start_daemon()
    (place.bystander,) = await stage.create()
    place.foreign = await place.service_by_hand("somebody-elses")
    await stage.until_shown([place.bystander], "running")
    await anyio.sleep(0.5)
