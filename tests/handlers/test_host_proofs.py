"""Own domains are routed once they are proven, run without until then, and are never taken away again."""

from __future__ import annotations

import itertools
from dataclasses import replace

import dns.rcode
import pytest

from handlers.stacks import host_proofs
from tests.handlers.named import ELSEWHERE, HERE, HOST, Named


async def test_a_domain_that_leads_here_is_routed_with_the_first_deployment(scene: Named) -> None:
    scene.names.hold(HOST, "A", HERE)
    stack = await scene.world.stack("base-llm", domain=HOST)
    await scene.world.settle(60.0)
    assert (await scene.world.row(stack))["message"].startswith("Looking up where the domain leads")
    assert scene.world.services(stack) == []
    await scene.round()
    assert await scene.shown(stack) == ("Running.", "")
    assert scene.routed(stack) == f"https://{HOST}"
    assert len([call for call in scene.world.effects() if call.startswith("POST /services")]) >= 1


async def test_an_unproven_domain_is_waited_for_and_the_record_says_what_is_missing(scene: Named) -> None:
    scene.names.hold(HOST, "A", ELSEWHERE)
    stack = await scene.running()
    message, code = await scene.shown(stack)
    text = f"cloudfreedom-verify={scene.world.tenant_id}"
    assert message == (
        f"Running, without its domain: point {HOST} to {HERE} (A record), or create the TXT record "
        f"_cloudfreedom.{HOST} with the value {text}. It is looked for every few minutes."
    )
    assert code == "DOMAIN_UNPROVEN"
    assert f"it leads to {ELSEWHERE}" in (await scene.world.row(stack))["error_message"]
    assert (scene.routed(stack), scene.world.ledger(stack).domain) == ("", "")
    scene.names.hold(f"_cloudfreedom.{HOST}", "TXT", text)
    scene.world.pass_time(host_proofs.SHORTEST)
    await scene.round()
    assert await scene.shown(stack) == ("Running.", "")
    assert (scene.routed(stack), scene.world.ledger(stack).domain) == (f"https://{HOST}", HOST)


@pytest.mark.parametrize("how", ["gone", "elsewhere", "servfail", "restarted"])
async def test_a_proven_domain_is_never_taken_away(scene: Named, how: str) -> None:
    scene.names.hold(HOST, "A", HERE)
    stack = await scene.running()
    match how:
        case "gone":
            scene.names.hold(HOST, "A")
        case "elsewhere":
            scene.names.hold(HOST, "A", ELSEWHERE)
        case "servfail":
            scene.names.rcode = dns.rcode.SERVFAIL
    if how == "restarted":
        scene.names.hold(HOST, "A")
        await scene.world.restart()
        scene.turn_on()
    asked = len(scene.names.asked)
    await scene.world.live(scene.world.waits.resync)
    await scene.round()
    assert scene.world.effects() == []
    for fields in ({"action": "redeploy"}, {"config": {"env_vars": {"API_KEY": "other-fake-key"}}}):
        await scene.world.edit(stack, **fields)
        await scene.world.settle()
        await scene.round()
        assert await scene.shown(stack) == ("Running.", "")
        assert scene.routed(stack) == f"https://{HOST}"
    assert len(scene.names.asked) == asked


async def test_an_upgrade_takes_no_domain_away_and_looks_nothing_up(scene: Named) -> None:
    eyes = scene.world.parts.eyes
    eyes.site = replace(eyes.site, proves_domains=False)
    stack = await scene.world.running("base-llm", domain=HOST)
    scene.world.coolify.calls.reset()
    await scene.world.restart()
    scene.turn_on()
    await scene.world.live(scene.world.waits.resync)
    await scene.round()
    assert (scene.world.effects(), scene.names.asked) == ([], [])
    await scene.world.edit(stack, desired_state="suspended")
    await scene.world.settle()
    await scene.world.edit(stack, desired_state="running")
    await scene.world.settle()
    assert scene.routed(stack) == f"https://{HOST}"


async def test_an_undeleted_stack_has_its_domain_again(scene: Named) -> None:
    scene.names.hold(HOST, "A", HERE)
    stack = await scene.running()
    await scene.world.edit(stack, desired_state="deleted")
    await scene.world.settle()
    assert scene.world.ledger(stack).domain == ""
    scene.names.hold(HOST, "A")
    await scene.world.restart()
    scene.turn_on()
    await scene.world.edit(stack, desired_state="running")
    await scene.world.settle()
    assert scene.routed(stack) == f"https://{HOST}"


async def test_name_servers_that_fail_refuse_nothing_and_are_asked_again_soon(scene: Named) -> None:
    scene.names.rcode = dns.rcode.SERVFAIL
    stack = await scene.running()
    message, code = await scene.shown(stack)
    assert (message.startswith("Running, without its domain"), code) == (True, "DOMAIN_UNPROVEN")
    scene.names.rcode = None
    scene.names.hold(HOST, "A", HERE)
    scene.world.pass_time(7200.0)
    await scene.round()
    scene.world.pass_time(host_proofs.LONGEST_UNKNOWN)
    await scene.round()
    assert scene.routed(stack) == f"https://{HOST}"


async def test_a_failure_after_an_answer_changes_nothing_on_the_record(scene: Named) -> None:
    stack = await scene.running()
    before = await scene.world.row(stack)
    scene.names.rcode = dns.rcode.SERVFAIL
    scene.world.pass_time(host_proofs.SHORTEST)
    assert await scene.round() == []
    await scene.world.restart()
    scene.turn_on()
    await scene.world.live(scene.world.waits.poll)
    after = await scene.world.row(stack)
    assert (after["message"], after["error_message"]) == (before["message"], before["error_message"])
    assert scene.world.effects() == []


async def test_the_longer_it_is_waited_for_the_seldomer_it_is_looked_up(scene: Named) -> None:
    await scene.running()
    moments = []
    began = scene.world.clock.seconds
    while scene.world.clock.seconds < began + 86_400.0:
        scene.names.asked.clear()
        await scene.proofs.round()
        if scene.names.asked:
            moments.append(scene.world.clock.seconds)
        scene.world.clock.seconds += 30.0
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) >= host_proofs.SHORTEST
    assert gaps[0] <= 200.0
    assert host_proofs.LONGEST <= max(gaps) <= host_proofs.LONGEST + 60.0
    assert len(moments) < 50


async def test_a_command_has_it_looked_up_at_once(scene: Named) -> None:
    stack = await scene.running()
    scene.names.hold(HOST, "A", HERE)
    await scene.round()
    assert scene.routed(stack) == ""
    await scene.world.edit(stack, action="reconcile")
    await scene.world.settle()
    await scene.round()
    assert scene.routed(stack) == f"https://{HOST}"
