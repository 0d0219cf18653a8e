"""From a record to a running service, and how little it costs when nothing is to be done."""

from __future__ import annotations

import anyio
import pytest

from handlers import records
from handlers.stacks.decide import summary
from handlers.status import parse
from listener import contract, errors
from tests.handlers.world import World

PROVISION = ["POST /services", "PATCH /services/{uuid}/envs/bulk", "POST /services/{uuid}/restart"]


async def test_a_stack_of_an_active_tenant_is_brought_up_and_the_record_says_so(world: World) -> None:
    stack = await world.running("base-llm", domain="bot.example.org")
    service, row = world.service(stack), await world.row(stack)
    assert parse(service.status) == ("running", "healthy")
    assert service.parts[0].fqdn == "https://bot.example.org:8080"
    assert {one.key: one.value for one in service.variables} == {
        "API_KEY": "fake-api-key",
        "MODEL_PROVIDER": None,
        "ROUTER_BASE_URL": "http://router.example/v1",
    }
    assert (row["status"], row["health"], row["message"]) == ("running", "healthy", "Running.")
    assert (row["coolify_service_uuid"], row["template_version"]) == (service.uuid, "1.0.0")
    assert row["coolify_server_uuid"] == world.coolify.server.uuid
    assert row["error_message"] == ""
    assert row["last_deploy"]


async def test_the_names_in_coolify_carry_tenant_stack_and_record(world: World) -> None:
    stack = await world.running(stack_name="helper")
    service = world.service(stack)
    assert service.name == f"cf-acme-helper-{stack}"
    assert service.description.startswith(f"cf1 inst=0a1b2c3d stack={stack} tenant={world.tenant_id} managed")
    (project,) = world.coolify.world.projects
    assert project.name == f"cf-acme-{world.tenant_id}"
    assert project.description.startswith(f"cf1 inst=0a1b2c3d tenant={world.tenant_id} managed")


async def test_a_second_stack_costs_three_calls_and_the_shared_list(world: World) -> None:
    await world.running()
    world.coolify.calls.reset()
    await world.running("base-llm")
    assert world.effects() == PROVISION
    reads = [call.route for call in world.coolify.calls if call.method == "GET"]
    assert set(reads) <= {"/servers/{uuid}/resources"}


