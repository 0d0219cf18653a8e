"""A create whose answer was lost: one service in the end, never two, and never one too early."""

from __future__ import annotations

import anyio
import pytest

from handlers import records
from listener import errors
from listener.sandbox.standin.faults import Reply
from tests.handlers.world import World

RARE = [pytest.param(reply, marks=pytest.mark.long) for reply in ("garbage", 502)]


@pytest.mark.parametrize("reply", ["drop", 500, *RARE])
async def test_a_lost_answer_after_the_effect_is_found_by_its_marker(world: World, reply: Reply) -> None:
    world.coolify.faults.add("POST", "^/services$", effect=True, reply=reply)
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert world.service(stack).uuid == world.ledger(stack).service_uuid
    assert world.coolify.calls.count("POST", "/services") == 1


@pytest.mark.parametrize("reply", ["drop", *RARE])
async def test_a_lost_answer_without_effect_is_made_up_for_after_the_window(
    world: World, reply: Reply
) -> None:
    world.coolify.faults.add("POST", "^/services$", reply=reply)
    stack = await world.stack()
    await world.settle(5)
    lost = world.clock.seconds
    row = await world.row(stack)
    assert (row["status"], row["message"][:34]) == ("deploying", "An answer of the platform was lost")
    await world.settle()
    created = [call.at for call in world.coolify.calls if call.route == "/services" and call.method == "POST"]
    assert created[1] - lost > world.waits.settle
    assert len(created) == 2
    assert world.service(stack).ups == 1
    assert (await world.row(stack))["status"] == "running"


