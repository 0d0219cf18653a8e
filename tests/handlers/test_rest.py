"""Suspension by stack, tenant and hold, and when a stop is believed."""

from __future__ import annotations

from handlers import records
from tests.handlers.world import World

STOP = "POST /services/{uuid}/stop"
OFF_AND_ON = (
    ("agent_stacks", {"desired_state": "suspended"}, {"desired_state": "running"}, "Suspended. The data"),
    ("agent_stacks", {"hold": "unpaid"}, {"hold": ""}, "Suspended by the operator: unpaid"),
    ("tenants", {"status": "suspended"}, {"status": "active"}, "Suspended with its tenant."),
    ("tenants", {"status": "inactive"}, {"status": "active"}, "Suspended with its tenant."),
    ("tenants", {"status": "pending"}, {"status": "active"}, "Suspended with its tenant."),
    ("tenants", {"hold": "abuse"}, {"hold": ""}, "Suspended by the operator: abuse"),
)
"""Collection, what a person sets, what is set back, beginning of the message."""


async def test_suspend_by_stack_tenant_or_hold_stops_and_resume_starts(world: World) -> None:
    stack = await world.running()
    for collection, off, on, message in OFF_AND_ON:
        target = stack if collection == records.STACKS else world.tenant_id
        world.coolify.calls.reset()
        await world.edit(target, collection, **off)
        await world.settle()
        row = await world.row(stack)
        assert (row["status"], row["health"]) == ("suspended", "unknown"), off
        assert row["message"].startswith(message), off
        assert world.effects() == [STOP], off
        assert not world.service(stack).parts[0].runs, off
        await world.edit(target, collection, **on)
        await world.settle()
        assert (await world.row(stack))["status"] == "running", off
        assert world.effects() == [STOP, "POST /services/{uuid}/restart"], off
    assert world.coolify.server.prunes == 0


async def test_an_empty_wish_later_means_no_change(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.settle()
    await world.edit(stack, desired_state="")
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    await world.edit(stack, desired_state="running")
    await world.settle()
    await world.edit(stack, desired_state="")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_stop_is_believed_after_two_lists_apart(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    began = world.clock.seconds
    await world.settle(world.waits.confirm - 20)
    row = await world.row(stack)
    assert row["status"] == "running"
    assert row["message"].startswith("Stopped; confirmed when it stays so until 2031-")
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    assert world.clock.seconds - began >= world.waits.confirm


async def test_lists_that_fail_do_not_confirm_a_stop(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle(30)
    world.coolify.hand.start(world.service(stack).uuid)
    world.coolify.faults.add("GET", "/resources$", times=99)
    await world.live(400)
    assert (await world.row(stack))["status"] == "running"
    world.coolify.faults.clear()
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    assert not world.service(stack).parts[0].runs


async def test_a_stop_is_not_believed_while_coolify_cannot_reach_the_server(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle(30)
    world.coolify.server.reachable = False
    await world.settle(400)
    row = await world.row(stack)
    assert (row["status"], row["message"][:11]) == ("running", "Waiting for")
    world.coolify.server.reachable = True
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"


async def test_already_stopped_is_no_proof(world: World) -> None:
    """Coolify says so by the last status that it heard, and a start may be queued behind it."""
    stack = await world.running()
    service = world.service(stack)
    service.parts[0].status = "exited"
    await world.edit(stack, desired_state="suspended")
    await world.settle(10)
    assert [call.status for call in world.coolify.calls if call.route.endswith("/stop")] == [400]
    world.coolify.hand.sync(service.uuid)
    await world.live(100)
    assert (await world.row(stack))["status"] == "running"
    await world.live(200)
    assert (await world.row(stack))["status"] == "suspended"
    assert not service.parts[0].runs


async def test_a_suspended_stack_that_runs_again_is_stopped_again(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, hold="abuse")
    await world.settle()
    world.coolify.hand.start(world.service(stack).uuid)
    await world.live(300)
    assert (await world.row(stack))["status"] == "suspended"
    assert not world.service(stack).parts[0].runs


async def test_a_start_that_was_queued_before_the_stop_is_stopped_too(world: World) -> None:
    world.coolify.knobs.turn({"job_delay": 30.0, "start_seconds": 40.0})
    stack = await world.stack()
    await world.settle(20)
    await world.edit(stack, desired_state="suspended")
    await world.settle(1200)
    assert (await world.row(stack))["status"] == "suspended"
    assert not world.service(stack).parts[0].runs


async def test_a_server_that_prunes_volumes_is_refused_until_it_does_not(world: World) -> None:
    stack = await world.running()
    world.coolify.server.delete_unused_volumes = True
    await world.restart()
    await world.edit(stack, desired_state="suspended")
    world.coolify.calls.reset()
    await world.settle(60)
    row = await world.row(stack)
    assert row["error_message"].startswith(
        "SERVER_PRUNES_VOLUMES · a stopped stack's volumes would be deleted"
    )
    assert (row["status"], world.effects()) == ("running", [])
    world.coolify.server.delete_unused_volumes = False
    await world.settle(1500)
    assert (await world.row(stack))["status"] == "suspended"


async def test_a_stop_that_takes_too_long_is_told_on_the_record(world: World) -> None:
    stack = await world.running()
    world.coolify.knobs.reachable = False
    await world.edit(stack, desired_state="suspended")
    await world.settle(200)
    assert (await world.row(stack))["message"] == "Being stopped."
    await world.settle(200)
    row = await world.row(stack)
    assert row["message"].startswith("It still runs although it was told to stop.")
    assert row["error_message"].startswith("NOT_STOPPED · 300 s after the stop Coolify shows running:healthy")
    assert world.coolify.calls.count("POST", "/services/{uuid}/stop") < 10
    world.coolify.knobs.reachable = True
    await world.settle()
    assert ((await world.row(stack))["status"], (await world.row(stack))["error_message"]) == (
        "suspended",
        "",
    )


async def test_a_tenant_that_cannot_be_read_stops_nothing(own_world: World) -> None:
    world = own_world
    stack = await world.running()
    hiding = "@request.auth.id = user_id"
    await world.admin.patch("/api/collections/tenants", json={"listRule": hiding, "viewRule": hiding})
    world.coolify.calls.reset()
    world.touch(records.STACKS, stack)
    unborn = await world.stack()
    await world.settle(60)
    assert world.effects() == []
    assert (await world.row(stack))["status"] == "running"
    assert (await world.row(unborn))["message"].startswith("Waiting for the platform")
    await world.edit(stack, hold="abuse")
    await world.settle(400)
    assert (await world.row(stack))["status"] == "suspended"
