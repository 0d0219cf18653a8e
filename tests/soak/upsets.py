"""What goes wrong and what ends: faults on either side, and processes that are killed."""

from __future__ import annotations

import random
from typing import Any

import anyio

from listener.sandbox import faults_schedule, people
from tests.soak import troubles
from tests.soak.place import Place

ACCOUNTS = "/api/collections/listeners/records"


async def coolify(place: Place, dice: random.Random) -> None:
    """One of the faults of Coolify, for both daemons."""
    await _play(place, dice, "coolify", dice.choice(troubles.COOLIFY))


async def jobs(place: Place, dice: random.Random) -> None:
    """One of the faults of Coolify's queue."""
    await _play(place, dice, "jobs", dice.choice(troubles.JOBS))


async def pocketbase(place: Place, dice: random.Random) -> None:
    """One of the faults between one daemon and PocketBase."""
    await _play(place, dice, "pocketbase", dice.choice(troubles.POCKETBASE))


async def dead_tokens(place: Place, dice: random.Random) -> None:  # noqa: ARG001 - a deed
    """Every token of the listeners' account is dead; the password is as before."""
    (row,) = [row for row in await place.rows("listeners") if row["username"] == "listener"]
    password = place.world.env["POCKETBASE_PASSWORD"]
    body = {"password": password, "passwordConfirm": password}
    await people.ask(place.admin, "PATCH", f"{ACCOUNTS}/{row['id']}", body)


async def kill_leader(place: Place, dice: random.Random) -> None:  # noqa: ARG001 - a deed
    """SIGKILL for the one that acts."""
    if leader := await place.leader():
        place.count["leader killed"] += 1
        leader.kill()


async def kill_standby(place: Place, dice: random.Random) -> None:  # noqa: ARG001 - a deed
    """SIGKILL for the one that waits."""
    leader = await place.leader()
    for one in place.daemons:
        if leader is not None and one is not leader:
            place.count["standby killed"] += 1
            one.kill()


async def kill_both(place: Place, dice: random.Random) -> None:
    """SIGKILL for one and, a moment later, for the other."""
    for one in dice.sample(place.daemons, 2):
        place.count["both killed"] += 1
        one.kill()
        await anyio.sleep(dice.uniform(0.0, 1.0))


async def freeze_leader(place: Place, dice: random.Random) -> None:
    """The one that acts stands still for longer than its lease, and wakes."""
    if leader := await place.leader():
        place.count["leader frozen"] += 1
        await leader.freeze(dice.uniform(4.0, 9.0))


async def restart_pocketbase(place: Place, dice: random.Random) -> None:
    """It ends as it should, and comes back."""
    async with place.held("PocketBase") as is_mine:
        if is_mine:
            place.count["PocketBase restarted"] += 1
            with anyio.CancelScope(shield=True):  # it is never left half started
                await place.world.pocketbase.terminate()
                await anyio.sleep(dice.uniform(0.0, 3.0))
                await place.world.pocketbase.start()


async def kill_pocketbase(place: Place, dice: random.Random) -> None:
    """SIGKILL, and it comes back."""
    async with place.held("PocketBase") as is_mine:
        if is_mine:
            place.count["PocketBase killed"] += 1
            with anyio.CancelScope(shield=True):  # it is never left half started
                await place.world.pocketbase.kill()
                await anyio.sleep(dice.uniform(0.0, 3.0))
                await place.world.pocketbase.start()


async def restart_coolify(place: Place, dice: random.Random) -> None:
    """It ends with requests under way, and comes back with what it knew."""
    async with place.held("Coolify") as is_mine:
        if is_mine:
            place.count["Coolify restarted"] += 1
            with anyio.CancelScope(shield=True):  # it is never left half started
                await place.world.coolify.terminate()
                await anyio.sleep(dice.uniform(0.0, 3.0))
                await place.world.coolify.start()
                await place.turn()


async def _play(place: Place, dice: random.Random, where: str, raw: dict[str, Any]) -> None:
    """The fault has begun and ended; of those that turn one and the same thing, one at a time."""
    proxy = dice.choice(place.daemons).proxy
    turned = {"limit": "knobs", "turn": "knobs", "refuse": f"door {proxy.port}"}.get(raw["what"], "")
    async with place.held(turned) as is_mine:
        if is_mine:
            entry = troubles.entry(where, raw)
            await faults_schedule.Schedule([entry], place.standin, proxy, lambda _: None).play()
