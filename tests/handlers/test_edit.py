"""What an edit of a record does to its service."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import records
from tests.handlers.world import World

PATCH, ENVS = "PATCH /services/{uuid}", "PATCH /services/{uuid}/envs/bulk"
DROP, RESTART = "DELETE /services/{uuid}/envs/{variable}", "POST /services/{uuid}/restart"


def env(**values: Any) -> dict[str, Any]:
    """A config with a good token and these."""
    return {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-bot-token", **values}}


def values(world: World, stack: str) -> dict[str, str | None]:
    """What the service's containers get."""
    return {one.key: one.value for one in world.service(stack).variables}


async def test_an_edit_sends_document_and_variables_and_restarts(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, config=env(OPENAI_API_KEY="fake-router-key", MODEL="m-2"))
    await world.settle()
    assert world.effects() == [PATCH, ENVS, RESTART]
    assert values(world, stack)["MODEL"] == "m-2"
    row = await world.row(stack)
    assert (row["status"], row["message"]) == ("running", "Running.")


async def test_a_removed_variable_is_deleted_by_its_uuid(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, config=env())
    await world.settle()
    assert world.effects() == [PATCH, ENVS, DROP, RESTART]
    assert values(world, stack)["OPENAI_API_KEY"] is None, "Coolify reads the name out of the document again"
    assert world.ledger(stack).env_keys == ("TELEGRAM_BOT_TOKEN",)


async def test_a_variable_that_coolify_has_lost_already_is_no_obstacle(world: World) -> None:
    stack = await world.running()
    service = world.service(stack)
    service.variables[:] = [one for one in service.variables if one.key != "OPENAI_API_KEY"]
    await world.edit(stack, config=env())
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_suspended_stack_is_edited_without_a_start(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    world.coolify.calls.reset()
    await world.edit(stack, config=env(MODEL="m-2"))
    await world.settle()
    assert world.effects() == [PATCH, ENVS, DROP]
    assert ((await world.row(stack))["status"], values(world, stack)["MODEL"]) == ("suspended", "m-2")
    await world.edit(stack, desired_state="running")
    await world.settle()
    assert world.effects() == [PATCH, ENVS, DROP, RESTART]


async def test_an_edit_that_is_taken_back_before_anyone_looked_costs_nothing(world: World) -> None:
    stack = await world.running()
    before = (await world.row(stack))["config"]
    world.coolify.calls.reset()
    await world.edit(stack, config=env(MODEL="m-2"))
    await world.edit(stack, config=before)
    await world.settle()
    assert world.effects() == []


async def test_limits_and_tariff_are_part_of_what_is_wanted(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(world.tenant_id, records.TENANTS, plan_tier="business")
    await world.settle()
    assert world.effects() == [PATCH, ENVS, RESTART]
    await world.edit(stack, resource_limits={"bot": {"memory": "192M"}})
    await world.settle()
    limits = world.service(stack).document["services"]["bot"]["deploy"]["resources"]["limits"]
    assert limits["memory"] == "192M"


async def test_a_tariff_row_that_staff_edits_reaches_its_stacks_with_the_next_sweep(world: World) -> None:
    stack = await world.running()
    suspended = await world.running()
    await world.edit(suspended, desired_state="suspended")
    await world.settle()
    before = (await world.row("starter", "plan_tiers"))["limits"]
    world.coolify.calls.reset()
    try:
        bot = {"bot": {"cpus": 0.5, "memory": "320M", "pids": 80}}
        await world.admin.patch(
            "/api/collections/plan_tiers/records/starter", json={"limits": before | {"telegram-bot": bot}}
        )
        await world.sweep()
        await world.settle()
    finally:
        await world.admin.patch("/api/collections/plan_tiers/records/starter", json={"limits": before})
    assert sorted(world.effects()) == sorted([PATCH, ENVS, RESTART, PATCH, ENVS]), "the suspended one rests"
    for one in (stack, suspended):
        part = world.service(one).document["services"]["bot"]
        assert (
            part["deploy"]["resources"]["limits"]["memory"],
            part["deploy"]["resources"]["limits"]["pids"],
        ) == (
            "320M",
            80,
        )
    assert (await world.row(suspended))["status"] == "suspended"


async def test_a_wish_above_the_tariff_is_refused_and_what_ran_runs_on(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, resource_limits={"bot": {"memory": "2G"}})
    await world.settle()
    row = await world.row(stack)
    assert row["error_message"].startswith("LIMITS_ABOVE_TIER")
    assert (world.effects(), world.service(stack).parts[0].runs) == ([], True)
    await world.edit(world.tenant_id, records.TENANTS, plan_tier="sovereign")
    await world.settle()
    assert world.effects() == []


async def test_a_new_tenant_name_or_slug_changes_nothing(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(world.tenant_id, records.TENANTS, slug="other", name="Other")
    await world.settle()
    assert world.effects() == []
    assert world.service(stack).name.startswith("cf-acme-")


@pytest.mark.parametrize("domain", ["two.example.org", ""], ids=["another", "none"])
async def test_a_domain_is_changed_or_cleared(world: World, domain: str) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    await world.edit(stack, domain=domain)
    await world.settle()
    assert world.service(stack).parts[0].fqdn == (f"https://{domain}:8080" if domain else None)
    assert world.ledger(stack).domain == domain
    other = await world.running("base-llm", domain="one.example.org")
    assert world.service(other).parts[0].fqdn == "https://one.example.org:8080"


async def test_a_host_name_is_one_whatever_its_case_scheme_and_slash(world: World) -> None:
    await world.running("base-llm", domain="https://One.Example.org/")
    other = await world.stack("base-llm", domain="one.example.org")
    await world.settle(100)
    assert (await world.row(other))["error_message"].startswith("DOMAIN_TAKEN")


async def test_a_newer_template_alone_changes_nothing(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    world.place.catalog = world.newer_catalog()
    await world.restart()
    await world.settle()
    assert (world.effects(), (await world.row(stack))["template_version"]) == ([], "1.0.0")
    await world.edit(stack, config=env(MODEL="m-2"))
    await world.settle()
    assert (await world.row(stack))["template_version"] == "2.0.0"


async def test_an_edit_in_the_middle_of_a_deploy_is_carried_out_after_it(world: World) -> None:
    stack = await world.running()
    world.coolify.knobs.turn({"start_seconds": 30.0})
    await world.edit(stack, config=env(MODEL="m-2"))
    await world.settle(5)
    await world.edit(stack, config=env(MODEL="m-3"))
    await world.settle()
    assert ((await world.row(stack))["status"], values(world, stack)["MODEL"]) == ("running", "m-3")
