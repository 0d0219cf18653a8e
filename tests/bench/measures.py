"""Three measures of the quick rig. Each returns lines of a table: what, and its figures as text."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence

import anyio

from tests.bench.rig import Rig

PACE = 0.4
"""Seconds between two creates of the unloaded measure."""
QUIET = 1.0
"""Seconds of rest before idleness is measured."""
IDLE_SECONDS = 20.0

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
