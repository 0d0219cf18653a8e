"""What goes wrong with one stack, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

from handlers.status import stamp
from listener.dockerwatch import containers
from listener.sandbox.standin.faults import JobFault
from tests.alerts.every.case import Case
from tests.alerts.every.tower import Tower
from tests.handlers import test_byhand as by_hands
from tests.handlers import test_drift as drifts
from tests.handlers.asking import ask

DAY = 86_400.0
HOUR = 3_600.0


def copied(tower: Tower) -> dict[str, str]:
    """Of a new record: its data was copied just now, as far as a stack of this moment can say so."""
    return {"last_backup": stamp(tower.world.clock.now())}


async def unhealthy(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running("base-llm", **copied(tower))
    coolify, uuid = tower.world.coolify, tower.world.service(stack).uuid
    yield
    coolify.knobs.unhealthy = "^cf-"
    coolify.hand.sync(uuid)
    yield
    coolify.knobs.unhealthy = ""
    coolify.hand.sync(uuid)


async def late(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.world.coolify.knobs.never_start = "^cf-"
    await tower.world.stack()
    yield
    tower.world.coolify.knobs.never_start = ""


async def stopped(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    by_hands.stop(tower.world, stack)
    await tower.live(400)
    yield
    by_hands.stop(tower.world, stack)
    yield
    await tower.world.edit(stack, action="retry")


async def blocked(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    yield
    tower.world.coolify.hand.delete(tower.world.service(stack).uuid)
    yield
    assert (await ask(tower.world, "recreate", stack))["state"] == "done"


async def matches(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    service, hand = tower.world.service(stack), tower.world.coolify.hand
    yield
    twin = hand.clone(service.uuid)
    hand.edit(twin, name=service.name)
    yield
    hand.delete(twin)


def _end(tower: Tower, stack: str, code: int, *, oom: bool = False) -> None:
    service, now = tower.world.service(stack).uuid, tower.world.clock.now()
    if oom:
        tower.host.ends.kill(service, "bot", now)
    tower.host.ends.add(service, "bot", containers.End(now, code))


async def oom(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    yield
    _end(tower, stack, 137, oom=True)
    yield


async def crash_loop(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    yield
    for _ in range(containers.OFTEN):
        _end(tower, stack, 1)
        tower.world.pass_time(20)
    yield


async def by_hand(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    tower.world.pass_time(5)
    yield
    drifts.edit_compose(tower.world, stack)
    yield
    await tower.world.edit(stack, action="redeploy")


async def not_stopped(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running()
    jobs = tower.world.coolify.jobs
    yield
    lost = jobs.spoil(JobFault("lose", "stop", times=1_000_000))
    await tower.world.edit(stack, desired_state="suspended")
    yield
    jobs.lift(lost.number)


async def volume(tower: Tower) -> AsyncGenerator[None]:
    tier = "/api/collections/plan_tiers/records/starter"
    limits = (await tower.world.admin.get(tier)).json()["limits"]
    with_volume = {**limits, "base-llm": {"web": {"volume": "2G"}}}
    await tower.world.admin.patch(tier, json={"limits": with_volume})
    await tower.world.sweep()
    stack = await tower.world.running("base-llm", **copied(tower))
    await tower.world.admin.patch(tier, json={"limits": limits})
    name = f"{tower.world.service(stack).uuid}_web-data"
    yield
    tower.host.volumes = {name: 50_000}
    yield
    tower.host.volumes = {name: 100}


async def refused(tower: Tower) -> AsyncGenerator[None]:
    yield
    stack = await tower.world.stack(config={"env_vars": {}})
    yield
    await tower.world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-bot-token"}})


async def error(tower: Tower) -> AsyncGenerator[None]:
    yield
    tower.world.coolify.faults.add("POST", "^/services$", times=3, reply=422)
    stack = await tower.world.stack()
    yield
    tower.world.coolify.faults.clear()
    await tower.world.edit(stack, action="retry")


async def backup_failed(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running("base-llm", **copied(tower))
    yield
    now = tower.world.clock.now().isoformat()
    await tower.world.edit(stack, last_backup_info=FAILED % now)
    yield
    now = stamp(tower.world.clock.now())
    await tower.world.edit(stack, last_backup_info=DONE % now, last_backup=now)


async def backup_overdue(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running("base-llm", **copied(tower))
    yield
    await tower.leap(36 * HOUR)
    yield
    now = stamp(tower.world.clock.now())
    await tower.world.edit(stack, last_backup_info=DONE % now, last_backup=now)


async def unproven(tower: Tower) -> AsyncGenerator[None]:
    stack = await tower.world.running("base-llm", **copied(tower))
    await tower.world.edit(stack, desired_state="deleted")
    await tower.live(600)
    yield
    await tower.leap(30 * DAY)
    yield
    at = (tower.world.clock.now() - timedelta(seconds=1)).isoformat()
    answer = await ask(tower.world, "backup_proven", stack, snapshot="1a2b3c4d", at=at)
    assert answer["state"] == "done", answer


async def orphan(tower: Tower) -> AsyncGenerator[None]:
    stack, _ = [await tower.world.running() for _ in range(2)]
    record = await tower.world.row(stack)
    yield
    for collection in ("agent_stacks", "listener_ledger"):
        await tower.world.admin.delete(f"/api/collections/{collection}/records/{stack}")
    await tower.world.restart()
    tower.begin()
    yield
    kept = {name: value for name, value in record.items() if name not in ("created", "updated")}
    await tower.world.stack(**kept)


FAILED = '{"state": "failed", "tried": "%s", "error": "BACKUP_DISK_FULL · there is no room left"}'
DONE = '{"state": "done", "tried": "%s", "snapshot": "1a2b3c4d"}'
CASES: Sequence[Case] = (
    Case(
        "unhealthy", "the containers' health check fails", "it passes again", unhealthy
    ),
    Case(
        "late", "`docker compose up` of a new stack fails", "it succeeds at the next try", late),
    Case(
        "stopped", "somebody stops a stack in Coolify, and again after it was restored",
        "staff: `retry`", stopped, besides=("late",),
    ),
    Case(
        "blocked", "somebody deletes the service in Coolify", "staff: `recreate`", blocked),
    Case(
        "matches", "somebody clones the service in Coolify and gives the copy its name",
        "the copy is deleted there", matches,
    ),
    Case(
        "oom", "the kernel ends a container for want of memory", "an hour without another", oom),
    Case(
        "crash_loop", "a container ends three times", "ten minutes without another", crash_loop, lasts=300.0),
    Case(
        "by_hand", "somebody edits the compose in Coolify", "staff: `redeploy`", by_hand),
    Case(
        "not_stopped", "a stack is suspended, and Coolify loses every stop", "Coolify stops it", not_stopped
    ),
    Case(
        "volume", "a volume grows beyond what is booked", "it is cleaned up", volume),
    Case(
        "refused", "a new stack lacks a variable", "its user sets it", refused),
    Case(
        "error", "Coolify refuses to create the service (422)", "it takes it; staff: `retry`", error),
    Case(
        "backup_failed", "the nightly copy finds no room in the repository",
        "the next copy is made", backup_failed
    ),
    Case(
        "backup_overdue", "nobody makes a copy for 36 hours", "a copy is made", backup_overdue),
    Case(
        "unproven", "a deleted stack's time is over, no copy of its data is proven",
        "its last copy is proven", unproven
    ),
    Case(
        "orphan", "record and ledger row are lost, and a new process begins", "the record is put back",
        orphan,
    ),
)  # fmt: skip
