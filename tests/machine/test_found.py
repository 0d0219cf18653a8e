"""What the machine found, each as a plain test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from handlers import ledger, records
from listener.compose import catalog as catalogs
from tests.handlers.upstream import Upstream
from tests.machine import opening
from tests.machine.stage import Stage


@pytest_asyncio.fixture(loop_scope="function")
async def stage(home: Upstream, catalog: catalogs.Catalog) -> AsyncIterator[Stage]:
    async with opening.made(home, catalog) as made:
        await made.begin()
        yield made


async def test_after_a_lost_ledger_a_restart_is_not_believed_at_once(stage: Stage) -> None:
    """What runs was started by nobody knows whom; what it shows before the restart's job is from before."""
    stack = await stage.running("base-llm")
    stage.coolify.knobs.turn({"job_delay": 100.0})
    await stage.remove(stack, ledger.COLLECTION, heard=False)
    await stage.restart()
    await stage.settle(60.0)
    service = stage.service(stack)
    assert (service.ups, (await stage.row(stack))["status"]) == (1, "deploying")
    await stage.settle(300.0)
    assert (service.ups, (await stage.row(stack))["status"]) == (2, "running")


async def test_a_missing_service_of_a_record_that_is_gone_is_noted_once(stage: Stage) -> None:
    stack = await stage.running()
    await stage.remove(stack)
    stage.coolify.hand.delete(stage.service(stack).uuid)
    await stage.span(1300.0)
    before = stage.witness.writes
    await stage.span(1300.0)
    assert stage.witness.writes == before


async def test_no_project_is_made_in_another_team(stage: Stage) -> None:
    world = stage.coolify.world
    await stage.running()
    other = await stage.tenant()
    await stage.poll()
    world.tokens[stage.coolify.token].user = world.add_user(world.add_team("Another"))
    await stage.stack(tenant_id=other)
    await stage.settle(60.0)
    assert [one for one in world.projects if one.team is not stage.coolify.team] == []


async def test_two_listeners_take_turns_and_neither_acts_in_the_others(stage: Stage) -> None:
    stack = await stage.stack()
    stage.freeze(3, 1000.0)
    await stage.settle(100.0)
    assert stage.other is not None
    await stage.span(200.0)
    stage.witness.guard()
    assert len(stage.services(stack)) == 1
    assert (await stage.row(stack, records.STACKS))["status"] == "running"


async def test_a_strangers_service_with_our_records_id_is_told_and_healed_by_its_removal(
    stage: Stage,
) -> None:
    """A create's answer was lost, and the only service of that name is not marked as ours."""
    other = stage.service(await stage.running())
    stage.coolify.faults.add("POST", "^/services$", reply="drop", effect=False)
    stack = await stage.stack()
    await stage.settle(5.0)
    stranger = stage.coolify.hand.clone(other.uuid)
    stage.coolify.hand.edit(stranger, name=f"theirs-{stack}", description="mine")
    await stage.span(1300.0)
    row = await stage.row(stack)
    assert (row["status"], row["error_message"].split()[0]) == ("error", "SERVICE_FOREIGN")
    assert not stage.services(stack)
    stage.coolify.hand.delete(stranger)
    await stage.span(1300.0)
    row = await stage.row(stack)
    assert (row["status"], row["error_message"], len(stage.services(stack))) == ("running", "", 1)


async def test_a_lost_ledger_a_renamed_service_and_a_stale_form_make_no_second_service(stage: Stage) -> None:
    """All three at once: nothing but the description in Coolify still says whose service it is."""
    stack = await stage.running()
    stage.coolify.hand.edit(stage.service(stack).uuid, name="renamed by hand")
    await stage.remove(stack, ledger.COLLECTION, heard=False)
    await stage.edit(stack, status="pending", coolify_service_uuid="", coolify_project_uuid="")
    await stage.restart()
    await stage.settle(300.0)
    assert len([one for one in stage.coolify.world.services if f"stack={stack}" in one.description]) == 1
