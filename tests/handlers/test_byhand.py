"""What people press in Coolify: a stop is undone once, a start of what rests every time."""

from __future__ import annotations

import itertools

from structlog.testing import capture_logs

from handlers import recorder
from tests.handlers.world import World

RESTART = "POST /services/{uuid}/restart"
STOP = "POST /services/{uuid}/stop"
DAY = 86_400.0


def stop(world: World, stack: str) -> None:
    world.coolify.hand.stop(world.service(stack).uuid)


def start(world: World, stack: str) -> None:
    world.coolify.hand.start(world.service(stack).uuid)


async def stopped_again(world: World) -> str:
    """A stack that was stopped by hand, restored, and stopped by hand once more."""
    stack = await world.running()
    for _ in range(2):
        stop(world, stack)
        await world.live(400)
    return stack


async def test_a_stop_by_hand_is_undone_once_and_then_left_to_a_person(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    began = world.clock.seconds
    stop(world, stack)
    await world.live(400)
    assert ((await world.row(stack))["status"], world.effects()) == ("running", [RESTART])
    (restart,) = [call for call in world.coolify.calls if call.route.endswith("/restart")]
    assert restart.at - began >= world.waits.confirm
    stop(world, stack)
    await world.live(3600)
    row = await world.row(stack)
    assert (row["status"], world.effects()) == ("error", [RESTART])
    assert row["message"].startswith("Stopped again after it was restored.")
    assert row["error_message"].startswith("STOPPED_AGAIN · Coolify shows exited; it was restored at 2031-")
    assert "containers: bot exited" in row["error_message"]
    (line,) = await world.rows(recorder.OPERATIONS, "verb='stack.block'")
    assert (line["outcome"], line["reason"]) == ("failed", "STOPPED_AGAIN")
    await world.restart()
    world.pass_time(DAY + 3600)
    await world.live(600)
    assert ((await world.row(stack))["status"], world.effects()) == ("error", [RESTART])


async def test_a_stop_by_hand_is_undone_once_more_a_day_later(world: World) -> None:
    stack = await world.running()
    stop(world, stack)
    await world.live(400)
    world.pass_time(DAY)
    stop(world, stack)
    await world.live(400)
    assert ((await world.row(stack))["status"], world.service(stack).ups) == ("running", 3)


async def test_retry_restart_redeploy_or_an_edit_starts_what_stopped_again(world: World) -> None:
    stack = await stopped_again(world)
    for fields in (
        {"action": "retry"},
        {"action": "restart"},
        {"action": "redeploy"},
        {"config": {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}}},
    ):
        assert (await world.row(stack))["error_message"].startswith("STOPPED_AGAIN"), fields
        await world.edit(stack, **fields)
        await world.live(400)
        row = await world.row(stack)
        assert (row["status"], row["error_message"]) == ("running", ""), fields
        for _ in range(1 if "action" in fields and fields["action"] == "retry" else 2):
            stop(world, stack)
            await world.live(400)


async def test_suspension_works_while_it_is_left_to_a_person_and_its_end_starts_it(world: World) -> None:
    stack = await stopped_again(world)
    await world.edit(stack, desired_state="suspended")
    await world.live(400)
    assert (await world.row(stack))["status"] == "suspended"
    await world.edit(stack, desired_state="running")
    await world.live(200)
    assert (await world.row(stack))["status"] == "running"
    stop(world, stack)
    await world.live(400)
    assert (await world.row(stack))["status"] == "running"


async def test_what_comes_up_by_itself_is_left_alone(world: World) -> None:
    """A host that reboots: docker starts the containers."""
    stack = await world.running()
    world.coolify.calls.reset()
    world.coolify.hand.kill(world.service(stack).uuid)
    await world.live(120)
    assert (await world.row(stack))["status"] == "error"
    world.service(stack).parts[0].runs = True
    world.coolify.hand.sync(world.service(stack).uuid)
    await world.live(400)
    row = await world.row(stack)
    assert (row["status"], row["error_message"], world.effects()) == ("running", "", [])
    assert "restored" not in world.ledger(stack).made


async def test_what_a_person_starts_in_coolify_is_no_longer_left_to_a_person(world: World) -> None:
    stack = await stopped_again(world)
    start(world, stack)
    await world.live(200)
    assert ((await world.row(stack))["status"], world.service(stack).ups) == ("running", 3)
    stop(world, stack)
    await world.live(400)
    assert (await world.row(stack))["error_message"].startswith("STOPPED_AGAIN")