async def test_a_crash_in_the_window_begins_it_anew(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", reply="drop")
    stack = await world.stack()
    await world.settle(80)
    await world.restart()
    began = world.clock.seconds
    await world.settle(60)
    assert world.services(stack) == []
    await world.settle()
    created = [call.at for call in world.coolify.calls if call.route == "/services" and call.method == "POST"]
    assert created[1] - began > world.waits.settle
    assert len(world.services(stack)) == 1


async def test_a_service_that_appears_late_in_the_window_is_taken(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", effect=True, reply="drop")
    stack = await world.stack()
    world.coolify.faults.add("GET", "/resources$", times=20)
    await world.settle()
    assert world.coolify.calls.count("POST", "/services") == 1
    assert (await world.row(stack))["status"] == "running"


async def test_nothing_is_created_anew_while_lists_fail(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", reply="drop")
    stack = await world.stack()
    await world.settle(1)
    world.coolify.faults.add("GET", "/resources$", times=9999)
    await world.live(400)
    assert world.coolify.calls.count("POST", "/services") == 1
    world.coolify.faults.clear()
    await world.settle()
    assert len(world.services(stack)) == 1


async def test_a_half_made_service_after_a_500_is_completed(world: World) -> None:
    """Coolify writes the row and then breaks on the document."""
    stack = await world.stack()
    world.coolify.faults.add("POST", "^/services$", effect=True, reply=500)
    await world.settle(5)
    service = world.service(stack)
    service.compose, service.parts, service.variables = None, [], []
    world.coolify.calls.reset()
    await world.settle()
    assert world.service(stack) is service
    assert (service.compose is not None, service.ups) == (True, 1)
    assert world.effects()[0] == "PATCH /services/{uuid}"
    assert (await world.row(stack))["status"] == "running"


async def test_a_half_made_service_that_cannot_be_completed_is_refused_and_stays_the_only_one(
    world: World,
) -> None:
    stack = await world.stack()
    world.coolify.faults.add("POST", "^/services$", effect=True, reply=500)
    world.coolify.faults.add("PATCH", "^/services/[a-z0-9]+$", times=99, reply=500)
    await world.live(1500)
    row = await world.row(stack)
    assert (row["status"], row["coolify_service_uuid"]) == ("error", world.service(stack).uuid)
    assert world.coolify.calls.count("POST", "/services") == 1
    assert world.coolify.calls.count("PATCH", "/services/{uuid}") < 10
    assert world.service(stack).ups == 0


async def test_a_document_that_breaks_coolify_is_given_up_after_three_times(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", times=9, reply=500)
    stack = await world.stack()
    await world.live(2000)
    row = await world.row(stack)
    assert (row["status"], row["message"][:26]) == ("error", "The platform refused this.")
    assert row["error_message"].startswith("COOLIFY_NO_ANSWER · POST /api/v1/services got no usable answer")
    assert world.coolify.calls.count("POST", "/services") == 3
    world.coolify.faults.clear()
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_other_calls_that_break_are_given_up_when_lists_answered_three_times_between(
    world: World,
) -> None:
    stack = await world.running()
    world.coolify.faults.add("PATCH", "^/services/[a-z0-9]+$", times=9, reply=500)
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.live(600)
    assert (await world.row(stack))["status"] == "error"
    assert 3 <= world.coolify.calls.count("PATCH", "/services/{uuid}") <= 8
    world.coolify.faults.clear()
    await world.edit(stack, action="retry")
    await world.settle()
    assert ((await world.row(stack))["status"], (await world.row(stack))["action"]) == ("running", "")


async def test_stops_that_break_are_repeated_and_refuse_nothing_else(world: World) -> None:
    stack = await world.running()
    world.coolify.faults.add("POST", "/stop$", times=4, reply=500)
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_record_deleted_in_the_window_leaves_no_running_service(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", effect=True, reply="drop")
    stack = await world.stack()
    await world.settle(2)
    await world.remove(stack)
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    assert not world.service(stack).parts[0].runs


@pytest.mark.parametrize("effect", [True, False], ids=["with-effect", "without"])
async def test_a_lost_answer_of_a_project_create_ends_in_one_project(world: World, effect: bool) -> None:
    world.coolify.faults.add("POST", "^/projects$", effect=effect, reply="drop")
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert len(world.coolify.world.projects) == 1


async def test_a_project_in_the_window_shows_what_it_waits_for(world: World) -> None:
    world.coolify.faults.add("POST", "^/projects$", reply="drop")
    await world.stack()
    await world.settle(20)
    row = await world.row(world.tenant_id, records.TENANTS)
    assert (row["listener_status"], row["listener_message"]) == ("waiting", "The project is being made.")


async def test_a_strangers_service_with_the_records_name_is_not_taken_for_the_lost_one(world: World) -> None:
    other = await world.running()
    world.coolify.faults.add("POST", "^/services$", reply="drop")
    stack = await world.stack()
    await world.settle(1)
    twin = world.coolify.hand.clone(world.service(other).uuid)
    world.coolify.hand.edit(twin, name=f"by-hand-{stack}", description="mine")
    await world.live(400)
    assert (world.services(stack), world.ledger(stack).service_uuid) == ([], "")
    world.coolify.hand.edit(twin, name="by-hand")
    await world.live(400)
    assert (await world.row(stack))["status"] == "running"
    assert all(twin not in call.path for call in world.coolify.calls if call.method != "GET")


async def test_a_plan_that_was_begun_in_an_earlier_term_is_made_anew(world: World) -> None:
    """Strange services are read before a create; the lease is lost and taken again in the middle of that."""
    uuid = world.service(await world.running()).uuid
    strange = [world.coolify.hand.clone(uuid) for _ in range(2)]
    await world.poll()
    stack = await world.stack()
    world.coolify.faults.add("GET", f"^/services/{strange[1]}$", reply=None, delay=5.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_expect_another_term, world, stack)
        await anyio.sleep(2.0)
        eyes = world.parts.eyes
        term = eyes.term() + 1
        eyes.term = lambda: term
        await eyes.catch_up()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert len(world.services(stack)) == 1


async def _expect_another_term(world: World, stack: str) -> None:
    with pytest.raises(errors.Transient) as raised:
        await world.plan(stack)
    assert raised.value.code == "TERM_CHANGED"
