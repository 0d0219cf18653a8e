"""Faults that a burst does not show: gaps in the stream, kills anywhere, all at once, and two daemons."""

from __future__ import annotations

import dataclasses
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx

from listener.sandbox import world
from tests.crashpoints import place as places
from tests.faults.stage import Stage, harmful
from tests.table import counts, scene, spoils
from tests.table.counts import Count
from tests.table.scene import Scene

GAPS, WRITES_A_SECOND, QUIET = 30.0, 5.0, 10.0
SOUP, SHARE = 40.0, 0.05
BLIND, FROZEN = 25.0, 15.0
KILLS = 12
IN_FLIGHT = 10


async def gaps(folder: Path, size: int) -> Count:
    """The stream is cut every 1 to 5 s while people write 5 times a second for 30 s; then all is quiet."""
    async with scene.opened(folder) as on:
        await on.provisioned(size)
        cuts = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_busy, on, GAPS, WRITES_A_SECOND)
            until = time.monotonic() + GAPS
            while time.monotonic() < until:
                await anyio.sleep(on.dice.uniform(1.0, 5.0))
                cuts += on.database.cut_streams()
        since = time.monotonic()
        await anyio.sleep(QUIET)
        late = len(await counts.unlike(on.stage))
        return await counts.converged(
            on.stage,
            since=since,
            told=f"{on.writes} writes, {cuts} cuts; {late} not converged after {QUIET:.0f} s of quiet",
        )


async def kills(folder: Path, size: int) -> Count:
    """Mixed operations, and SIGKILL at a random effect, before or after it, 12 times."""
    async with places.opened(folder) as place:
        on = Scene(place.stage, random.Random(1))
        await on.unlimited()
        await on.provisioned(size)
        beside, met = await place.beside(), 0
        for _ in range(KILLS):
            number = on.dice.randint(1, 20)
            place.knife.set(partial(_has, number), after=on.dice.random() < 0.5)
            for _ in range(size // 2):
                await on.mixed(on.stage.made[1:])
            with anyio.move_on_after(10.0):
                await place.knife.has_cut.wait()
            met += place.knife.has_cut.is_set()
            place.knife.is_set = False
            await on.stage.world.kill_daemon()
            await on.stage.world.start_daemon()
        counted = await counts.converged(on.stage)
        touched = int(await place.beside() != beside)
        told = f"{met} of {KILLS} kills at an effect; foreign objects touched: {touched}"
        return Count(**{**vars(counted), "told": told, "unlike": counted.unlike + touched})


async def soup(folder: Path, size: int) -> Count:
    """5 % each of 500, lost answer, 429, slow on both sides; PocketBase restarts, dead tokens, old forms."""
    async with scene.opened(folder) as on:
        await on.provisioned(size)
        stale = [await on.stage.record(one) for one in on.stage.made]
        on.judge(spoils.soup(on.dice, SHARE))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_busy, on, SOUP, 2.0)
            for _ in range(4):
                await anyio.sleep(SOUP / 8)
                for record in on.dice.sample(stale, 3):
                    await on.overwrite(record)
                await on.password(on.stage.world.env["POCKETBASE_PASSWORD"])
            await on.stage.world.pocketbase.restart()
        on.judge(spoils.passes)
        return await counts.converged(on.stage)


async def blinded(folder: Path, size: int) -> Count:
    """The account's password is another one: PocketBase answers lists with 200 and no rows."""
    async with scene.opened(folder) as on:
        await on.provisioned(size)
        before, mark, began = await on.stage.deeds(), on.stage.mark(), time.monotonic()
        await on.password("another-fake-password")
        await on.stage.until_logged("breaker.opened", since=mark, seconds=30.0)
        alarm = time.monotonic() - began
        await anyio.sleep(BLIND - alarm)
        deeds = await on.stage.deeds() - before
        await on.password(on.stage.world.env["POCKETBASE_PASSWORD"])
        since = time.monotonic()
        await on.stage.until_ready()
        told = f"{deeds.total()} effects, {len(harmful(deeds))} of them harmful; alarm after {alarm:.1f} s"
        return await counts.converged(on.stage, since=since, told=told)


async def drained(folder: Path, size: int) -> Count:
    """SIGTERM while 10 creates wait for their answers."""
    async with scene.opened(folder, LISTENER_WORKERS=str(IN_FLIGHT)) as on:
        await on.provisioned(1)
        begun = (await on.stage.deeds())["POST /services"]
        await on.stage.fault(method="POST", path="^/services$", reply=None, delay=2.0, times=1000)
        await on.burst(size)

        async def are_in_flight() -> bool:
            return (await on.stage.deeds())["POST /services"] - begun >= IN_FLIGHT

        await on.stage.until(are_in_flight, f"{IN_FLIGHT} creates are under way")
        began = time.monotonic()
        on.stage.world.signal_daemon(signal.SIGTERM)
        code = await on.stage.world.daemon_exit()
        took = time.monotonic() - began
        rows = await on.stage.rows("listener_ledger", fields="id,intent")
        open_ones = sum(bool(row["intent"]) for row in rows)
        await on.stage.no_fault()
        since = time.monotonic()
        await on.stage.world.start_daemon()
        told = f"exit {code} after {took:.1f} s; {open_ones} operations left open"
        return await counts.converged(on.stage, since=since, told=told)


async def two_daemons(folder: Path, size: int) -> Count:
    """The leader of two is frozen for 15 s in the middle of a burst, and the other takes over after 5 s."""
    async with (
        scene.opened(folder) as on,
        _another_host(on.stage, folder / "other") as other,
    ):
        heir = dataclasses.replace(on.stage, world=other)
        frozen = anyio.Event()

        def freeze() -> None:
            on.stage.world.signal_daemon(signal.SIGSTOP)
            frozen.set()

        on.coolify.judge = spoils.at_create(size // 3, freeze)
        await on.burst(size)
        await frozen.wait()
        since = time.monotonic()
        await heir.until_logged("lease.taken", seconds=30.0)
        failover = time.monotonic() - since
        await anyio.sleep(FROZEN - failover)
        on.stage.world.signal_daemon(signal.SIGCONT)
        return await counts.converged(on.stage, since=since, told=f"failover after {failover:.1f} s")


def _has(number: int, seen: Sequence[str]) -> bool:
    return len(seen) == number


async def _busy(on: Scene, seconds: float, a_second: float) -> None:
    """People write for so long; a PocketBase that is away is tried again."""
    with anyio.move_on_after(seconds):
        while True:
            try:
                await on.mixed(on.stage.made)
            except httpx.TransportError:
                await anyio.sleep(scene.RETRY)
            await anyio.sleep(1 / a_second)


@asynccontextmanager
async def _another_host(stage: Stage, folder: Path) -> AsyncIterator[world.World]:
    """The same world seen from another host, where a second daemon stands by."""
    await anyio.Path(folder).mkdir()
    places_of_its_own = {
        "LISTENER_STATE_DIR": str(folder / "state"),
        "LISTENER_HTTP": f"127.0.0.1:{world.free_port()}",
    }
    env = {**stage.world.env, **places_of_its_own}
    other = dataclasses.replace(stage.world, data_dir=folder, env=env, _daemon=None)
    try:
        await other.start_daemon()
        yield other
    finally:
        await other.stop_daemon()