async def test_nothing_is_restored_while_coolify_cannot_reach_the_server(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    stop(world, stack)
    world.coolify.tick()
    await world.live(10)
    world.coolify.server.reachable = False
    await world.live(2000)
    row = await world.row(stack)
    assert (row["status"], world.effects()) == ("error", [])
    assert row["message"].startswith("It does not run: its server cannot be reached.")
    assert row["error_message"].startswith("NOT_RUNNING · Coolify shows exited, and cannot use or reach")
    assert "restored" not in world.ledger(stack).made
    looks = world.coolify.calls.count("GET", "/services/{uuid}")
    assert looks <= 2000 / world.waits.resync + 2
    world.coolify.server.reachable = True
    back = world.clock.seconds
    await world.live(2000)
    assert ((await world.row(stack))["status"], world.effects()) == ("running", [RESTART])
    (restart,) = [call for call in world.coolify.calls if call.route.endswith("/restart")]
    assert restart.at - back >= world.waits.confirm


async def test_a_start_that_failed_is_tried_again_without_end(world: World) -> None:
    stack = await world.running()
    world.coolify.knobs.never_start = "^cf-"
    stop(world, stack)
    await world.live(6000)
    assert (await world.row(stack))["error_message"].startswith("NOT_RUNNING · ")
    assert world.effects().count(RESTART) >= 6
    world.coolify.knobs.never_start = ""
    await world.live(1200)
    assert (await world.row(stack))["status"] == "running"
    stop(world, stack)
    await world.live(400)
    assert (await world.row(stack))["error_message"].startswith("STOPPED_AGAIN")


async def test_a_start_by_hand_of_what_is_suspended_is_undone_each_time_and_told_at_the_third(
    world: World,
) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    with capture_logs() as lines:
        for count in range(1, 5):
            start(world, stack)
            await world.live(400)
            if count == 2:
                await world.restart()
            row = await world.row(stack)
            assert row["status"] == "suspended"
            assert not world.service(stack).parts[0].runs
            assert row["error_message"].startswith("STARTED_BY_HAND · started 3 times") == (count >= 3), count
    assert len([line for line in lines if line["event"] == "stack.started_by_hand"]) == 2
    assert len(await world.rows(recorder.OPERATIONS, "verb='stack.started_by_hand'")) == 2
    assert len(world.ledger(stack).made["reasserted"]) == 3
    world.pass_time(DAY)
    await world.live(10)
    assert (await world.row(stack))["error_message"] == ""
    start(world, stack)
    await world.live(400)
    row = await world.row(stack)
    assert (row["status"], row["error_message"]) == ("suspended", "")
    await world.edit(stack, desired_state="running")
    await world.live(200)
    assert (await world.row(stack))["status"] == "running"
    assert "reasserted" not in world.ledger(stack).made


async def test_what_is_started_every_minute_is_stopped_at_most_once_a_minute(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.live(300)
    world.coolify.calls.reset()
    for _ in range(20):
        start(world, stack)
        await world.live(60)
    stops = [call.at for call in world.coolify.calls if call.route.endswith("/stop")]
    assert len(stops) >= 3
    assert min(b - a for a, b in itertools.pairwise(stops)) >= 60
    told = (await world.row(stack))["error_message"]
    assert told.startswith("NOT_STOPPED · 300 s after the stop Coolify shows running:healthy")
    assert "someone starts it again at once" in told


async def test_a_start_by_hand_of_what_is_deleted_and_kept_is_undone_and_told(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, desired_state="deleted")
    await world.live(400)
    for _ in range(3):
        start(world, stack)
        await world.live(500)
    row = await world.row(stack)
    assert (row["status"], world.ledger(stack).stage) == ("deleted", "retained")
    assert row["error_message"].startswith("STARTED_BY_HAND · ")
    assert world.ledger(stack).made["host"] == "one.example.org"
    assert not world.service(stack).parts[0].runs


async def test_a_deletion_in_coolify_of_what_rests_creates_nothing(world: World) -> None:
    """Suspended: blocked. Deleted and kept: there is nothing left to keep."""
    for wish, status, code in (("suspended", "error", "SERVICE_MISSING"), ("deleted", "deleted", "")):
        stack = await world.running()
        await world.edit(stack, desired_state=wish)
        await world.live(400)
        world.coolify.calls.reset()
        world.coolify.hand.delete(world.service(stack).uuid)
        await world.coolify.run_jobs()
        await world.live(600)
        row = await world.row(stack)
        assert (row["status"], row["error_message"].partition(" ")[0]) == (status, code), wish
        assert world.effects() == [], wish
    assert world.ledger(stack).stage == "closed"
