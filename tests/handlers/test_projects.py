"""A tenant's project follows its tenant when nothing is left in it, and is made anew when it is missing."""

from __future__ import annotations

import base64

import pytest

from handlers import records
from listener import contract
from listener.coolify import payloads
from tests.handlers.world import World

DELETE_SERVICE = "DELETE /services/{uuid}"
DELETE = "DELETE /projects/{uuid}"
CREATE = "POST /projects"
DAY = 86_400.0
COMPOSE = base64.b64encode(b"services: {web: {image: 'nginx:1.27-alpine'}}").decode()


async def _purged(world: World) -> str:
    """A stack that ran, was deleted, and whose data is removed."""
    stack = await world.running()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.pass_time(30 * DAY)
    await world.poll()
    world.touch(records.STACKS, stack)
    await world.live(4500.0)
    assert world.ledger(stack).stage == "closed"
    world.coolify.calls.reset()
    return stack


async def _tenant_gone(world: World, *, heard: bool = True) -> None:
    await world.remove(world.tenant_id, records.TENANTS, heard=heard)
    await world.settle()


async def test_a_gone_tenants_empty_project_is_deleted(world: World) -> None:
    await _purged(world)
    await _tenant_gone(world)
    assert world.effects() == [DELETE]
    assert world.coolify.world.projects == []
    assert world.ledger(world.tenant_id).stage == "closed"
    world.coolify.calls.reset()
    await world.live(1200.0)
    assert world.effects() == []


async def test_a_project_stays_while_a_stack_of_it_is_kept(world: World) -> None:
    stack = await world.running()
    await world.remove(stack)
    await _tenant_gone(world)
    world.coolify.calls.reset()
    await world.live(3600.0)
    assert world.ledger(stack).stage == "retained"
    assert (world.effects(), len(world.coolify.world.projects)) == ([], 1)
    world.pass_time(30 * DAY)
    await world.live(7200.0)
    assert world.effects() == [DELETE_SERVICE, DELETE]


async def test_a_tenant_that_only_a_sweep_misses_is_believed_gone_after_ten_minutes(world: World) -> None:
    await _purged(world)
    await _tenant_gone(world, heard=False)
    await world.sweep()
    await world.live(500.0)
    assert world.effects() == []
    await world.live(700.0)
    assert world.effects() == [DELETE]


async def test_what_people_put_into_a_project_keeps_it(world: World) -> None:
    await _purged(world)
    (project,) = world.coolify.world.projects
    mine = payloads.NewService(
        name="by-hand",
        description="",
        project_uuid=project.uuid,
        server_uuid=world.parts.eyes.site.server_uuid,
        environment="production",
        compose=COMPOSE,
        urls=(),
    )
    await world.parts.eyes.coolify.create_service(mine)
    world.coolify.calls.reset()
    await _tenant_gone(world)
    await world.live(1200.0)
    assert world.coolify.world.projects == [project]
    assert world.effects() in ([DELETE], [DELETE, DELETE])
    assert world.ledger(world.tenant_id).stage == ""


async def test_a_project_with_another_description_is_not_deleted(world: World) -> None:
    await _purged(world)
    world.coolify.world.projects[0].description = "mine now"
    await _tenant_gone(world)
    await world.live(1200.0)
    assert world.effects() == []


@pytest.mark.parametrize("effect", [True, False], ids=["done", "not-done"])
async def test_a_lost_answer_of_a_project_delete_ends_in_no_project(world: World, effect: bool) -> None:
    await _purged(world)
    world.coolify.faults.add("DELETE", "^/projects/", effect=effect, reply="drop")
    await _tenant_gone(world)
    await world.live(1200.0)
    assert world.coolify.world.projects == []
    assert world.ledger(world.tenant_id).stage == "closed"


async def test_a_project_removed_in_coolify_is_made_again_for_the_next_stack(world: World) -> None:
    await _purged(world)
    world.coolify.world.projects.clear()
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert world.effects().count(CREATE) == 1
    (project,) = world.coolify.world.projects
    assert world.ledger(world.tenant_id).project_uuid == project.uuid
    assert (await world.row(world.tenant_id, records.TENANTS))["coolify_project_uuid"] == project.uuid


async def test_a_tenant_that_comes_back_gets_a_project_again(world: World) -> None:
    await _purged(world)
    row = await world.row(world.tenant_id, records.TENANTS)
    await _tenant_gone(world)
    kept = {name: row[name] for name in ("id", "name", "slug", "type", "status", "max_stacks")}
    answer = await world.admin.post("/api/collections/tenants/records", json=kept)
    assert answer.status_code == 200, answer.text
    world.touch(records.TENANTS, world.tenant_id)
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    assert len(world.coolify.world.projects) == 1


async def test_a_tenant_without_a_project_leaves_nothing_to_do(world: World) -> None:
    tenant = await world.tenant()
    await world.settle(60)
    await world.remove(tenant, records.TENANTS)
    await world.settle(60)
    plan = await world.parts.tenants.plan(contract.Key(records.TENANTS, tenant))
    assert (plan.reason, plan.steps, world.effects()) == ("gone", (), [])
