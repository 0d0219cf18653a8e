"""`World`: real PocketBase, a stand-in for Coolify, real handlers, and a clock that tests move. No engine."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
from pydantic import SecretStr

from handlers import ledger, records
from listener import contract, errors, transport
from listener.compose import catalog as catalogs
from listener.pocketbase.client import PocketBase
from listener.pocketbase.lease import PocketBaseLease
from listener.pocketbase.session import Session
from listener.sandbox.standin import standin, state
from listener.secrets import sealing
from tests.handlers import lean, upstream
from tests.handlers.clock import Clock
from tests.handlers.process import Place, Process, begun
from tests.handlers.scissors import Blades, Crash, Scissors
from tests.handlers.turns import Turn

TEMPLATES = Path(__file__).parent / "templates"
START = 6.0
"""Seconds that Coolify takes for a start: longer than the pace of lists, so that one sees it down."""
CUT = errors.Transient("RUN_DEADLINE", "the run was cut")
MOST_TURNS = 400
"""Turns that one `settle` may take; more is a loop."""


class World:
    """Both upstreams, one listener without an engine, and what tests do to them."""

    def __init__(self, place: Place, *, admin: httpx.AsyncClient, scissors: Scissors) -> None:
        self.place = place
        self.admin = admin
        self.scissors = scissors
        self.clock = place.clock
        self.coolify = place.coolify
        self.waits = place.waits
        self.log: list[Turn] = []
        self.tenant_id = ""
        self._lease = PocketBaseLease(pocketbase=place.database)
        self._polled = place.clock.seconds
        self._names = itertools.count(1)
        self._terms = itertools.count(1)
        self.parts: Process

    async def begin(self) -> None:
        """Nothing exists and nothing is remembered, but one active tenant; the clock goes on."""
        await upstream.empty(self.admin)
        rows = self.coolify.world
        for one in (rows.services, rows.graveyard, rows.projects):
            one.clear()
        self.coolify.faults.clear()
        self.coolify.calls.reset()
        shown = {"listener_status": "active", "listener_message": "Active."}
        self.tenant_id = await self._tenant("acme", shown)
        await self._take_over()
        await self.parts.eyes.read_tiers()
        self.log.clear()

    async def restart(self) -> None:
        """A new process: empty memory, the lease taken, the ledger loaded; the old one is gone."""
        await self._take_over()
        await self.sweep()

    async def _take_over(self) -> None:
        self.scissors.set(None)
        term = next(self._terms)
        holder = f"world-{term}"
        await self._lease.advance(fence=(await self._lease.read()).fence, holder=holder)
        self.parts = begun(self.place, term=term, holder=holder)
        await self.parts.eyes.catch_up()

    # What the engine would do.

    async def sweep(self) -> None:
        """Every handler's differences are due."""
        for handler in (self.parts.tenants, self.parts.stacks, self.parts.schedules):
            for key in await handler.sweep():
                self.parts.turns.add(key, self.clock.seconds)

    async def poll(self) -> None:
        """A new list of Coolify, as when no end of a job is looked for; keys whose entry moved are due."""
        self._polled = self.clock.seconds
        self.parts.eyes.view.calm()
        with suppress(errors.ListenerError):
            for key in await self.parts.stacks.poll():
                self.parts.turns.add(key, self.clock.seconds)

    def touch(self, collection: str, record_id: str, *, deleted: bool = False) -> None:
        """An event names the record."""
        key = contract.Key(collection, record_id)
        self.parts.handlers[collection].noticed(contract.Change(key, deleted=deleted))
        self.parts.turns.add(key, self.clock.seconds)

    async def turn(self, key: contract.Key) -> Turn:
        """One key's turn, as a worker takes it; a bug of the listener is raised. After a crash: restart."""
        handler = self.parts.handlers[key.collection]
        plan, turn = None, Turn(key, error=CUT)
        try:
            with anyio.CancelScope() as self.scissors.scope:
                plan = await handler.plan(key)
                if self.parts.turns.is_early(plan, self.clock.seconds):
                    return Turn(key, plan)
                turn = Turn(key, plan, await handler.apply(plan))
        except errors.ListenerError as error:
            turn = Turn(key, plan, error=error)
        except Crash:
            self.log.append(turn)
            await self.restart()
            return turn
        self.log.append(turn)
        self.parts.turns.ended(turn, self.clock.seconds)
        if isinstance(turn.error, errors.Terminal | errors.Transient):
            await handler.report(key, turn.error)
        self._hear()
        return turn

    def _hear(self) -> None:
        """What was written comes back as events."""
        for key in self.scissors.echoes:
            self.touch(key.collection, key.id)
        self.scissors.echoes.clear()

    async def settle(self, seconds: float = 700.0) -> None:
        """Keys take their turns as they fall due in the next `seconds`, with polls between them.

        The clock ends at the last turn.
        """
        until = self.clock.seconds + seconds
        for _ in range(MOST_TURNS):
            found = self.parts.turns.take(until)
            if found is None:
                return
            moment, key = found
            self.clock.seconds = max(self.clock.seconds, moment)
            await self.turn(key)
            if self.clock.seconds - self._polled >= self.waits.poll:
                await self.poll()
        raise AssertionError(f"no rest after {MOST_TURNS} turns: {self.log[-6:]}")

    async def live(self, seconds: float) -> None:
        """That much time passes as in a running listener: polls, sweeps, and turns as they fall due."""
        until = self.clock.seconds + seconds
        swept = self.clock.seconds
        while self.clock.seconds < until:
            await self.settle(min(self.waits.poll, until - self.clock.seconds))
            self.clock.seconds = min(until, max(self.clock.seconds, self.clock.seconds + self.waits.poll))
            await self.poll()
            if self.clock.seconds - swept >= self.waits.resync:
                swept = self.clock.seconds
                await self.sweep()
        await self.settle(0.0)

    def pass_time(self, seconds: float) -> None:
        """Nobody looks meanwhile."""
        self.clock.seconds += seconds
        self.coolify.tick()

    async def plan(self, record_id: str) -> contract.Plan:
        """What would be done about a stack now."""
        return await self.parts.stacks.plan(contract.Key(records.STACKS, record_id))

    # What people do.

    async def tenant(self, slug: str = "", **more: Any) -> str:
        """A new active tenant's id."""
        made = await self._tenant(slug or f"tenant-{next(self._names)}", more)
        self.touch(records.TENANTS, made)
        return made

    async def _tenant(self, slug: str, more: dict[str, Any]) -> str:
        row = {"name": slug, "slug": slug, "type": "public", "status": "active", "max_stacks": 100, **more}
        return str((await self._send("POST", records.TENANTS, "", row))["id"])

    async def stack(self, template: str = "telegram-bot", **more: Any) -> str:
        """A new stack's id, of the first tenant unless told; nobody has looked at it yet."""
        row = {
            "tenant_id": self.tenant_id,
            "template": template,
            "stack_name": f"s{next(self._names)}",
            "status": "pending",
            "config": {"env_vars": ENV.get(template, {})},
            **more,
        }
        made = await self._send("POST", records.STACKS, "", row)
        self.touch(records.STACKS, made["id"])
        return str(made["id"])

    async def running(self, template: str = "telegram-bot", **more: Any) -> str:
        """A stack that was provisioned and runs."""
        record_id = await self.stack(template, **more)
        await self.settle()
        row = await self.row(record_id)
        assert row["status"] == "running", row
        return record_id

    async def edit(self, record_id: str, collection: str = records.STACKS, **fields: Any) -> None:
        """A person saves the record; the listener hears of it."""
        await self._send("PATCH", collection, record_id, fields)
        self.touch(collection, record_id)

    async def remove(self, record_id: str, collection: str = records.STACKS, *, heard: bool = True) -> None:
        """A person deletes the record in PocketBase; unheard, only a sweep can find out."""
        await self._send("DELETE", collection, record_id, None)
        if heard:
            self.touch(collection, record_id, deleted=True)

    def newer_catalog(self) -> catalogs.Catalog:
        """The same templates, one version later."""
        newer = {}
        for slug in self.place.catalog.slugs():
            template = self.place.catalog.get(slug)
            assert template is not None
            manifest = template.manifest.model_copy(update={"version": "2.0.0"})
            newer[slug] = replace(template, manifest=manifest)
        return catalogs.Catalog(newer)

    # What tests look at.

    async def row(self, record_id: str, collection: str = records.STACKS) -> dict[str, Any]:
        """The record as it is in PocketBase."""
        return await self._send("GET", collection, record_id, None)

    async def rows(self, collection: str, filter: str = "") -> list[dict[str, Any]]:  # noqa: A002
        """Rows as PocketBase has them."""
        answer = await self.admin.get(
            f"/api/collections/{collection}/records", params={"filter": filter, "perPage": 500}
        )
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def ledger(self, record_id: str) -> ledger.LedgerRow:
        """The listener's own row of the record."""
        row = self.parts.eyes.ledger.get(record_id)
        assert row is not None
        return row

    def services(self, record_id: str) -> list[state.Service]:
        """Live services whose description names the record."""
        return [one for one in self.coolify.services() if f"stack={record_id} " in one.description]

    def service(self, record_id: str) -> state.Service:
        """The one service of the record."""
        (found,) = self.services(record_id)
        return found

    def effects(self) -> list[str]:
        """Calls with an effect on Coolify since the last reset, by method and route."""
        return [f"{call.method} {call.route}" for call in self.coolify.calls if call.method != "GET"]

    async def _send(self, method: str, collection: str, record_id: str, body: Any) -> dict[str, Any]:
        path = f"/api/collections/{collection}/records/{record_id}".rstrip("/")
        answer = await self.admin.request(method, path, json=body)
        assert answer.status_code in (200, 204), answer.text
        made: dict[str, Any] = answer.json() if answer.content else {}
        return made


