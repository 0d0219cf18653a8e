"""Own domains that change, are wanted twice, or need other proof than an address."""

from __future__ import annotations

from dataclasses import replace

import dns.rcode
import pytest

from handlers.stacks import host_proofs
from tests.handlers.named import HERE, HOST, Named


async def test_another_domain_must_be_proven_too(scene: Named) -> None:
    scene.names.hold(HOST, "A", HERE)
    stack = await scene.running()
    await scene.world.edit(stack, domain="two.example.org")
    await scene.world.settle(60.0)
    assert scene.routed(stack) == f"https://{HOST}"
    await scene.round()
    assert (await scene.shown(stack))[1] == "DOMAIN_UNPROVEN"
    assert (scene.routed(stack), scene.world.ledger(stack).domain) == ("", "")
    scene.names.hold("two.example.org", "A", HERE)
    scene.world.pass_time(host_proofs.SHORTEST)
    await scene.round()
    assert scene.routed(stack) == "https://two.example.org"


async def test_a_proven_domain_of_another_tenant_stays_taken(scene: Named) -> None:
    scene.names.hold(HOST, "A", HERE)
    await scene.running()
    other = await scene.world.tenant("rival")
    stack = await scene.world.stack("base-llm", tenant_id=other, domain=HOST)
    await scene.world.settle(60.0)
    assert (await scene.world.row(stack))["error_message"].startswith("DOMAIN_TAKEN · ")
    assert stack not in scene.world.parts.eyes.memory.sought


async def test_of_two_tenants_who_wait_for_one_domain_its_owner_says_which(scene: Named) -> None:
    mine = await scene.running()
    other = await scene.world.tenant("rival")
    theirs = await scene.world.stack("base-llm", tenant_id=other, domain=HOST)
    await scene.world.settle(60.0)
    await scene.round()
    scene.names.hold(HOST, "A", HERE)
    scene.names.hold(f"_cloudfreedom.{HOST}", "TXT", f"cloudfreedom-verify={other}")
    scene.world.pass_time(host_proofs.SHORTEST)
    await scene.round()
    assert (scene.routed(mine), scene.routed(theirs)) == ("", f"https://{HOST}")
    assert (await scene.world.row(mine))["error_message"].startswith("DOMAIN_TAKEN · ")


async def test_a_suspended_stack_is_not_started_by_a_proof(scene: Named) -> None:
    stack = await scene.running()
    await scene.world.edit(stack, desired_state="suspended")
    await scene.world.settle()
    scene.names.hold(HOST, "A", HERE)
    scene.world.pass_time(host_proofs.SHORTEST)
    await scene.round()
    assert (await scene.world.row(stack))["status"] == "suspended"
    assert scene.routed(stack) == f"https://{HOST}"


async def test_a_deleted_stacks_domain_is_not_looked_up(scene: Named) -> None:
    stack = await scene.running()
    await scene.world.edit(stack, desired_state="deleted")
    await scene.world.settle()
    assert scene.world.parts.eyes.memory.sought == {}


@pytest.mark.parametrize("ip", ["host.docker.internal", "127.0.0.1"])
async def test_a_server_without_an_address_of_its_own_leaves_the_text(scene: Named, ip: str) -> None:
    """Anybody's domain may lead to a loopback address."""
    scene.world.coolify.server.ip = ip
    await scene.world.restart()
    scene.turn_on()
    scene.world.coolify.server.ip = ip
    scene.names.hold(HOST, "A", "127.0.0.1")
    stack = await scene.running()
    assert (await scene.shown(stack))[0].startswith(
        f"Running, without its domain: create the TXT record _cloudfreedom.{HOST} with the value "
    )


@pytest.mark.parametrize(
    ("door", "told"),
    [
        (("2001:db8::7",), "to 2001:db8::7 (AAAA record)"),
        (("in.example.net", "192.0.2.1"), "to in.example.net (CNAME"),
    ],
    ids=["ipv6", "name"],
)
async def test_the_operator_may_say_where_domains_must_lead(
    scene: Named, door: tuple[str, ...], told: str
) -> None:
    eyes = scene.world.parts.eyes
    eyes.site = replace(eyes.site, door=door)
    scene.names.hold("in.example.net", "A", HERE)
    stack = await scene.running()
    assert told in (await scene.shown(stack))[0]
    scene.names.hold(HOST, "AAAA", "2001:db8::7")
    scene.names.hold(HOST, "A", HERE)
    scene.world.pass_time(host_proofs.SHORTEST)
    await scene.round()
    assert scene.routed(stack) == f"https://{HOST}"


async def test_hosts_under_the_platforms_domain_need_no_proof(scene: Named) -> None:
    eyes = scene.world.parts.eyes
    eyes.site = replace(eyes.site, platform_domain="apps.example.org")
    stack = await scene.world.running("base-llm", domain="bot.acme.apps.example.org")
    assert scene.routed(stack) == "https://bot.acme.apps.example.org"
    assert scene.names.asked == []


async def test_a_proof_that_arrived_is_kept_while_nothing_may_be_done(scene: Named) -> None:
    """The round finds it, the run is cut before the ledger knows, and DNS has an outage afterwards."""
    stack = await scene.running()
    scene.names.hold(HOST, "A", HERE)
    scene.world.pass_time(host_proofs.SHORTEST)
    assert list(await scene.proofs.round()) != []
    await scene.world.plan(stack)
    scene.names.rcode = dns.rcode.SERVFAIL
    scene.world.touch("agent_stacks", stack)
    await scene.world.settle()
    assert scene.routed(stack) == f"https://{HOST}"
