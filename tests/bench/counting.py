"""M5: what one operation after another asks of both sides."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from listener.sandbox import people, world
from tests.bench import rig, tally

SOON = {"LISTENER_CONFIRM_SECONDS": "1", "LISTENER_SETTLE_SECONDS": "3"}
"""The confirm time of 150 s would be waited for, not used; all other waits are the product's."""
QUIET = 1.0
"""Seconds without a request after which an operation counts as over."""
LIST = "GET /servers/{uuid}/resources"
BATCH = "POST /api/batch"
CATALOGUED = "POST agent_templates"
"""Written once, some seconds after the start: until then what is asked for is the start's."""
BY_THE_CLOCK = "GET /api/collections/listener_meta/records/main"
"""Asked every few seconds whatever happens, so how often depends on how long an operation takes."""
HEAD = (
    "operation",
    "s",
    "Coolify",
    "lists",
    "PocketBase",
    "batches",
    "rows written",
    "its calls",
    "its requests",
)

Count = dict[str, Any]
"""`name`, `seconds`, `coolify` (calls by route), `lists`, `reads` (requests that are no batch), `batches`,
and `written` (rows by method and collection)."""


@dataclass
class Counting:
    """Counts what one operation after another asks of both upstreams."""

    rig: rig.Rig
    tally: tally.Tally
    counts: list[Count] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def operation(self, name: str) -> AsyncIterator[None]:
        """The block is one operation; it ends when neither side was asked for `QUIET` seconds."""
        await self._quiet()
        await self.rig.forget_calls()
        self.tally.clear()
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        await self._quiet()
        calls = Counter(f"{call['method']} {call['route']}" for call in await self.rig.calls())
        lists, asked = calls.pop(LIST, 0), Counter(self.tally.requests)
        batches = asked.pop(BATCH, 0)
        asked.pop(BY_THE_CLOCK, 0)
        self.counts.append(
            {
                "name": name,
                "seconds": took,
                "coolify": dict(calls),
                "lists": lists,
                "reads": dict(asked),
                "batches": batches,
                "written": dict(self.tally.writes),
            }
        )

    async def _quiet(self) -> None:
        before, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET:
            now = self.tally.requests.total() + len(await self.rig.calls())
            if now != before:
                before, since = now, time.monotonic()
            await anyio.sleep(0.1)


async def counted(folder: Path) -> list[Count]:
    """The counts of every operation, in a world of its own whose daemon speaks past a counting proxy."""
    port = world.free_port()
    async with tally.before(port) as counter:
        env = {**SOON, "POCKETBASE_URL": f"http://127.0.0.1:{counter.port}"}
        async with rig.opened(folder, port=port, env=env) as one:
            while not counter.writes[CATALOGUED]:
                await anyio.sleep(0.1)
            return await operations(one, counter)


async def operations(one: rig.Rig, counter: tally.Tally) -> list[Count]:
    """What each operation asks for, renewals of the lease and what is asked by the clock left out."""
    counting = Counting(one, counter)
    async with counting.operation("provision a second stack"):
        (record,) = await one.create(1)
        await one.until_shown([record], "running")
    changes: list[tuple[str, dict[str, Any], str]] = [
        ("suspend", {"desired_state": "suspended"}, "suspended"),
        ("resume", {"desired_state": "running"}, "running"),
    ]
    for name, fields, status in changes:
        async with counting.operation(name):
            await _changed(one, record, fields, status)
    async with counting.operation("edit a variable"):
        tokens = {"TELEGRAM_BOT_TOKEN": people.BOT_TOKEN, "OPENAI_API_KEY": "sk-new", "MODEL": "small"}
        await _changed(one, record, {"config": {"env_vars": tokens}}, "running")
    async with counting.operation("save without a change (echo)"):
        await one.change(record, stack_name="bot-1")
    async with counting.operation("sweep with nothing to do"):
        tiers = "/api/collections/plan_tiers/records"
        row = (await people.ask(one.world.admin, "GET", tiers))["items"][0]
        await people.ask(one.world.admin, "PATCH", f"{tiers}/{row['id']}", {})
    async with counting.operation("delete, data kept"):
        await _changed(one, record, {"desired_state": "deleted"}, "deleted")
    return counting.counts


def totals(count: Count) -> tuple[int, int, int, int, int]:
    """Calls to Coolify, its lists, requests to PocketBase that are no batch, batches, and rows written."""
    calls, reads, written = (sum(count[name].values()) for name in ("coolify", "reads", "written"))
    return calls, count["lists"], reads, count["batches"], written


def row(count: Count) -> tuple[str, ...]:
    """One line of the table."""
    asked = {**count["reads"], BATCH: count["batches"]}
    numbers = map(str, totals(count))
    return (count["name"], f"{count['seconds']:.1f}", *numbers, _listed(count["coolify"]), _listed(asked))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind} {n}" if n > 1 else kind for kind, n in counts.items() if n)


async def _changed(one: rig.Rig, record: str, fields: dict[str, Any], status: str) -> None:
    """The record was changed and has shown that status again since."""
    before = len(one.events())
    await one.change(record, **fields)

    words: list[str] = []
    while words[-1:] != [status] or (status == "running" and len(words) == 1):
        await anyio.sleep(0.05)
        words = [word for _, _, key, word in one.events()[before:] if key == record]
