"""What goes wrong for many at once, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from tests.alerts.every.case import Case
from tests.alerts.every.tower import META, Tower

FOREVER = 1_000_000
LEASE = "/api/collections/listener_lease/records"


async def server(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    yield
    tower.world.coolify.server.reachable = False
    yield
    tower.world.coolify.server.reachable = True


async def prunes(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.world.coolify.server.delete_unused_volumes = True
    yield
    tower.world.coolify.server.delete_unused_volumes = False


async def disk(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.host.free_mb = 1_000
    yield
    tower.host.free_mb = 100_000


async def disk_unknown(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.host.measures = False
    await tower.leap(7_000)
    yield
    tower.host.measures = True


async def docker_unknown(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.host.watches = False
    yield
    tower.host.watches = True


async def brake(tower: Tower) -> AsyncGenerator[None]:
    stacks = [await tower.world.running() for _ in range(4)]
    yield
    for stack in stacks:
        await tower.world.edit(stack, desired_state="deleted")
    yield
    (waiting,) = [stack for stack in stacks if not tower.world.ledger(stack).stage]
    await tower.world.edit(waiting, action="approve")


async def breaker(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    rows = tower.world.coolify.world
    yield
    token = rows.tokens.pop(tower.world.coolify.token)
    yield
    rows.tokens[tower.world.coolify.token] = token


async def held(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    (row,) = await tower.world.rows("listener_lease")
    await tower.live(120)
    yield
    await tower.world.admin.patch(f"{LEASE}/{row['id']}", json={"fence": row["fence"]})
    yield
    now = tower.world.clock.now().strftime("%Y-%m-%d %H:%M:%S.000Z")
    await tower.world.admin.patch(META, json={"accepted_at": now})


async def pocketbase(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    yield
    tower.proxy.faults.add(times=FOREVER, reply="drop")
    yield
    tower.proxy.faults.clear()


async def lease(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    yield
    tower.proxy.faults.add("POST", "^/api/batch$", times=FOREVER, reply=403)
    yield
    tower.proxy.faults.clear()


async def coolify(tower: Tower) -> AsyncGenerator[None]:
    await tower.world.running()
    yield
    tower.world.coolify.faults.add(times=FOREVER, reply=502)
    yield
    tower.world.coolify.faults.clear()


async def flapping(tower: Tower) -> AsyncGenerator[None]:
    yield
    for _ in range(3):
        tower.host.free_mb = 1_000
        await tower.live(60)
        tower.host.free_mb = 100_000
        await tower.live(240)
    yield


CASES: Sequence[Case] = (
    Case(
        "server", "the server is not reachable for Coolify", "it is reachable again", server),
    Case(
        "prunes", "“delete unused volumes” is switched on in Coolify", "it is switched off", prunes
    ),
    Case(
        "disk", "1 GB of the host's disk is free", "there is room again", disk),
    Case(
        "disk_unknown", "the disk's timer is stopped", "it runs again", disk_unknown),
    Case(
        "docker_unknown", "the watch of Docker is stopped", "it runs again", docker_unknown),
    Case(
        "brake", "four stacks are deleted at once", "staff: `approve` for the one that waits", brake),
    Case(
        "breaker", "Coolify's token is revoked", "it is valid again", breaker),
    Case(
        "held", "PocketBase is put back: the lease's row is an older one", "staff: `accept`", held
    ),
    Case(
        "pocketbase", "every connection to PocketBase breaks", "it answers again", pocketbase),
    Case(
        "pocketbase", "PocketBase answers, and refuses to renew the lease", "it renews it", lease
    ),
    Case(
        "coolify", "Coolify answers 502 to everything", "it answers again", coolify),
    Case(
        "flapping", "the disk is full and has room again, three times", "half an hour of rest",
        flapping, besides=("disk",)
    ),
)  # fmt: skip
