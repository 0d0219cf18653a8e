"""What was deleted in PocketBase comes back under its id, with its settings, secrets, service and data."""

from __future__ import annotations

import json

import pytest

from handlers import records
from tests.handlers.asking import ask
from tests.handlers.world import ENV, World

CREATE, STOP, DELETE = "POST /services", "POST /services/{uuid}/stop", "DELETE /services/{uuid}"
DAY = 86_400.0


def _sent(world: World, stack: str) -> dict[str, str | None]:
    return {one.key: one.value for one in world.service(stack).variables}


async def test_a_hard_deleted_stack_comes_back_with_id_secrets_service_and_data(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    before, uuid, sent = await world.row(stack), world.service(stack).uuid, _sent(world, stack)
    volumes = set(world.coolify.server.volumes)
    await world.remove(stack)
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    answer = await ask(world, "undelete", stack)
    assert answer["state"] == "done", answer
    await world.settle()
    after = await world.row(stack)
    for name in ("tenant_id", "template", "stack_name", "domain", "config", "status", "desired_state"):
        assert after[name] == (before[name] or "running"), name
    assert (world.service(stack).uuid, _sent(world, stack)) == (uuid, sent)
    assert set(world.coolify.server.volumes) == volumes
    assert world.service(stack).parts[0].fqdn
    assert world.effects().count(CREATE) == 1, "the one of its first life"
    assert DELETE not in world.effects()
    assert world.ledger(stack).deletion_seen is None


async def test_what_no_call_told_is_kept_too(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    await world.edit(stack, hold="unpaid")
    await world.settle()
    await world.remove(stack)
    await world.settle()
    await ask(world, "undelete", stack)
    await world.settle()
    row = await world.row(stack)
    assert (row["hold"], row["desired_state"], row["status"]) == ("unpaid", "suspended", "suspended")


async def test_a_stack_that_still_waits_to_be_stopped_never_notices(world: World) -> None:
    stacks = [await world.running() for _ in range(4)]
    world.coolify.calls.reset()
    for stack in stacks:
        await world.remove(stack)
    await world.settle(240.0)
    (last,) = [stack for stack in stacks if not world.ledger(stack).stage]
    assert (await ask(world, "undelete", last))["state"] == "done"
    await world.settle(240.0)
    assert world.effects() == [STOP] * 3
    assert (await world.row(last))["status"] == "running"
    assert world.ledger(last).deletion_seen is None


async def test_the_secret_parts_of_the_kept_spec_are_sealed(world: World) -> None:
    stack = await world.running()
    (kept,) = [row for row in await world.rows("listener_ledger") if row["id"] == stack]
    for value in ENV["telegram-bot"].values():
        assert value not in json.dumps(kept)


async def test_a_purged_stack_does_not_come_back(world: World) -> None:
    stack = await world.running()
    await world.remove(stack)
    await world.settle()
    world.pass_time(30 * DAY)
    await world.poll()
    world.touch(records.STACKS, stack)
    await world.live(4800.0)
    assert world.ledger(stack).stage == "closed"
    answer = await ask(world, "undelete", stack)
    assert (answer["state"], "too late" in answer["result"]) == ("refused", True)


async def test_a_name_that_a_newer_stack_has_is_not_taken_from_it(world: World) -> None:
    stack = await world.running(stack_name="bot")
    await world.remove(stack)
    await world.settle()
    other = {"env_vars": {**ENV["telegram-bot"], "TELEGRAM_BOT_TOKEN": "another-token"}}
    newer = await world.running(stack_name="bot", config=other)
    answer = await ask(world, "undelete", stack)
    assert (answer["state"], newer in answer["result"]) == ("refused", True)


@pytest.mark.parametrize("target", ["nothingofthekind", "present"])
async def test_what_is_there_or_unknown_is_refused_with_a_reason(world: World, target: str) -> None:
    stack = await world.running() if target == "present" else target
    answer = await ask(world, "undelete", stack)
    assert answer["state"] == "refused"
    assert answer["result"].startswith("UNDELETE_REFUSED")


async def test_a_tenant_deleted_with_its_stacks_comes_back_with_them(world: World) -> None:
    tenant = await world.tenant("umbra", plan_tier="team", domain="umbra.example.org")
    stacks = [
        await world.running(
            tenant_id=tenant,
            config={"env_vars": {**ENV["telegram-bot"], "TELEGRAM_BOT_TOKEN": f"token-{number}"}},
        )
        for number in range(3)
    ]
    before, project = await world.row(tenant, records.TENANTS), world.ledger(tenant).project_uuid
    world.coolify.calls.reset()
    await world.remove(tenant, records.TENANTS)
    for stack in stacks:
        world.touch(records.STACKS, stack, deleted=True)
    await world.settle(1200.0)
    assert {world.ledger(stack).stage for stack in stacks} == {"retained"}
    refused = await ask(world, "undelete", stacks[0])
    assert f"undelete --tenant {tenant}" in refused["result"]
    assert (await ask(world, "undelete", tenant))["state"] == "done"
    for stack in stacks:
        assert (await ask(world, "undelete", stack))["state"] == "done"
    await world.settle(1200.0)
    after = await world.row(tenant, records.TENANTS)
    for name in ("name", "slug", "plan_tier", "domain", "status", "max_stacks"):
        assert after[name] == before[name], name
    assert [(await world.row(stack))["status"] for stack in stacks] == ["running"] * 3
    assert world.ledger(tenant).project_uuid == project
    assert CREATE not in world.effects()
    assert "DELETE /projects/{uuid}" not in world.effects()


async def test_of_a_tenants_edit_the_ledger_keeps_the_last(world: World) -> None:
    await world.running()
    await world.edit(world.tenant_id, records.TENANTS, name="Renamed Ltd", plan_tier="business")
    await world.settle()
    await world.remove(world.tenant_id, records.TENANTS)
    await world.settle()
    await ask(world, "undelete", world.tenant_id)
    row = await world.row(world.tenant_id, records.TENANTS)
    assert (row["name"], row["plan_tier"]) == ("Renamed Ltd", "business")
