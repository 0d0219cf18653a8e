"""The four measures. Each returns lines of a table: what, and its figures as text."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from listener.sandbox import people
from tests.bench.rig import Rig
from tests.bench.tally import Tally

PACE = 0.4
"""Seconds between two creates of the unloaded measure."""
QUIET = 1.0
"""Seconds without a request after which an operation counts as over."""
IDLE_SECONDS = 20.0
LIST = "GET /servers/{uuid}/resources"

Row = tuple[str, ...]


def spread(seconds: Sequence[float]) -> Row:
    """p50, p95, p99 and the largest, in milliseconds."""
    ordered = sorted(seconds)
    ranks = [ordered[min(len(ordered) - 1, round(share * len(ordered)))] for share in (0.5, 0.95, 0.99)]
    return tuple(f"{1000 * value:.1f}" for value in (*ranks, ordered[-1]))


async def idle(rig: Rig, stacks: int) -> list[Row]:
    """Memory and processor time while nothing happens, with so many running stacks."""
    await rig.until_shown(list(await rig.create(stacks - rig.made)), "running")
    await anyio.sleep(QUIET)
    calls = len(await rig.calls())
    began, used = time.monotonic(), rig.cpu()
    await anyio.sleep(IDLE_SECONDS)
    share = (rig.cpu() - used) / (time.monotonic() - began)
    return [
        ("stacks", f"{stacks}"),
        ("resident memory, MiB", f"{rig.memory():.1f}"),
        ("highest so far, MiB", f"{rig.memory('VmHWM'):.1f}"),
        (f"processor over {IDLE_SECONDS:.0f} s, % of one core", f"{100 * share:.2f}"),
        ("the same, seconds in an hour", f"{3600 * share:.0f}"),
        (f"calls to Coolify in these {IDLE_SECONDS:.0f} s", f"{len(await rig.calls()) - calls}"),
    ]


async def unloaded(rig: Rig, count: int) -> list[Row]:
    """From sending a create to what comes of it, one at a time."""
    await rig.forget_calls()
    used, sent = rig.cpu(), {}
    began = time.monotonic()
    for number in range(count):
        await anyio.sleep(max(0.0, began + number * PACE - time.monotonic()))
        sent.update(await rig.create(1))
    shown = await rig.until_shown(list(sent), "running")
    posts = await rig.creates()
    heard = {key: at for at, action, key, _ in rig.events() if action == "create"}
    raw = [heard[key] - at for key, at in sent.items()]
    ours = [posts[key] - at for key, at in sent.items()]
    return [
        ("raw reader has the event", *spread(raw)),
        ("Coolify has our POST /services", *spread(ours)),
        (
            "ours after the raw reader's, same create",
            *spread([b - a for a, b in zip(raw, ours, strict=True)]),
        ),
        ("the record says running", *spread([shown[key] - at for key, at in sent.items()])),
        ("processor time a stack", f"{1000 * (rig.cpu() - used) / count:.1f}"),
    ]


async def burst(rig: Rig, count: int, *, latency: float) -> list[Row]:
    """So many creates at once, with a Coolify that takes `latency` seconds a call."""
    await rig.knob(latency=latency)
    await rig.forget_calls()
    used = rig.cpu()
    sent = await rig.create(count)
    began = min(sent.values())
    written = time.monotonic() - began
    shown = await rig.until_shown(list(sent), "running")
    calls = await rig.calls()
    kinds = Counter(f"{call['method']} {call['route']}" for call in calls)
    posts = await rig.creates()
    starts = [call["at"] for call in calls if call["route"] == "/services/{uuid}/restart"]
    heard = {key: at for at, action, key, _ in rig.events() if action == "create"}
    return [
        ("all records written, s", f"{written:.2f}"),
        ("raw reader has the last event, s", f"{max(heard[key] for key in sent) - began:.2f}"),
        ("last POST /services, s", f"{max(posts.values()) - began:.2f}"),
        ("last restart asked for, s", f"{max(starts) - began:.2f}"),
        ("half of the records say running, s", f"{statistics.median(shown.values()) - began:.2f}"),
        ("all records say running, s", f"{max(shown.values()) - began:.2f}"),
        ("processor time a stack, ms", f"{1000 * (rig.cpu() - used) / count:.1f}"),
        ("highest resident memory, MiB", f"{rig.memory('VmHWM'):.1f}"),
        ("calls to Coolify", ", ".join(f"{kind} {number}" for kind, number in kinds.most_common())),
    ]


@dataclass
class Counting:
    """Counts what one operation after another asks of both upstreams."""

    rig: Rig
    tally: Tally
    rows: list[Row] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def operation(self, name: str) -> AsyncIterator[None]:
        """The block is one operation; it ends when neither side was asked for `QUIET` seconds."""
        await self._quiet()
        await self.rig.forget_calls()
        self.tally.requests.clear()
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        await self._quiet()
        calls = Counter(f"{call['method']} {call['route']}" for call in await self.rig.calls())
        lists = calls.pop(LIST, 0)
        asked = self.tally.requests
        batches = asked["POST /api/batch"]
        self.rows.append(
            (
                *(name, f"{took:.1f}", f"{calls.total()}", f"{lists}"),
                *(f"{asked.total() - batches}", f"{batches}"),
                ", ".join(f"{kind} {number}" if number > 1 else kind for kind, number in calls.items()),
                ", ".join(f"{kind} {number}" if number > 1 else kind for kind, number in asked.items()),
            )
        )

    async def _quiet(self) -> None:
        before, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET:
            now = self.tally.requests.total() + len(await self.rig.calls())
            if now != before:
                before, since = now, time.monotonic()
            await anyio.sleep(0.1)


async def operations(rig: Rig, tally: Tally) -> list[Row]:
    """Calls to Coolify and requests to PocketBase of each operation, renewals of the lease left out."""
    counting = Counting(rig, tally)
    async with counting.operation("provision a second stack"):
        (record,) = await rig.create(1)
        await rig.until_shown([record], "running")
    changes: list[tuple[str, dict[str, Any], str]] = [
        ("suspend", {"desired_state": "suspended"}, "suspended"),
        ("resume", {"desired_state": "running"}, "running"),
    ]
    for name, fields, status in changes:
        async with counting.operation(name):
            await _changed(rig, record, fields, status)
    async with counting.operation("edit a variable"):
        tokens = {"TELEGRAM_BOT_TOKEN": people.BOT_TOKEN, "OPENAI_API_KEY": "sk-new", "MODEL": "small"}
        await _changed(rig, record, {"config": {"env_vars": tokens}}, "running")
    async with counting.operation("save without a change (echo)"):
        await rig.change(record, stack_name="bot-1")
    async with counting.operation("sweep with nothing to do"):
        tiers = "/api/collections/plan_tiers/records"
        row = (await people.ask(rig.world.admin, "GET", tiers))["items"][0]
        await people.ask(rig.world.admin, "PATCH", f"{tiers}/{row['id']}", {})
    async with counting.operation("delete, data kept"):
        await _changed(rig, record, {"desired_state": "deleted"}, "deleted")
    return counting.rows


async def _changed(rig: Rig, record: str, fields: dict[str, Any], status: str) -> None:
    """The record was changed and has shown that status again since."""
    before = len(rig.events())
    await rig.change(record, **fields)

    words: list[str] = []
    while words[-1:] != [status] or (status == "running" and len(words) == 1):
        await anyio.sleep(0.05)
        words = [word for _, _, key, word in rig.events()[before:] if key == record]
