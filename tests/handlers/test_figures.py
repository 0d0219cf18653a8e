"""What is told of stacks, room and waits, by a listener without its engine; time is the world's."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from handlers import figures, status
from listener.coolify.client import Coolify
from listener.dockerwatch import disk
from listener.telemetry.metrics import Metrics
from tests.handlers.clock import Clock
from tests.handlers.world import START, World

BOT = "telegram-bot"


class Told:
    """A listener's metrics, and whether it leads."""

    def __init__(self, world: World) -> None:
        self.metrics = Metrics()
        self.leads = True
        parts = world.parts
        self.figures = figures.Figures(
            metrics=self.metrics,
            eyes=parts.eyes,
            books=parts.stacks.books,
            brake=parts.stacks.brake,
            catalog=world.place.catalog,
            leads=lambda: self.leads,
        )

    def value(self, name: str, **labels: str) -> float | None:
        """A metric as it is scraped now; None when it has no such value."""
        self.metrics.text()
        return self.metrics.registry.get_sample_value(f"cloudfreedom_{name}", labels)

    def count(self, name: str, **labels: str) -> float:
        """How often something was observed."""
        return self.value(f"{name}_count", **labels) or 0.0


async def test_stacks_are_counted_by_what_their_records_show(world: World) -> None:
    told = Told(world)
    resting = await world.running()
    await world.running()
    await world.edit(resting, desired_state="suspended")
    await world.live(400)
    assert told.value("stacks", status="running", health="healthy") == 1
    assert told.value("stacks", status="suspended", health="unknown") == 1
    await world.remove(resting)
    await world.settle()
    assert b'status="suspended"' not in told.metrics.text()
    assert sum(sample.value for sample in next(iter(told.metrics.stacks.collect())).samples) == 1


async def test_a_stack_whose_deletion_was_not_heard_is_counted_until_a_sweep_misses_it(world: World) -> None:
    told = Told(world)
    gone = await world.running()
    await world.remove(gone, heard=False)
    await world.settle()
    assert told.value("stacks", status="running", health="healthy") == 1
    await world.sweep()
    assert told.value("stacks", status="running", health="healthy") is None


async def test_a_standby_tells_of_no_stack_and_no_room(world: World) -> None:
    told = Told(world)
    await world.running()
    await world.sweep()
    assert told.value("stacks", status="running", health="healthy") == 1
    told.leads = False
    assert b"cloudfreedom_stacks{" not in told.metrics.text()
    assert b"cloudfreedom_server_promised{" not in told.metrics.text()


async def test_a_deploy_is_timed_from_its_start_until_the_stack_runs(world: World) -> None:
    told = Told(world)
    stack = await world.running()
    first = told.value("stack_ready_seconds_sum", template=BOT, since="deploy") or 0
    assert START <= first < 60
    await world.edit(stack, desired_state="suspended")
    await world.live(400)
    await world.edit(stack, desired_state="running")
    await world.live(60)
    assert (await world.row(stack))["status"] == "running"
    assert told.count("stack_ready_seconds", template=BOT, since="deploy") == 2
    assert told.count("stack_ready_seconds", template=BOT, since="created") == 1


async def test_a_start_that_ends_unwell_is_not_ready(world: World) -> None:
    told = Told(world)
    stack = await world.running()
    world.service(stack)
    before = told.count("stack_ready_seconds", template=BOT, since="deploy")
    shown = {"status": "running", "health": "unhealthy", "last_deploy": "2031-03-01 12:00:00.000Z"}
    world.parts.eyes.memory.show(stack, shown)
    world.parts.eyes.memory.show(stack, {"last_deploy": shown["last_deploy"]})
    assert told.count("stack_ready_seconds", template=BOT, since="deploy") == before
    world.parts.eyes.memory.show(stack, shown | {"health": "healthy"})
    assert told.count("stack_ready_seconds", template=BOT, since="deploy") == before + 1


async def test_a_tenant_is_timed_once_by_the_first_of_its_stacks(world: World) -> None:
    told = Told(world)
    await world.running()
    assert told.count("tenant_ready_seconds") == 1
    await world.running()
    assert told.count("tenant_ready_seconds") == 1
    other = await world.tenant()
    await world.running(tenant_id=other)
    assert told.count("tenant_ready_seconds") == 2


async def test_a_tenant_is_not_timed_again_by_a_listener_that_has_just_begun(world: World) -> None:
    await world.running()
    await world.restart()
    told = Told(world)
    await world.running()
    assert told.count("stack_ready_seconds", template=BOT, since="created") == 1
    assert told.count("tenant_ready_seconds") == 0