ENV: Mapping[str, Mapping[str, str]] = {
    "telegram-bot": {"TELEGRAM_BOT_TOKEN": "fake-bot-token", "OPENAI_API_KEY": "fake-router-key"},
    "base-llm": {"API_KEY": "fake-api-key"},
    "openclaw-agent": {"OPENAI_API_KEY": "fake-router-key"},
}
"""Good values for each template of `tests/handlers/templates`."""


@asynccontextmanager
async def made(
    url: str, admin: httpx.AsyncClient, *, token: SecretStr, catalog: catalogs.Catalog
) -> AsyncIterator[World]:
    """A world on that PocketBase; its listener begins with `restart`."""
    clock, scissors = Clock(), Scissors()
    coolify = standin.StandIn(clock=clock)
    coolify.knobs.turn({"rate_limit": 1_000_000, "start_seconds": START})
    headers = {"Authorization": f"Bearer {coolify.token}", "Accept": "application/json"}
    blades = Blades(httpx.ASGITransport(coolify.app), scissors)
    wire = Blades(lean.Lean(), scissors)
    async with (
        httpx.AsyncClient(transport=blades, base_url="http://coolify.example", headers=headers) as to_coolify,
        httpx.AsyncClient(transport=wire, base_url=url, timeout=transport.TIMEOUTS) as to_database,
    ):
        session = Session(http=to_database, identity="listener", password=None, token=token)
        place = Place(
            database=PocketBase(http=to_database, session=session), http=to_coolify, coolify=coolify,
            clock=clock, catalog=catalog, waits=contract.Waits(), sealer=sealing.Sealer([sealing.new_key()]),
        )  # fmt: skip
        yield World(place, admin=admin, scissors=scissors)
