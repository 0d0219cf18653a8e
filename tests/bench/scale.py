"""M6 to M8 and growth: what very many stacks cost. Counters are the daemon's own, read from `/metrics`."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from listener.sandbox import child, people
from tests.bench import crowd, rig

EDITS = 20
EDIT_PACE = 0.2
"""Seconds between two edits."""
SETTLED = 900.0
"""Seconds within which the daemon must have looked at every stack."""
SHARE = 20.0
"""The daemon is asked for its metrics at most every this many times as long as it takes to tell them."""
QUIET = 3.0
"""Seconds in which nothing may begin before the daemon counts as idle."""
TIERS = "/api/collections/plan_tiers/records"
TOOK = "took"
SAMPLE = re.compile(r"^cloudfreedom_(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)

Figures = dict[str, Any]


async def measured(folder: Path, count: int, *, idle: float) -> Figures:
    """A start, a sweep with nothing to do and `idle` seconds with `count` stacks; then a start with edits."""
    async with _seeded(folder, count) as one:
        found: Figures = {"list": await _list_time(one)}
        await one.forget_calls()
        began = time.monotonic()
        async with _daemon(one):
            found["ready"] = await rig.ready(one.world.health_url, seconds=SETTLED) - began
            found["settled"] = await _settled(one, count) - began
            found["start_cpu"], found["start_memory"] = one.cpu(), one.memory("VmHWM")
            found["calls"] = dict(Counter(f"{call['method']} {call['route']}" for call in await one.calls()))
            assert not [kind for kind in found["calls"] if not kind.startswith("GET ")], found["calls"]
            found["sweep"] = await _sweep(one)
            found["idle"] = await _idle(one, idle)
            found["memory"] = one.memory()
            found["scrape"] = (await figures(one))[TOOK][""]
        async with _daemon(one):
            await rig.ready(one.world.health_url, seconds=SETTLED)
            found["edits"] = await _edits(one, EDITS)
        return found


@asynccontextmanager
async def _seeded(folder: Path, count: int) -> AsyncIterator[rig.Rig]:
    """A world with so many running stacks and no daemon; `EDITS` of them are the rig's own."""
    async with AsyncExitStack() as stack:
        sandbox, tenant_id, events = await rig.prepared(stack, folder)
        one = rig.Rig(sandbox, tenant_id, None, events)
        async with _daemon(one):
            await rig.ready(one.world.health_url)
            await one.until_shown(list(await one.create(EDITS)), "running")
            await _settled(one, EDITS)
        await crowd.grown(sandbox, one.ids[0], count - EDITS)
        yield one


@asynccontextmanager
async def _daemon(one: rig.Rig) -> AsyncIterator[None]:
    """`cloudfreedom run` runs in the block, and has ended by SIGTERM after it."""
    with one.world.log.open("ab") as output:
        one.process = await child.spawn(rig.RUN, output=output, env={**os.environ, **one.world.env})
    try:
        yield
    finally:
        await child.terminate(one.daemon)


async def figures(one: rig.Rig) -> dict[str, dict[str, float]]:
    """The daemon's metrics: name to labels to value; and the seconds that it took to tell them."""
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=one.world.health_url, timeout=60.0) as http:
        text = (await http.get("/metrics")).text
    found: dict[str, dict[str, float]] = {TOOK: {"": time.monotonic() - began}}
    for name, labels, value in SAMPLE.findall(text):
        found.setdefault(name, {})[labels] = float(value)
    return found


async def _rest(shown: dict[str, dict[str, float]]) -> None:
    """Until the metrics may be asked for again without weighing on what is measured."""
    await anyio.sleep(max(rig.LOOK, SHARE * shown[TOOK][""]))


def _asked(shown: dict[str, dict[str, float]]) -> Counter[str]:
    """Requests by upstream."""
    found: Counter[str] = Counter()
    for labels, value in shown["rest_client_requests_total"].items():
        found[labels.partition('upstream="')[2].partition('"')[0]] += int(value)
    return found


