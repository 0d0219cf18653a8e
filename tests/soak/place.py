"""`Place`: the world of the soak, its two daemons, and what people remember of their records."""

from __future__ import annotations

import base64
import itertools
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx

from listener.compose import catalog
from listener.pocketbase import hooks
from listener.sandbox import people, world
from listener.sandbox import proxy as proxies
from tests import fixtures
from tests.soak.daemon import Daemon

STACKS = "/api/collections/agent_stacks/records"
TENANTS = "/api/collections/tenants/records"
REQUESTS = "/api/collections/listener_requests/records"
PLANTED = "planted"
"""In every secret that people write."""
TIERS = ("starter", "team", "business")
FOREIGN = 5
DEADLINE = 60
"""Seconds after which a start is looked into; the packaged templates give it 300 to 600."""
TEMPLATES = ("telegram-bot",) * 8 + ("base-llm", "openclaw-agent")
COMPOSE = base64.b64encode(b"services: {web: {image: 'nginx:1.27-alpine', volumes: ['data:/data']}}").decode()
KNOBS = {"latency": 0.01, "job_delay": 0.2, "job_spread": 0.5, "start_seconds": 0.5, "sync_delay": 0.3}


@dataclass
class Place:
    """Records are written past the proxies, by a superuser who is all of staff and all tenants."""

    world: world.World
    daemons: tuple[Daemon, Daemon]
    tenants: list[str] = field(default_factory=list)
    stacks: list[str] = field(default_factory=list)
    """Every stack that there ever was, in the order in which they were made."""
    gone: set[str] = field(default_factory=set)
    """Those whose record was deleted."""
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Records as an open form still shows them."""
    purged: set[str] = field(default_factory=set)
    """Stacks whose purge staff has asked for, ever."""
    foreign: dict[str, Any] = field(default_factory=dict)
    """Uuid of each service that is not ours -> as the API shows it."""
    minds: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """Stack or tenant -> when somebody changed their mind, and to what: it may be shorter than a look."""
    _held: set[str] = field(default_factory=set)
    count: Counter[str] = field(default_factory=Counter)
    """Kills and restarts."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def admin(self) -> httpx.AsyncClient:
        """A superuser's client to PocketBase."""
        return self.world.admin

    @property
    def templates(self) -> dict[str, str]:
        """The setting by which commands have the daemons' templates."""
        return {"TEMPLATES_DIR": self.daemons[0].env["TEMPLATES_DIR"]}

    @property
    def standin(self) -> httpx.AsyncClient:
        """The stand-in's own pages."""
        return self.world.standin

    async def rows(self, collection: str, fields: str = "") -> list[Any]:
        """Every row, as a superuser sees it."""
        path = f"/api/collections/{collection}/records?perPage=1000&skipTotal=1&fields={fields}"
        rows: list[Any] = (await people.ask(self.admin, "GET", path))["items"]
        return rows

    async def record(self, stack: str) -> dict[str, Any]:
        """The record as it is."""
        row: dict[str, Any] = await people.ask(self.admin, "GET", f"{STACKS}/{stack}")
        return row

    async def save(self, stack: str, **fields: Any) -> None:
        """These fields are stored on the stack's record."""
        if "desired_state" in fields:
            self.note(stack, fields["desired_state"])
        if fields.get("hold"):
            self.note(stack, "suspended")
        await people.ask(self.admin, "PATCH", f"{STACKS}/{stack}", fields)

    def note(self, whose: str, wish: str) -> None:
        """Somebody is about to want this of a stack, or of a tenant's."""
        self.minds.setdefault(whose, []).append((time.time(), wish))

    async def change_tenant(self, tenant: str, **fields: Any) -> None:
        """These fields are stored on the tenant's record."""
        if "status" in fields:
            self.note(tenant, "running" if fields["status"] == "active" else "suspended")
        await people.ask(self.admin, "PATCH", f"{TENANTS}/{tenant}", fields)

    async def ask(self, verb: str, stack: str) -> None:
        """Staff's command is written as a request."""
        body = {"verb": verb, "target": stack, "state": "open", "actor": "ada", "arguments": {}}
        await people.ask(self.admin, "POST", REQUESTS, body)

    def variables(self, template: str) -> dict[str, str]:
        """Good ones, with secrets that no other stack has."""
        number = next(self._numbers)
        key = {"OPENAI_API_KEY": f"{PLANTED}-key-{number:06d}"}
        if template != "telegram-bot":
            return key
        token = f"{2_000_000_000 + number}:{PLANTED}-token-{number:06d}-{secrets.token_hex(8)}"
        return {**key, "TELEGRAM_BOT_TOKEN": token}

    async def new_stack(self, tenant: str, template: str) -> None:
        """A stack is created, with a domain if it has a page."""
        name = f"s{next(self._numbers)}"
        body = {
            "tenant_id": tenant,
            "template": template,
            "stack_name": name,
            "domain": "" if template == "telegram-bot" else f"{name}.example.org",
            "status": "pending",
            "desired_state": "running",
            "config": {"env_vars": self.variables(template)},
        }
        row = await people.ask(self.admin, "POST", STACKS, body)
        self.stacks.append(row["id"])
        self.forms[row["id"]] = row

    async def leader(self) -> Daemon | None:
        """The daemon that the lease names, if it runs."""
        (row,) = await self.rows("listener_lease")
        return next((one for one in self.daemons if one.pid and f"-{one.pid}-" in row["holder"]), None)

    async def coolify(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of Coolify's API to somebody who has the token."""
        headers = {"Authorization": f"Bearer {self.world.env['COOLIFY_TOKEN']}"}
        answer = await self.standin.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    @asynccontextmanager
    async def held(self, what: str) -> AsyncIterator[bool]:
        """Whether it was free; then nobody else has it meanwhile. An empty name is always free."""
        if what in self._held:
            yield False
            return
        self._held |= {what} - {""}
        try:
            yield True
        finally:
            self._held.discard(what)

    async def turn(self) -> None:
        """The stand-in is as slow as it is in a soak, and nothing else is turned."""
        usual = {"rate_limit": 100_000, "reachable": True}
        await people.ask(self.standin, "POST", "/_standin/knobs", {**KNOBS, **usual})

    async def furnish(self, count: int) -> None:
        """Tenants, so many stacks, which staff accepts, and services that are nobody's business."""
        await self.turn()
        project = (await self.coolify("POST", "/projects", {"name": "somebody elses"}))["uuid"]
        for number in range(FOREIGN):
            body = {
                "name": f"foreign-{number}", "project_uuid": project, "environment_name": "production",
                "server_uuid": world.SERVER, "docker_compose_raw": COMPOSE, "instant_deploy": True,
            }  # fmt: skip
            self.foreign[(await self.coolify("POST", "/services", body))["uuid"]] = None
        for number in range(12):
            slug = f"tenant-{number}"
            tier = TIERS[number % len(TIERS)]
            body = {"name": slug, "slug": slug, "type": "demo", "status": "active", "plan_tier": tier}
            self.tenants.append((await people.ask(self.admin, "POST", TENANTS, body))["id"])
        for number in range(count):
            tenant = self.tenants[number % len(self.tenants)]
            await self.new_stack(tenant, TEMPLATES[number % len(TEMPLATES)])
        meta = "/api/collections/listener_meta/records/main"
        await people.ask(self.admin, "PATCH", meta, {"accepted_at": "2026-01-01 00:00:00.000Z"})
        await anyio.sleep(2.0)
        for uuid in self.foreign:
            self.foreign[uuid] = await self.coolify("GET", f"/services/{uuid}")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    """A place whose daemons do not run yet; no tier limits a tenant."""
    port = world.free_port()
    hooks.install(folder / "pb_hooks", force=True)
    templates = _impatient(folder / "templates")
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(world.running(folder, port=port, daemon=False))
        await fixtures.unlimited(sandbox.admin, world.SERVER)
        daemons = []
        for name, token in (("ann", sandbox.env["COOLIFY_TOKEN"]), ("bob", sandbox.guest_token)):
            proxy = await stack.enter_async_context(proxies.before(port))
            env = {
                **sandbox.env,
                "COOLIFY_TOKEN": token,
                "POCKETBASE_URL": proxy.url,
                "LISTENER_STATE_DIR": str(folder / name),
                "TEMPLATES_DIR": str(templates),
                "LISTENER_HTTP": f"127.0.0.1:{world.free_port()}",
            }
            log = folder / f"{name}.log"
            log.touch()
            daemons.append(Daemon(name, await _user(sandbox, token), proxy, env, log))
        yield Place(sandbox, (daemons[0], daemons[1]))


def _impatient(folder: Path) -> Path:
    """The packaged templates, whose starts are given up sooner: Coolify loses some here."""
    shutil.copytree(catalog.default_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*.yaml"):
        text = path.read_text()
        path.write_text(re.sub(r"(\bdeadline: )\d+", rf"\g<1>{DEADLINE}", text))
    return folder


async def _user(sandbox: world.World, token: str) -> int:
    """The number under which the stand-in notes what is asked with the token."""
    headers = {"Authorization": f"Bearer {token}"}
    assert (await sandbox.standin.get("/api/v1/servers", headers=headers)).is_success
    return int((await people.ask(sandbox.standin, "GET", "/_standin/calls"))[-1]["user"])
