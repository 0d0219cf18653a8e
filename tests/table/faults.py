"""The faults that listeners without a memory were put under: a burst of creates, and something breaks."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import anyio

from tests.table import counts, scene, spoils
from tests.table.counts import Count

KILLED_AT = 0.3
"""Share of the creates that Coolify has had."""
DOWN = 1.0
AWAY = 5.0
REFUSED, LOST = 0.10, 0.05
LIMIT, WINDOW = 60, 10.0


async def listener_killed(folder: Path, size: int) -> Count:
    """SIGKILL of the listener in the middle of a burst; it is started again at once."""
    async with scene.opened(folder) as on:
        killed = anyio.Event()

        def kill() -> None:
            on.stage.world.signal_daemon(signal.SIGKILL)
            killed.set()

        on.coolify.judge = spoils.at_create(int(KILLED_AT * size), kill)
        await on.burst(size)
        await killed.wait()
        since = time.monotonic()
        await on.stage.world.daemon_exit()
        await on.stage.world.start_daemon()
        return await counts.converged(on.stage, since=since)


async def database_killed(folder: Path, size: int) -> Count:
    """SIGKILL of PocketBase when half of the records are written; it is back after a second."""
    async with scene.opened(folder) as on:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(on.burst, size)
            while len(on.stage.made) < size // 2:
                await anyio.sleep(0.01)
            await on.stage.world.pocketbase.kill()
            await anyio.sleep(DOWN)
            await on.stage.world.pocketbase.start()
            since = time.monotonic()
        return await counts.converged(on.stage, since=since)


async def creates_fail(folder: Path, size: int) -> Count:
    """Of creates at Coolify 10 % are refused with 500, and 5 % carried out and their connection dropped."""
    async with scene.opened(folder) as on:
        on.coolify.judge = spoils.creates_fail(on.dice, refused=REFUSED, lost=LOST)
        await on.burst(size)
        return await counts.converged(on.stage)


async def throttled(folder: Path, size: int) -> Count:
    """Coolify lets 60 requests through in 10 s, and answers 429 to the others."""
    async with scene.opened(folder) as on:
        throttle = spoils.Throttle(LIMIT, WINDOW)
        on.coolify.judge = throttle.judge
        await on.burst(size)
        counted = await counts.converged(on.stage)
        windows = throttle.passed / LIMIT
        told = f"{throttle.passed} calls in {windows:.1f} windows, {throttle.refused} met a 429"
        return Count(**{**vars(counted), "told": told})


async def database_away(folder: Path, size: int) -> Count:
    """PocketBase is away for 5 s; what is written right after its return is carried out."""
    async with scene.opened(folder) as on:
        await on.stage.world.pocketbase.kill()
        await anyio.sleep(AWAY)
        await on.stage.world.pocketbase.start()
        since = time.monotonic()
        await on.burst(size)
        return await counts.converged(on.stage, since=since)
