"""M1 to M4: the same writes for every contender. Raw figures only: seconds of one host's monotonic clock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import anyio

from listener.sandbox import people
from tests.bench.contenders import LIMIT
from tests.bench.rig import Rig

PACE = 0.4
"""Seconds between two creates of the unloaded measure."""
ANSWER = 0.02
"""Seconds that the stand-in takes for an answer."""
AT_ONCE: Mapping[str, float] = {"latency": ANSWER, "job_delay": 0, "start_seconds": 0, "sync_delay": 0}
"""Knobs of a Coolify whose jobs take no time."""
LONG = 1200.0
"""Seconds within which a burst must be done."""

RECORDED: Mapping[tuple[str, str], float] = {
    ("POST", "^/services$"): 0.153,
    ("PATCH", "/envs/bulk$"): 0.097,
    ("POST", "/restart$"): 0.048,
}
"""Seconds that a real Coolify 4.3.10 took for an answer, in the median; its PATCH of a service stands for
that of variables, its start for a restart.
"""

Figures = dict[str, Any]


async def unloaded(one: Rig, letter: str, count: int) -> Figures:
    """M1 and M2: per create the seconds from its sending to its POST's arrival, and to `running` shown."""
    await one.knob(**AT_ONCE)
    await one.forget_calls()
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number in range(count):
        await anyio.sleep(max(0.0, began + number * PACE - time.monotonic()))
        sent.update(await one.create(1))
    await one.until_asked(count)
    posts = await one.creates()
    found: Figures = {"post": [posts[key] - at for key, at in sent.items()]}
    if letter != LIMIT:
        shown = await one.until_shown(list(sent), "running")
        found["running"] = [shown[key] - at for key, at in sent.items()]
    return found


async def burst(one: Rig, letter: str, count: int) -> Figures:
    """M3: seconds from the first write to the last POST's arrival, and to all records shown as running."""
    await one.knob(**AT_ONCE)
    await one.forget_calls()
    used = one.cpu()
    sent = await one.create(count)
    began, written = min(sent.values()), time.monotonic()
    await one.until_asked(count, seconds=LONG)
    posts = await one.creates()
    found: Figures = {"written": written - began, "last": max(posts.values()) - began}
    if letter != LIMIT:
        shown = await one.until_shown(list(sent), "running", seconds=LONG)
        found["running"] = max(shown.values()) - began
    return found | {"cpu": (one.cpu() - used) / count, "memory": one.memory("VmHWM")}


async def throttled(one: Rig, count: int, limit: int) -> Figures:
    """M4: how long so many creates take under that limit of requests a minute, and what they asked for."""
    await one.knob(rate_limit=limit, **AT_ONCE)
    await one.forget_calls()
    sent = await one.create(count)
    began = min(sent.values())
    await one.until_shown(list(sent), "running", seconds=LONG + 60.0 * 3 * count / limit)
    calls = await one.calls()
    deeds = [call for call in calls if call["method"] != "GET" and call["status"] < 300]
    kinds = Counter(f"{call['method']} {call['route']}" for call in calls if call["status"] != 429)
    return {
        "seconds": max(call["came"] for call in deeds) - began,
        "calls": kinds.total(),
        "refused": sum(call["status"] == 429 for call in calls),
        "limit": limit,
        "count": count,
        "kinds": dict(kinds.most_common()),
    }


async def recorded(one: Rig, count: int) -> Figures:
    """M5: per create the seconds from its first call's arrival to its last answer, with recorded delays."""
    await one.knob(**{**AT_ONCE, "latency": 0})
    for (method, path), delay in RECORDED.items():
        slow = {"method": method, "path": path, "times": 10 * count, "reply": None, "delay": delay}
        await people.ask(one.world.standin, "POST", "/_standin/faults", slow)
    await one.forget_calls()
    for _ in range(count):
        await one.until_shown(list(await one.create(1)), "running")
    deeds = [call for call in await one.calls() if call["method"] != "GET"]
    routes = ["POST /services", "PATCH /services/{uuid}/envs/bulk", "POST /services/{uuid}/restart"]
    assert [f"{call['method']} {call['route']}" for call in deeds] == routes * count
    last = RECORDED["POST", "/restart$"]
    return {
        "seconds": [
            end["came"] + last - begin["came"] for begin, end in zip(deeds[::3], deeds[2::3], strict=True)
        ]
    }