async def test_a_stack_that_is_as_it_should_be_costs_nothing(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    world.scissors.set(None)
    for _ in range(3):
        world.touch(records.STACKS, stack)
        world.touch(records.TENANTS, world.tenant_id)
        await world.settle()
    assert (await world.plan(stack)).steps == ()
    assert len(world.coolify.calls) == 0
    assert world.scissors.effects == []


async def test_our_own_writes_come_back_and_cause_nothing(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    world.scissors.set(None)
    await world.edit(stack, status="error")
    await world.settle()
    assert world.scissors.effects == ["POST /api/batch"]
    assert len(world.coolify.calls) == 0
    assert (await world.row(stack))["status"] == "running"


async def test_a_sweep_names_only_what_differs(world: World) -> None:
    stack = await world.running()
    await world.settle()
    await world.sweep()
    assert world.parts.turns.due == {}
    await world.edit(stack, status="error")
    world.parts.turns.due.clear()
    await world.sweep()
    assert [key.id for key in world.parts.turns.due] == [stack]


async def test_nothing_is_created_while_the_tenant_is_pending(world: World) -> None:
    tenant = await world.tenant(status="pending")
    stack = await world.stack(tenant_id=tenant)
    await world.settle()
    assert (await world.row(stack))["message"].startswith("Waiting: the tenant is pending.")
    assert (await world.row(tenant, records.TENANTS))["listener_status"] == "waiting"
    assert world.effects() == []
    await world.edit(tenant, records.TENANTS, status="active")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_stack_suspended_before_it_was_created_is_created_when_it_may_run(world: World) -> None:
    stack = await world.stack(desired_state="suspended")
    await world.settle()
    assert ((await world.row(stack))["status"], world.effects()) == ("suspended", [])
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_tenant_without_stacks_is_never_touched_in_coolify(world: World) -> None:
    tenant = await world.tenant()
    await world.settle()
    assert (await world.row(tenant, records.TENANTS))["listener_status"] == ""
    assert world.coolify.world.projects == []


async def test_two_stacks_of_a_new_tenant_share_one_project(world: World) -> None:
    tenant = await world.tenant()
    stacks = [await world.stack(tenant_id=tenant) for _ in range(2)]
    await world.settle()
    assert [(await world.row(stack))["status"] for stack in stacks] == ["running", "running"]
    assert len(world.coolify.world.projects) == 1


async def test_a_tier_that_demands_a_server_waits_for_one_and_uses_it(own_world: World) -> None:
    world = own_world
    await world.admin.patch("/api/collections/plan_tiers/records/team", json={"dedicated": True})
    own = world.coolify.world.add_server(world.coolify.team, "own")
    tenant = await world.tenant(plan_tier="team")
    await world.sweep()
    stack = await world.stack(tenant_id=tenant)
    await world.settle()
    assert "dedicated server" in (await world.row(stack))["message"]
    assert world.effects() == []
    await world.edit(tenant, records.TENANTS, server=own.uuid)
    await world.settle()
    assert world.service(stack).server is own
    assert (await world.row(stack))["status"] == "running"
    await world.edit(tenant, records.TENANTS, server="")
    await world.settle()
    assert ((await world.row(stack))["message"], world.service(stack).ups) == ("Running.", 1)


async def test_a_wait_takes_away_a_reason_that_no_longer_holds_and_leaves_an_errors(world: World) -> None:
    await world.running()
    world.coolify.faults.add("GET", "/resources$", times=99)
    await world.restart()
    left = await world.stack(error_message="SERVICE_FOREIGN · from before")
    failed = await world.stack(status="error", error_message="DOMAIN_TAKEN · from before")
    await world.settle(30)
    for stack, reason in ((left, ""), (failed, "DOMAIN_TAKEN · from before")):
        row = await world.row(stack)
        assert (row["message"][:20], row["error_message"]) == ("Waiting for the list", reason)


async def test_nothing_is_created_while_a_servers_list_is_unknown(world: World) -> None:
    await world.running()
    world.coolify.faults.add("GET", "/resources$", times=99)
    await world.restart()
    stack = await world.stack()
    await world.settle(30)
    assert world.services(stack) == []
    assert (await world.row(stack))["message"].startswith("Waiting for the list")
    world.coolify.faults.clear()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_coolify_being_down_costs_one_write_not_one_for_every_try(world: World) -> None:
    stack = await world.running()
    world.coolify.faults.add("", "^/", times=10_000, reply="drop")
    world.scissors.set(None)
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.settle(600)
    tries = len([turn for turn in world.log if turn.error])
    assert tries < 20
    world.coolify.faults.clear()
    await world.settle(1000)
    assert (await world.row(stack))["status"] == "running"
    assert world.service(stack).ups == 2


async def test_two_stacks_that_want_one_domain_do_not_share_it(world: World) -> None:
    stacks = [await world.stack("base-llm", domain="one.example.org") for _ in range(2)]
    await world.settle()
    rows = [await world.row(stack) for stack in stacks]
    assert sorted(row["status"] for row in rows) == ["error", "running"]
    loser, winner = sorted(rows, key=lambda row: row["status"] == "running")
    assert loser["message"] == "This domain is used by another stack. Choose another one."
    assert loser["error_message"].startswith("DOMAIN_TAKEN · the domain is taken · stack")
    assert world.services(loser["id"]) == []
    await world.edit(winner["id"], domain="two.example.org")
    await world.settle()
    assert (await world.row(loser["id"]))["status"] == "running"


async def test_two_plans_made_before_either_was_applied_do_not_share_a_domain(world: World) -> None:
    await world.running()
    stacks = [await world.stack("base-llm", domain="one.example.org") for _ in range(2)]
    plans = [await world.plan(stack) for stack in stacks]
    assert [plan.reason for plan in plans] == ["create", "create"]
    await world.parts.stacks.apply(plans[0])
    with pytest.raises(errors.Refusal, match="DOMAIN_TAKEN"):
        await world.parts.stacks.apply(plans[1])
    await world.settle(100)
    assert [(await world.row(stack))["status"] for stack in stacks] == ["running", "error"]


async def test_a_domain_whose_taking_was_cut_off_stays_taken(world: World) -> None:
    await world.running()
    first, second = [await world.stack("base-llm", domain="one.example.org") for _ in range(2)]
    plans = {stack: await world.plan(stack) for stack in (first, second)}
    world.scissors.set(0, after=True, kind="cancel")
    with anyio.CancelScope() as world.scissors.scope:
        await world.parts.stacks.apply(plans[first])
    with pytest.raises(errors.Refusal, match="DOMAIN_TAKEN"):
        await world.parts.stacks.apply(plans[second])
    await world.settle()
    assert [(await world.row(stack))["status"] for stack in (first, second)] == ["running", "error"]


async def test_what_is_wanted_is_summed_up_in_one_line(own_world: World) -> None:
    world = own_world
    await world.admin.patch("/api/collections/plan_tiers/records/team", json={"dedicated": True})
    await world.parts.eyes.read_tiers()
    waits = await world.tenant(plan_tier="team")
    stacks = [await world.stack(), await world.stack(config=[]), await world.stack(tenant_id=waits)]
    lines = []
    for stack in stacks:
        facts, want, _ = await world.parts.stacks.explain(contract.Key(records.STACKS, stack))
        lines.append(summary(facts, want))
    assert lines == ["running, telegram-bot 1.0.0", "refused: CONFIG_INVALID", "waiting: waiting_server"]
