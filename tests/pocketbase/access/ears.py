"""Everybody's streams: who subscribed to what, and what he heard."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
import httpx_sse

from tests import portal
from tests.pocketbase.access.world import Row, World

Heard = Counter[tuple[str, str, str]]
"""Topic, action and record id -> how often."""

Messages = AsyncGenerator[httpx_sse.ServerSentEvent, None]

SECONDS = 5.0
SETTLE = 0.15
"""Events overtake each other: so long one is waited for that must not come."""
BEACON = "beacon"
"""A collection that guests may list: it proves that a silent stream is alive."""


@dataclass
class Ear:
    """One person's stream."""

    heard: Heard = field(default_factory=Counter)
    records: list[Row] = field(default_factory=list)
    beacons: int = 0

    async def listen(self, messages: Messages) -> None:
        """Everything is noted, until cancelled."""
        async for message in messages:
            news = json.loads(message.data)
            if message.event.startswith(BEACON):
                self.beacons += 1
            else:
                self.heard[message.event, news["action"], news["record"]["id"]] += 1
                self.records.append(news["record"])


@dataclass(frozen=True)
class Ears:
    """Person -> ear."""

    world: World
    of: dict[str, Ear]

    async def heard(self, expected: Mapping[str, Heard]) -> None:
        """Each heard exactly this since the last time, on a stream that is alive; the others nothing."""
        wanted = {person: expected.get(person, Counter()) for person in self.of}
        with anyio.move_on_after(SECONDS):
            while any(wanted[person] - ear.heard for person, ear in self.of.items()):
                await anyio.sleep(0.01)
        await portal.add(self.world.root, BEACON, {})
        with anyio.fail_after(SECONDS):
            while not all(ear.beacons for ear in self.of.values()):
                await anyio.sleep(0.01)
        await anyio.sleep(SETTLE)
        wrong = {
            person: (ear.heard - wanted[person], wanted[person] - ear.heard)
            for person, ear in self.of.items()
        }
        told = {person: both for person, both in wrong.items() if any(both)}
        assert not told, f"heard too much, too little: {told}"
        for ear in self.of.values():
            ear.heard, ear.records, ear.beacons = Counter(), [], 0


@asynccontextmanager
async def listening(world: World, topics: Mapping[str, Sequence[str]]) -> AsyncIterator[Ears]:
    """The persons named are subscribed to these topics, each on his own stream."""
    body = {"name": BEACON, "type": "base", "listRule": ""}
    assert (await world.root.post("/api/collections", json=body)).status_code == 200
    ears = Ears(world, {person: Ear() for person in topics})
    try:
        async with AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(_subscribed(world.people[p], topics[p])) for p in topics
            ]
            async with anyio.create_task_group() as tasks:
                for ear, messages in zip(ears.of.values(), streams, strict=True):
                    tasks.start_soon(ear.listen, messages)
                yield ears
                tasks.cancel_scope.cancel()
    finally:
        assert (await world.root.delete(f"/api/collections/{BEACON}")).status_code == 204


@asynccontextmanager
async def _subscribed(http: httpx.AsyncClient, topics: Sequence[str]) -> AsyncIterator[Messages]:
    async with (
        httpx_sse.aconnect_sse(http, "GET", "/api/realtime", timeout=6 * SECONDS) as source,
        aclosing(source.aiter_sse()) as messages,
    ):
        hello = json.loads((await anext(messages)).data)
        body = {"clientId": hello["clientId"], "subscriptions": [f"{BEACON}/*", *topics]}
        answer = await http.post("/api/realtime", json=body)
        assert answer.status_code == 204, answer.text
        yield messages
