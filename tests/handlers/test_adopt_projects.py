"""What stands between a word about an older project and its marker: lost answers, creates, contenders."""

from __future__ import annotations

from typing import Any

from handlers import records
from listener import contract
from tests.handlers.world import World

REQUESTS = "listener_requests"
PATCH, CREATE = "PATCH /projects/{uuid}", "POST /projects"


async def _ask(world: World, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
    """The request's row after it took its turns."""
    row = {"verb": verb, "target": target, "state": "open", "actor": "ada", "arguments": arguments}
    made = (await world.admin.post(f"/api/collections/{REQUESTS}/records", json=row)).json()
    world.touch(REQUESTS, made["id"])
    await world.settle()
    return await world.row(made["id"], REQUESTS)


def _older(world: World, name: str = "cf-tenant-acme") -> str:
    """The uuid of a project that was there before."""
    return world.coolify.world.add_project(world.coolify.team, name, "made by hand").uuid


async def test_an_adoption_whose_answer_is_lost_goes_on(world: World) -> None:
    project, stack = _older(world), await world.stack()
    await world.settle(10)
    assert (await world.row(stack))["error_message"].startswith("PROJECT_FOREIGN · ")
    world.coolify.faults.add("PATCH", r"^/projects/", effect=True, reply="drop")
    row = await _ask(world, "adopt_project", world.tenant_id)
    assert row["state"] == "done", row["result"]
    assert (await world.row(stack))["status"] == "running"
    assert (world.effects().count(CREATE), world.ledger(stack).project_uuid) == (0, project)
    assert world.ledger(world.tenant_id).intent is None


async def test_an_adoption_that_was_begun_keeps_a_new_project_from_being_made(world: World) -> None:
    _older(world)
    stack = await world.stack()
    world.coolify.faults.add("PATCH", r"^/projects/", effect=False, reply="drop", times=3)
    row = {"verb": "adopt_project", "target": world.tenant_id, "state": "open", "arguments": {}}
    made = (await world.admin.post(f"/api/collections/{REQUESTS}/records", json=row)).json()
    await world.turn(contract.Key(REQUESTS, made["id"]))
    assert (world.ledger(world.tenant_id).intent or {})["what"] == "adopt"
    await world.turn(contract.Key(records.TENANTS, world.tenant_id))
    world.touch(REQUESTS, made["id"])
    await world.settle()
    assert (await world.row(made["id"], REQUESTS))["state"] == "done"
    assert ((await world.row(stack))["status"], CREATE in world.effects()) == ("running", False)


async def test_a_project_that_is_just_being_made_is_waited_for(world: World) -> None:
    world.coolify.faults.add("POST", r"^/projects$", effect=False, reply="drop")
    stack = await world.stack()
    await world.settle(1)
    assert (world.ledger(world.tenant_id).intent or {})["what"] == "create"
    row = await _ask(world, "adopt_project", world.tenant_id, project=_older(world))
    assert (row["state"], "knows this tenant's project already" in row["result"]) == ("refused", True)
    assert ((await world.row(stack))["status"], len(world.coolify.world.projects)) == ("running", 2)


async def test_without_a_tenant_or_a_project_nothing_is_adopted(world: World) -> None:
    row = await _ask(world, "adopt_project", "no-such-tenant0")
    assert (row["state"], "the tenant's record does not exist" in row["result"]) == ("refused", True)
    row = await _ask(world, "adopt_project", world.tenant_id)
    assert (row["state"], "no project cf-tenant-acme" in row["result"]) == ("refused", True)
    assert world.effects() == []


async def test_a_project_that_a_record_names_is_adopted_whatever_its_name(world: World) -> None:
    project = _older(world, "Projekt Nr. 7")
    stack = await world.stack(coolify_project_uuid=project)
    await world.settle(10)
    assert (await world.row(world.tenant_id, records.TENANTS))["listener_status"] == "blocked"
    assert (await _ask(world, "adopt_project", world.tenant_id))["state"] == "done"
    assert (await world.row(stack))["coolify_project_uuid"] == project


async def test_records_that_contend_for_a_service_are_told_apart_by_a_person(world: World) -> None:
    donor = await world.running()
    uuid = world.service(donor).uuid
    await world.admin.delete(f"/api/collections/agent_stacks/records/{donor}")
    world.parts.eyes.ledger.drop(donor)
    await world.admin.delete(f"/api/collections/listener_ledger/records/{donor}")
    world.coolify.hand.edit(uuid, name="bot", description="")
    other = await world.tenant()
    stacks = [
        await world.stack(tenant_id=tenant, status="running", coolify_service_uuid=uuid)
        for tenant in (world.tenant_id, other)
    ]
    await world.settle()
    world.coolify.calls.reset()
    mine, theirs = stacks
    for stack, rival in ((mine, theirs), (theirs, mine)):
        assert f"so does the record of stack {rival}" in (await world.row(stack))["error_message"]
        for verb in ("adopt", "recreate"):
            assert (await _ask(world, verb, stack))["state"] == "refused"
    assert world.effects() == []
    world.coolify.hand.edit(uuid, name=(await world.row(mine))["stack_name"])
    assert (await _ask(world, "adopt", theirs))["state"] == "refused"
    assert (await _ask(world, "adopt", mine))["state"] == "done"
    assert world.ledger(mine).service_uuid == uuid
