"""PocketBase is put back to an earlier copy, as an operator does it after a mistake, and that is accepted."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx

from handlers import status
from listener.sandbox import people
from tests.soak.place import Place

META = "/api/collections/listener_meta/records/main"
AGE = (10.0, 30.0)
"""Seconds between the copy and its return."""
LOOKS = 30
"""How often the operator looks whether there is something to accept, once a second."""


async def restore(place: Place, dice: random.Random) -> None:
    """What was written since a copy was made is forgotten; not when data was removed meanwhile."""
    data = place.world.pocketbase.data_dir / "pb_data"
    copy = data.with_name(f"copy-{dice.getrandbits(32):08x}")
    purged = set(place.purged)
    if not await _swap(place, data, copy):
        return
    await anyio.sleep(dice.uniform(*AGE))
    if place.purged != purged or not await _swap(place, copy, data):
        return
    place.count["PocketBase restored"] += 1
    for _ in range(LOOKS):
        await anyio.sleep(1.0)
        await accept_what_was_restored(place)


async def accept_what_was_restored(place: Place) -> None:
    """The operator has read the report of whoever holds still, if anybody does."""
    for daemon in place.daemons:
        try:
            async with httpx.AsyncClient(base_url=f"http://{daemon.env['LISTENER_HTTP']}") as http:
                told = (await http.get("/readyz")).text
        except httpx.HTTPError:
            continue
        if "restored" in told:
            now = status.stamp(datetime.now(UTC))
            await people.ask(place.admin, "PATCH", META, {"accepted_at": now})


async def _swap(place: Place, source: Path, target: Path) -> bool:
    """While PocketBase is down, the target became what the source is; false when others are at it."""
    async with place.held("PocketBase") as is_mine:
        if is_mine:
            with anyio.CancelScope(shield=True):  # half a copy would be a mistake of ours
                await place.world.pocketbase.kill()
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target)
                await place.world.pocketbase.start()
        return is_mine