async def test_a_stack_whose_deadline_is_over_is_overdue_until_it_runs(world: World) -> None:
    told = Told(world)
    world.coolify.knobs.turn({"start_seconds": 100_000.0})
    stack = await world.stack()
    await world.live(120)
    assert told.value("stacks_overdue") == 0
    await world.live(700)
    assert told.value("stacks_overdue") == 1
    world.coolify.knobs.turn({"start_seconds": START})
    await world.edit(stack, action="restart")
    await world.live(1000)
    assert (await world.row(stack))["status"] == "running"
    assert told.value("stacks_overdue") == 0


async def test_room_is_total_promised_and_free_in_base_units(own_world: World) -> None:
    world = own_world
    server = world.coolify.server.uuid
    row = {"uuid": server, "name": "one", "cpus": 4, "memory_mb": 1024, "memory_overcommit": 2}
    (await world.admin.post("/api/collections/servers/records", json=row)).raise_for_status()
    told = Told(world)
    await world.running()
    await world.sweep()
    total = told.value("server_total", server="one", resource="memory_bytes")
    promised = told.value("server_promised", server="one", resource="memory_bytes")
    assert total == 2 * 1024**3
    assert promised
    assert told.value("server_free", server="one", resource="memory_bytes") == total - promised
    assert told.value("server_total", server="one", resource="cpu_cores") == 4
    assert told.value("server_total", server="one", resource="disk_bytes") is None


async def test_who_waits_for_room_is_counted(own_world: World) -> None:
    world = own_world
    row = {"uuid": world.coolify.server.uuid, "name": "one", "memory_mb": 300}
    (await world.admin.post("/api/collections/servers/records", json=row)).raise_for_status()
    await world.sweep()
    told = Told(world)
    await world.running()
    assert told.value("stacks_queued") == 0
    await world.stack()
    await world.settle()
    assert told.value("stacks_queued") == 1


async def test_free_disk_is_that_of_a_fresh_report_or_unknown(world: World) -> None:
    told, now = Told(world), world.clock.now()
    assert math.isnan(told.value("disk_free_bytes") or 0.0)
    world.parts.eyes.disk = disk.Report(now, 9 * 1024, 100 * 1024, {})
    assert told.value("disk_free_bytes") == 9 * 1024**3
    world.parts.eyes.disk = disk.Report(now - timedelta(hours=3), 9 * 1024, 100 * 1024, {})
    assert math.isnan(told.value("disk_free_bytes") or 0.0)


async def test_the_age_of_the_list_is_that_of_its_question(world: World) -> None:
    told = Told(world)
    await world.poll()
    asked = world.parts.eyes.view.snapshot.requested_at
    world.pass_time(90)
    age = told.value("list_age_seconds") or 0.0
    assert age == pytest.approx(world.clock.seconds - asked, abs=0.1)
    assert age > 90


async def test_the_build_is_told_with_coolifys_version_as_it_is_now(world: World) -> None:
    told = Told(world)
    assert told.figures.interval() == world.waits.poll
    await told.figures.round()
    (sample,) = next(iter(told.metrics.build_info.collect())).samples
    assert sample.labels["coolify_version"] == await Coolify.version(world.parts.eyes.coolify)
    assert sample.labels["version"]
    assert told.figures.interval() == figures.VERSION_SECONDS


def test_a_word_that_is_none_of_ours_is_one_label() -> None:
    assert figures._word({"status": "tenant-a's own word"}, "status", status.Status) == figures.OTHER


@pytest.mark.parametrize("text", ["", "yesterday", "0"])
def test_a_record_without_a_time_that_can_be_read_is_not_timed(text: str) -> None:
    assert figures._time(text) is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert figures._time("2026-01-01 00:00:00") == figures._time("2026-01-01 00:00:00.000Z")


def test_clocks_that_disagree_make_no_negative_wait() -> None:
    now = Clock().now()
    assert figures._since(now + timedelta(seconds=5), now) == 0.0


async def test_the_brake_tells_what_went_what_may_and_what_waits(world: World) -> None:
    told = Told(world)
    stacks = [await world.running() for _ in range(5)]
    for stack in stacks:
        await world.edit(stack, desired_state="deleted")
    await world.settle(240.0)
    assert [told.value(f"brake_{name}") for name in ("used", "limit", "waiting")] == [3.0, 3.0, 2.0]
