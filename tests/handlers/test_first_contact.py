"""A record without a ledger row: ours once, somebody else's, or new."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import ledger, records
from tests.handlers.world import World


async def forget(world: World, *record_ids: str) -> None:
    """The ledger is lost (a restored backup), the listener starts anew, and staff accepted that."""
    for record_id in record_ids:
        await world.admin.delete(f"/api/collections/{ledger.COLLECTION}/records/{record_id}")
    await world.admin.patch(
        "/api/collections/listener_meta/records/main", json={"accepted_at": "2031-01-01 00:00:00Z"}
    )
    await world.restart()


async def test_a_stack_made_by_something_else_is_never_created_or_started(world: World) -> None:
    signs = [{"status": word} for word in ("running", "stopped", "deploying")]
    stacks = [(await world.stack(**sign), sign) for sign in [*signs, {"coolify_service_uuid": "x" * 24}]]
    await world.settle()
    for stack, sign in stacks:
        row = await world.row(stack)
        assert row["message"].startswith("Blocked: this stack was not made by the listener.")
        assert row["status"] == sign.get("status", "pending")
        assert row["error_message"].startswith("FOREIGN_BORN · ")
        assert row["error_message"].endswith("run `cloudfreedom adopt`")
    assert {call.method for call in world.coolify.calls} == {"GET"}
    for wish in ("suspended", "deleted"):
        for stack, _ in stacks:
            await world.edit(stack, desired_state=wish)
        await world.settle()
    assert world.effects() == []


async def test_an_error_that_the_portal_wrote_is_not_foreign_born(world: World) -> None:
    stack = await world.stack(status="error", error_message="provisioner unreachable")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_lost_ledger_is_rebuilt_from_the_markers(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    uuid = world.service(stack).uuid
    await forget(world, stack, world.tenant_id)
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["coolify_service_uuid"]) == ("running", uuid)
    assert (world.ledger(stack).service_uuid, world.ledger(stack).domain) == (uuid, "one.example.org")
    assert world.service(stack).uuid == uuid
    assert len(world.coolify.world.projects) == 1


async def test_a_lost_ledger_starts_nothing_that_is_suspended(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, hold="abuse")
    await world.settle()
    await forget(world, stack)
    world.coolify.calls.reset()
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    assert "POST /services/{uuid}/restart" not in world.effects()
    assert not world.service(stack).parts[0].runs


async def test_a_marker_with_one_wrong_id_is_foreign(world: World) -> None:
    stacks = {}
    for what in ("inst", "tenant", "stack"):
        stacks[what] = stack = await world.running()
        service = world.service(stack)
        right = {"inst": "0a1b2c3d", "tenant": world.tenant_id, "stack": stack}
        text = service.description.replace(f"{what}={right[what]}", f"{what}=99999999")
        world.coolify.hand.edit(service.uuid, description=text)
    await forget(world, *stacks.values())
    world.coolify.calls.reset()
    await world.settle()
    for what, stack in stacks.items():
        assert (await world.row(stack))["error_message"].startswith("FOREIGN_BORN"), what
    assert world.effects() == []


async def test_two_services_with_one_records_name_are_left_to_staff(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    twin = world.coolify.hand.clone(service.uuid)
    world.coolify.hand.edit(twin, name=service.name)
    await forget(world, stack)
    world.coolify.calls.reset()
    await world.settle()
    assert (await world.row(stack))["error_message"].startswith("FOREIGN_BORN")
    assert world.effects() == []


async def test_the_first_start_on_existing_stacks_only_observes(world: World) -> None:
    await world.stack()
    await world.admin.patch("/api/collections/listener_meta/records/main", json={"accepted_at": ""})
    await world.restart()
    assert world.parts.eyes.is_first_contact
    await world.admin.patch(
        "/api/collections/listener_meta/records/main", json={"accepted_at": "2031-01-01 00:00:00Z"}
    )
    await world.sweep()
    assert not world.parts.eyes.is_first_contact


async def test_the_first_start_on_an_empty_database_needs_nobody(world: World) -> None:
    await world.admin.patch("/api/collections/listener_meta/records/main", json={"accepted_at": ""})
    await world.restart()
    meta = await world.row("main", "listener_meta")
    assert meta["accepted_at"]
    assert not world.parts.eyes.is_first_contact


@pytest.mark.parametrize("wiped", [True, False], ids=["wiped", "forged"])
async def test_display_fields_are_restored_and_nobody_believes_them(world: World, wiped: bool) -> None:
    """A forged uuid of another tenant's service never leads to an effect on it."""
    stack = await world.running()
    victim = await world.running(tenant_id=await world.tenant())
    target = world.service(victim)
    before = {name: value for name, value in (await world.row(stack)).items() if name != "updated"}
    fake: dict[str, Any] = {name: "" for name in records.STACK_DISPLAY if name != "status"}
    if not wiped:
        fake = {"coolify_service_uuid": target.uuid, "coolify_project_uuid": "forged", "status": "suspended"}
    await world.edit(stack, **fake, desired_state="running")
    await world.settle()
    after = {name: value for name, value in (await world.row(stack)).items() if name != "updated"}
    kept = {"last_deploy", "desired_state"}
    assert {k: v for k, v in after.items() if k not in kept} == {
        k: v for k, v in before.items() if k not in kept
    }
    world.coolify.calls.reset()
    await world.edit(stack, **fake, desired_state="deleted")
    await world.settle()
    assert world.effects() == ["POST /services/{uuid}/stop"]
    assert all(target.uuid not in call.path for call in world.coolify.calls)
    assert target.parts[0].runs


async def test_another_tenant_on_the_record_is_refused_for_good(world: World) -> None:
    stack = await world.running()
    other = await world.tenant()
    world.coolify.calls.reset()
    await world.edit(stack, tenant_id=other)
    await world.settle()
    row = await world.row(stack)
    assert row["error_message"].startswith("TENANT_CHANGED · tenant_id was changed after creation")
    await world.edit(stack, desired_state="deleted", action="retry")
    await world.settle()
    assert world.effects() == []
    await world.edit(stack, tenant_id=world.tenant_id, desired_state="running", action="")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_project_made_by_something_else_is_left_to_staff(world: World) -> None:
    await world.edit(world.tenant_id, records.TENANTS, coolify_project_uuid="p" * 24)
    stack = await world.stack()
    await world.settle(10)
    tenant = await world.row(world.tenant_id, records.TENANTS)
    assert (tenant["listener_status"], world.effects()) == ("blocked", [])
    assert tenant["coolify_project_uuid"] == "p" * 24
    assert (await world.row(stack))["status"] == "pending"


async def test_a_service_that_bears_a_resting_stacks_id_is_told_with_the_next_list(world: World) -> None:
    other = await world.running()
    stack = await world.stack(desired_state="suspended")
    await world.settle()
    await world.sweep()
    await world.settle()
    assert (await world.row(stack))["status"] == "suspended"
    clone = world.coolify.hand.clone(world.service(other).uuid)
    world.coolify.hand.edit(clone, name=f"cf-other-bot-{stack}", description="somebody else's")
    await world.poll()
    await world.settle(60.0)
    row = await world.row(stack)
    assert row["message"].startswith("Blocked: this stack was not made by the listener.")
    assert row["error_message"].startswith("FOREIGN_BORN")
