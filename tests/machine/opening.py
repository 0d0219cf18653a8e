"""A stage with its wires to a real PocketBase and to a stand-in for Coolify."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from listener import transport
from listener.compose import catalog as catalogs
from listener.sandbox.standin import standin
from listener.secrets import sealing
from tests.handlers import lean, upstream
from tests.handlers.clock import Clock
from tests.handlers.process import Place
from tests.handlers.scissors import Blades, Scissors
from tests.machine import wire
from tests.machine.stage import WAITS, Stage
from tests.machine.ways import Ways


@asynccontextmanager
async def made(home: upstream.Upstream, catalog: catalogs.Catalog) -> AsyncIterator[Stage]:
    """A stage on that PocketBase; `begin` it."""
    clock, scissors, box = Clock(), Scissors(), list[Stage]()
    coolify = standin.StandIn(clock=clock)
    coolify.knobs.turn({"rate_limit": 10_000_000, "start_seconds": 12.0, "job_delay": 1.0, "sync_delay": 2.0})
    home_headers = {"Authorization": home.admin_token}
    headers = {"Authorization": f"Bearer {coolify.token}", "Accept": "application/json"}

    async def pause(request: httpx.Request) -> None:
        await box[0].pause(request)

    def tap(inner: httpx.AsyncBaseTransport, name: str, mood: wire.Mood) -> Blades:
        def seen(request: httpx.Request, answer: httpx.Response | None) -> None:
            getattr(box[0], name)(request, answer)

        return Blades(wire.Tap(inner, seen=seen, pause=pause, mood=mood), scissors)

    mood, plain = wire.Mood(), lean.Lean()
    to_coolify = tap(httpx.ASGITransport(coolify.app), "seen_coolify", wire.Mood())
    to_database = tap(lean.Lean(), "seen_database", mood)
    async with (
        httpx.AsyncClient(transport=lean.Lean(), base_url=home.url, headers=home_headers) as admin,
        httpx.AsyncClient(transport=to_coolify, base_url="http://coolify.example", headers=headers) as http,
        httpx.AsyncClient(transport=to_database, base_url=home.url, timeout=transport.TIMEOUTS) as tapped,
        httpx.AsyncClient(transport=plain, base_url=home.url, timeout=transport.TIMEOUTS) as untapped,
    ):
        ways = Ways(home, tapped, untapped)
        place = Place(
            database=ways.tapped(), http=http, coolify=coolify,
            clock=clock, catalog=catalog, waits=WAITS, sealer=sealing.Sealer([sealing.new_key()]),
        )  # fmt: skip
        box.append(Stage(place, admin=admin, scissors=scissors, mood=mood, ways=ways))
        yield box[0]
