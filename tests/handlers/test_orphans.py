"""Services of ours without a record and a ledger row: found once, left alone for a day, kept for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers import ledger, orphans, records, strangers
from listener.sandbox.standin import state
from tests.handlers.world import World

STOP, DELETE = "POST /services/{uuid}/stop", "DELETE /services/{uuid}"
RESTART, PATCH = "POST /services/{uuid}/restart", "PATCH /services/{uuid}"


async def lose(world: World, *stacks: str) -> None:
    """Records and ledger rows of these stacks are gone, and a new process begins."""
    for stack in stacks:
        await world.admin.delete(f"/api/collections/{records.STACKS}/records/{stack}")
        await world.admin.delete(f"/api/collections/{ledger.COLLECTION}/records/{stack}")
    await world.restart()
    await world.settle(0)
    world.coolify.calls.reset()


async def find(world: World) -> list[str]:
    """The ids of orphans that one round found; they are due."""
    await world.poll()
    found = list(await world.parts.finder.round())
    for key in found:
        world.parts.turns.add(key, world.clock.seconds)
    return [key.id for key in found]


async def hours(world: World, *each: float) -> None:
    """So many hours pass with nobody looking, then a quarter of one as in a running listener; and so on."""
    for some in each:
        world.pass_time(some * 3600)
        await world.poll()
        await world.sweep()
        await world.live(900)


async def orphaned(world: World, template: str = "telegram-bot", **more: Any) -> str:
    """A stack whose record and row are lost, found."""
    stack = await world.running(template, **more)
    await world.running()
    await lose(world, stack)
    assert await find(world) == [stack]
    return stack


def runs(world: World, stack: str) -> bool:
    return all(part.runs for part in world.service(stack).parts)


async def test_an_orphan_gets_a_row_from_its_marker_and_one_audit_line(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    await world.running()
    await lose(world, stack)
    assert await find(world) == [stack]
    row = world.ledger(stack)
    assert (row.kind, row.tenant_id, row.service_uuid) == (records.STACKS, world.tenant_id, service.uuid)
    assert (row.server_uuid, row.project_uuid) == (service.server.uuid, service.environment.project.uuid)
    assert row.made == {"service_name": service.name, "orphan": row.orphan}
    assert world.clock.now() - datetime.fromisoformat(row.orphan) < timedelta(seconds=1)
    (written,) = await world.rows("listener_ledger", f"id='{stack}'")
    assert written["service_uuid"] == service.uuid
    assert await find(world) == []
    await world.restart()
    assert await find(world) == []
    assert len(await world.rows("stack_operations", f"stack_id='{stack}' && verb='stack.orphan'")) == 1
    assert [one.id for one in orphans.alive(world.parts.eyes.ledger)] == [stack]


async def test_an_orphan_is_stopped_after_its_grace_and_not_before(world: World) -> None:
    stack = await orphaned(world)
    await hours(world, 12, 11)
    assert (world.effects(), runs(world, stack)) == ([], True)
    assert (await world.plan(stack)).reason == "orphan"
    await hours(world, 1)
    assert (world.effects(), world.ledger(stack).stage) == ([STOP], "retained")
    assert not runs(world, stack)


async def test_clocks_that_disagree_end_no_grace(world: World) -> None:
    stack = await orphaned(world)
    world.clock.skew = 400.0
    await hours(world, 24, 1)
    assert (world.effects(), runs(world, stack)) == ([], True)


async def test_an_orphan_is_purged_by_approval_only(world: World) -> None:
    stack = await orphaned(world)
    await hours(world, 24)
    world.clock.jump += 40 * 86_400
    await hours(world, 1, 2)
    assert (DELETE in world.effects(), world.ledger(stack).purge_announced) == (False, None)
    body = {"verb": "approve", "target": stack, "actor": "ada", "state": "open"}
    request = (await world.admin.post("/api/collections/listener_requests/records", json=body)).json()["id"]
    world.touch("listener_requests", request)
    await world.settle(0)
    assert (await world.row(request, "listener_requests"))["state"] == "done"
    await hours(world, 1, 2)
    assert (DELETE in world.effects(), world.ledger(stack).stage) == (True, "closed")
    assert world.services(stack) == []


async def test_a_new_process_knows_the_grace_of_an_orphan(world: World) -> None:
    stack = await orphaned(world)
    await hours(world, 12)
    await world.restart()
    await hours(world, 10)
    assert runs(world, stack)
    await hours(world, 2)
    assert not runs(world, stack)


@pytest.mark.parametrize("version", ["", "1.0.0"])
async def test_an_orphan_whose_record_comes_back_goes_on_with_its_service(world: World, version: str) -> None:
    stack = await orphaned(world)
    uuid = world.service(stack).uuid
    await world.stack(id=stack, status="running", template_version=version)
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["coolify_service_uuid"]) == ("running", uuid)
    assert (world.ledger(stack).orphan, world.ledger(stack).stage) == ("", "")
    assert set(world.effects()) <= {RESTART, PATCH, "PATCH /services/{uuid}/envs/bulk"}
    await hours(world, 24, 1)
    assert (runs(world, stack), STOP in world.effects()) == (True, False)


async def test_a_stopped_orphan_runs_again_when_its_record_comes_back(world: World) -> None:
    stack = await orphaned(world, "base-llm", domain="one.example.org")
    uuid = world.service(stack).uuid
    await hours(world, 24, 1)
    await world.stack("base-llm", id=stack, domain="one.example.org", template_version="1.0.0")
    await world.settle()
    assert ((await world.row(stack))["status"], world.service(stack).uuid) == ("running", uuid)
    assert (world.ledger(stack).stage, runs(world, stack)) == ("", True)


async def test_another_tenants_record_does_not_take_an_orphan(world: World) -> None:
    stack = await orphaned(world)
    await world.stack(id=stack, tenant_id=await world.tenant())
    await world.settle()
    assert (await world.row(stack))["error_message"].startswith("TENANT_CHANGED")
    assert (world.effects(), bool(world.ledger(stack).orphan)) == ([], True)


async def test_other_installations_copies_and_known_stacks_are_no_orphans(world: World) -> None:
    known, foreign, original = [await world.running() for _ in range(3)]
    service = world.service(foreign)
    service.description = service.description.replace("inst=0a1b2c3d", "inst=99999999")
    copied: state.Service = world.service(original)
    world.coolify.hand.clone(copied.uuid)
    await lose(world, foreign)
    assert await find(world) == []
    assert world.ledger(known).orphan == ""


async def test_a_description_is_read_once_and_again_when_the_service_changed(world: World) -> None:
    for name in ("one", "two"):
        made = await world.running(stack_name=name)
        world.service(made).description = "somebody else's"
        await lose(world, made)
    await find(world)

    def reads() -> int:
        return sum(call.route == "/services/{uuid}" for call in world.coolify.calls)

    before = reads()
    assert before == 2
    for _ in range(3):
        await find(world)
    assert reads() == before
    entry = strangers.unknown(world.parts.eyes)[0]
    (changed,) = [one for one in world.coolify.services() if one.uuid == entry.uuid]
    world.pass_time(10)
    changed.updated = world.coolify.world.time.stamp()
    await find(world)
    assert reads() == before + 1


async def test_records_that_a_rule_hides_make_no_orphans(own_world: World) -> None:
    world = own_world
    stack = await world.running()
    await world.admin.delete(f"/api/collections/{ledger.COLLECTION}/records/{stack}")
    hiding = {"listRule": '@request.auth.id = "nobody"', "viewRule": '@request.auth.id = "nobody"'}
    await world.admin.patch("/api/collections/agent_stacks", json=hiding)
    await world.restart()
    assert await find(world) == []


async def test_while_records_are_missing_no_orphan_is_told(world: World) -> None:
    stack = await world.running()
    await lose(world, stack)
    world.parts.mass.append(True)
    assert await find(world) == []
    world.parts.mass.append(False)
    assert await find(world) == [stack]


async def test_many_orphans_are_no_fault_of_the_whole(world: World) -> None:
    stacks = [await world.running() for _ in range(5)]
    await world.running()
    await lose(world, *stacks)
    assert sorted(await find(world)) == sorted(stacks)
    await hours(world, 24, 1)
    assert not any(world.parts.mass)
    assert {world.ledger(stack).stage for stack in stacks} == {"retained"}


async def test_an_orphan_that_was_deleted_in_coolify_is_closed(world: World) -> None:
    stack = await orphaned(world)
    world.coolify.world.forget(world.service(stack))
    await hours(world, 24, 1)
    assert (world.ledger(stack).stage, orphans.alive(world.parts.eyes.ledger)) == ("closed", [])


async def test_a_project_without_a_tenant_is_reported_and_stays(world: World) -> None:
    tenant = await world.tenant("lost")
    stack = await world.running(tenant_id=tenant)
    await world.running()
    await world.admin.delete(f"/api/collections/{records.TENANTS}/records/{tenant}")
    await lose(world, stack, tenant)
    eyes = world.parts.eyes
    (left,) = await orphans.projects(eyes, await eyes.coolify.projects())
    assert left.name == f"cf-lost-{tenant}"
    await find(world)
    await hours(world, 24, 1)
    assert "DELETE /projects/{uuid}" not in world.effects()
