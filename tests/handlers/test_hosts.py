"""Host names under the platform's domain: whose they are, who gets one, and what never changes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import records
from handlers.stacks import hosts
from tests.handlers.world import ENV, World

PLATFORM = "apps.example.org"
WEB = {"config": {"env_vars": ENV["base-llm"]}}


def turn_on(world: World, platform: str = PLATFORM) -> None:
    """The platform has a domain, from now on."""
    site = world.parts.eyes.site
    reserved = (*site.reserved, platform) if platform else site.reserved
    world.parts.eyes.site = replace(site, platform_domain=platform, reserved=reserved)


def routed(world: World, stack: str) -> str | None:
    """What Coolify routes to the stack."""
    return world.service(stack).parts[0].fqdn or None


async def restart(world: World) -> None:
    """A new process, with the platform's domain."""
    await world.restart()
    turn_on(world)


async def test_a_new_web_stack_gets_an_address_by_itself(world: World) -> None:
    turn_on(world)
    web = await world.running("base-llm", stack_name="chat")
    bot = await world.running()
    assert routed(world, web) == f"https://chat.acme.{PLATFORM}:8080"
    assert world.ledger(web).domain == f"chat.acme.{PLATFORM}"
    assert world.ledger(bot).domain == ""
    assert (await world.row(web))["domain"] == ""


async def test_without_a_platform_domain_there_is_none(world: World) -> None:
    web = await world.running("base-llm")
    assert (routed(world, web), world.ledger(web).domain) == (None, "")


async def test_an_upgrade_gives_no_address_to_what_has_none_and_restarts_nothing(world: World) -> None:
    web = await world.running("base-llm")
    world.coolify.calls.reset()
    await restart(world)
    await world.live(world.waits.resync)
    assert world.effects() == []
    await world.edit(web, config={"env_vars": {"API_KEY": "another-fake-key"}})
    await world.settle()
    assert (await world.row(web))["status"] == "running"
    assert routed(world, web) is None


async def test_a_given_address_stays_whatever_becomes_of_slug_and_setting(world: World) -> None:
    turn_on(world)
    web = await world.running("base-llm", stack_name="chat")
    world.coolify.calls.reset()
    await world.edit(world.tenant_id, records.TENANTS, slug="newname")
    for platform in ("other.example.org", ""):
        await world.restart()
        turn_on(world, platform)
        await world.live(world.waits.resync)
    assert world.effects() == []
    assert world.ledger(web).domain == f"chat.acme.{PLATFORM}"


async def test_a_domain_that_is_taken_back_leaves_the_given_address(world: World) -> None:
    turn_on(world)
    web = await world.running("base-llm", stack_name="chat")
    await world.edit(web, domain="chat.example.com")
    await world.settle()
    assert world.ledger(web).domain == "chat.example.com"
    await world.edit(web, domain="")
    await world.settle()
    assert routed(world, web) == f"https://chat.acme.{PLATFORM}:8080"


@pytest.mark.parametrize("domain", ["a.acme.apps.example.org", "a.b.ACME.apps.example.org"])
async def test_a_tenant_may_choose_any_name_under_its_own_label(world: World, domain: str) -> None:
    turn_on(world)
    web = await world.running("base-llm", domain=domain)
    assert world.ledger(web).domain == domain.lower()


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        ("acme.apps.example.org", "DOMAIN_NOT_YOURS"),
        ("bot.other.apps.example.org", "DOMAIN_NOT_YOURS"),
        ("bot.xacme.apps.example.org", "DOMAIN_NOT_YOURS"),
        ("bot.apps.example.org", "DOMAIN_NOT_YOURS"),
        ("apps.example.org", "DOMAIN_RESERVED"),
    ],
    ids=["only-the-slug", "another-tenants", "longer-slug", "no-slug", "the-platform"],
)
async def test_what_else_is_under_the_platforms_domain_is_refused(
    world: World, domain: str, code: str
) -> None:
    turn_on(world)
    web = await world.stack("base-llm", stack_name="bot", domain=domain)
    await world.settle()
    row = await world.row(web)
    assert (row["status"], row["error_message"].partition(" · ")[0]) == ("error", code)
    if code == "DOMAIN_NOT_YOURS":
        assert "such as bot.acme.apps.example.org" in row["message"]
        assert len(row["error_message"].split(" · ")) == 4
    assert world.services(web) == []
    await world.edit(web, domain="")
    await world.settle()
    assert world.ledger(web).domain == "bot.acme.apps.example.org"


async def test_a_name_that_looks_like_the_platforms_is_none_of_its(world: World) -> None:
    turn_on(world)
    web = await world.running("base-llm", domain="bot.myapps.example.org")
    assert world.ledger(web).domain == "bot.myapps.example.org"


async def test_a_domain_that_was_allowed_before_stays(world: World) -> None:
    web = await world.running("base-llm", domain="bot.apps.example.org")
    world.coolify.calls.reset()
    await restart(world)
    await world.live(world.waits.resync)
    row = await world.row(web)
    assert (row["status"], row["error_message"], world.effects()) == ("running", "", [])


async def test_two_stacks_never_have_one_address(world: World) -> None:
    turn_on(world)
    first = await world.running("base-llm", stack_name="one", domain="two.acme.apps.example.org")
    second = await world.stack("base-llm", stack_name="two")
    await world.settle(60)
    assert (await world.row(second))["error_message"].startswith("DOMAIN_TAKEN · ")
    await world.edit(first, domain="three.acme.apps.example.org")
    await world.settle()
    await world.live(world.waits.resync)
    assert world.ledger(second).domain == "two.acme.apps.example.org"


async def test_a_lost_ledger_costs_no_stack_its_address(world: World) -> None:
    turn_on(world)
    given = await world.running("base-llm", stack_name="chat")
    chosen = await world.running("base-llm", stack_name="own", domain="bot.example.com")
    for row in await world.rows("listener_ledger"):
        await world.remove(row["id"], "listener_ledger", heard=False)
    await restart(world)
    world.parts.eyes.site = replace(world.parts.eyes.site, proves_domains=True)
    await world.live(world.waits.resync)
    assert world.ledger(given).domain == f"chat.acme.{PLATFORM}"
    assert world.ledger(chosen).domain == "bot.example.com"
    assert routed(world, given) == f"https://chat.acme.{PLATFORM}:8080"


def test_the_proof_is_stable_and_names_the_tenant() -> None:
    assert hosts.proof_text("abc") == "cloudfreedom-verify=abc"