async def _list_time(one: rig.Rig) -> float:
    """Seconds that the stand-in takes for the list of all services, the best of three."""
    headers = {"Authorization": f"Bearer {one.world.env['COOLIFY_TOKEN']}"}
    took = []
    for _ in range(3):
        began = time.monotonic()
        path = f"/api/v1/servers/{one.world.coolify.server}/resources"
        answer = await one.world.standin.get(path, headers=headers, timeout=60.0)
        assert answer.status_code == 200, answer.text
        took.append(time.monotonic() - began)
    return min(took)


async def _settled(one: rig.Rig, count: int) -> float:
    """When the daemon had looked at so many stacks and nothing waited any more, on the monotonic clock."""
    since, before = time.monotonic(), -1.0
    with anyio.fail_after(SETTLED):
        while True:
            shown = await figures(one)
            runs = sum(
                value for labels, value in shown["reconcile_total"].items() if "agent_stacks" in labels
            )
            waiting = sum(shown["workqueue_depth"].values())
            if runs != before or waiting or runs < count:
                since, before = time.monotonic(), runs
            elif time.monotonic() - since > QUIET:
                return since
            await _rest(shown)


async def _edits(one: rig.Rig, count: int) -> Figures:
    """Seconds from sending an edit to the first request about its service; keys that wait after the last."""
    sent: dict[str, float] = {}
    await one.forget_calls()
    for number, record_id in enumerate(one.ids[:count]):
        record = await people.ask(one.world.admin, "GET", f"{rig.STACKS}/{record_id}")
        variables = {**record["config"]["env_vars"], "MODEL": f"model-{number}"}
        sent[record["coolify_service_uuid"]] = time.monotonic()
        await one.change(record_id, config={"env_vars": variables})
        await anyio.sleep(EDIT_PACE)
    waiting = sum((await figures(one))["workqueue_depth"].values())
    with anyio.fail_after(rig.SECONDS):
        while len(first := await _first(one, sent)) < count:
            await anyio.sleep(rig.LOOK)
    return {"seconds": [first[uuid] - at for uuid, at in sent.items()], "waiting": waiting}


async def _first(one: rig.Rig, sent: dict[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for call in await one.calls():
        uuid = next((part for part in call["path"].split("/") if part in sent), "")
        if uuid and call["came"] >= sent[uuid]:
            found.setdefault(uuid, call["came"])
    return found


async def _sweep(one: rig.Rig) -> Figures:
    """One sweep that finds nothing: seconds by the daemon's own clock, processor time, requests."""
    before, used = await figures(one), one.cpu()
    row = (await people.ask(one.world.admin, "GET", TIERS))["items"][0]
    await people.ask(one.world.admin, "PATCH", f"{TIERS}/{row['id']}", {})
    with anyio.fail_after(SETTLED):
        while (after := await figures(one))["sweep_seconds_count"] == before["sweep_seconds_count"]:
            await _rest(after)
    await _settled(one, 0)
    done, asked = after["sweep_seconds_sum"][""] - before["sweep_seconds_sum"][""], _asked(after)
    asked.subtract(_asked(before))
    return {"seconds": done, "cpu": one.cpu() - used, "asked": dict(asked)}


async def _idle(one: rig.Rig, seconds: float) -> Figures:
    """Processor time and requests of so many seconds in which nobody does anything and no sweep is due."""
    before, used, began = await figures(one), one.cpu(), time.monotonic()
    await anyio.sleep(seconds)
    after, took = await figures(one), time.monotonic() - began
    asked = _asked(after)
    asked.subtract(_asked(before))
    swept = after["sweep_seconds_count"][""] - before["sweep_seconds_count"][""]
    return {"seconds": took, "cpu": one.cpu() - used, "asked": dict(asked), "sweeps": swept}
