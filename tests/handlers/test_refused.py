"""What is not carried out, in words for its user and its staff, and how the next good edit heals it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import records
from listener import contract, errors
from listener.compose import catalog
from tests.handlers.world import World

GOOD = {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-bot-token"}}
WEB = {"env_vars": {"API_KEY": "fake-api-key"}}


def bot(**values: Any) -> dict[str, Any]:
    """A record of a bot with these variables."""
    return {"template": "telegram-bot", "config": {"env_vars": {**GOOD["env_vars"], **values}}}


def web(domain: str) -> dict[str, Any]:
    """A record of a web page under this domain."""
    return {"template": "base-llm", "config": WEB, "domain": domain}


BAD = {
    "variable-missing": (bot(TELEGRAM_BOT_TOKEN=""), "VARIABLE_MISSING", "TELEGRAM_BOT_TOKEN is missing."),
    "config-empty": (bot() | {"config": None}, "VARIABLE_MISSING", "TELEGRAM_BOT_TOKEN is missing."),
    "variable-unknown": (bot(COLOR="red"), "VARIABLE_UNKNOWN", "COLOR is not a variable of telegram-bot."),
    "wrong-type": (bot(MODEL=7), "VARIABLE_INVALID", "MODEL must be a text"),
    "not-a-number": (bot(MAX_TOKENS="many"), "VARIABLE_INVALID", "MAX_TOKENS must be a whole number."),
    "too-long": (bot(MODEL="m" * 21), "VARIABLE_INVALID", "MODEL must have 1 to 20 characters, not 21."),
    "single-quote": (bot(MODEL="it's"), "VARIABLE_UNCARRIABLE", "MODEL holds a single quote"),
    "config-list": (bot() | {"config": ["x"]}, "CONFIG_INVALID", "The configuration is not readable"),
    "config-text": (bot() | {"config": "x"}, "CONFIG_INVALID", "The configuration is not readable"),
    "config-heavy": (bot(COLOR="r" * 262_144), "CONFIG_TOO_LARGE", "The configuration is too large"),
    "variables-list": (bot() | {"config": {"env_vars": ["x"]}}, "CONFIG_INVALID", "The configuration is not"),
    "limits": (bot() | {"resource_limits": {"bot": {"memory": "9G"}}}, "LIMITS_ABOVE_TIER", "telegram-bot"),
    "name": (bot() | {"stack_name": "Träume"}, "NAME_NOT_ALLOWED", "The stack name is not allowed"),
    "name-too-long": (bot() | {"stack_name": "n" * 41}, "NAME_NOT_ALLOWED", "The stack name is not allowed"),
    "domain-of-a-bot": (bot() | {"domain": "bot.example.org"}, "DOMAIN_NOT_USED", "This template has no web"),
    "domain-with-port": (web("one.example.org:8080"), "DOMAIN_INVALID", "The domain is not a host name."),
    "domain-wildcard": (web("*.example.org"), "DOMAIN_INVALID", "The domain is not a host name."),
    "domain-reserved": (web("Portal.Example.org"), "DOMAIN_RESERVED", "This domain belongs to the platform."),
    "domain-taken": (web("taken.example.org"), "DOMAIN_TAKEN", "This domain is used by another stack."),
}  # fmt: skip
"""Fields of the record, code for staff, beginning of the message for people."""


async def test_bad_records_are_refused_in_words_hurt_nobody_and_heal(world: World) -> None:
    other = await world.running("base-llm", domain="taken.example.org")
    world.coolify.calls.reset()
    stacks = {name: await world.stack(**fields) for name, (fields, _, _) in BAD.items()}
    await world.settle(60)
    for name, (_, code, message) in BAD.items():
        row = await world.row(stacks[name])
        assert row["status"] == "error", name
        assert row["message"].startswith(message), name
        assert row["error_message"].startswith(f"{code} · "), name
        assert len(row["error_message"].split(" · ")) >= 3, row["error_message"]
    assert world.effects() == []
    healed = list(stacks.values())[::4]
    for number, stack in enumerate(healed):
        good = {**bot(), "domain": "", "resource_limits": None, "stack_name": f"good-{number}"}
        await world.edit(stack, **good)
    await world.settle()
    rows = [await world.row(stack) for stack in healed]
    assert {(row["status"], row["message"], row["error_message"]) for row in rows} == {
        ("running", "Running.", "")
    }
    assert (await world.row(other))["status"] == "running"


async def test_a_slug_that_cannot_be_a_name_is_refused(world: World) -> None:
    tenant = await world.tenant("s" * 41)
    stack = await world.stack(tenant_id=tenant)
    await world.settle(10)
    assert (await world.row(stack))["message"].startswith("The tenant's slug is not allowed")
    assert world.effects() == []
    await world.edit(tenant, records.TENANTS, slug="short")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stack_name": "renamed"}, "NAME_CHANGED"),
        ({"template": "base-llm", "config": WEB}, "TEMPLATE_CHANGED"),
    ],
    ids=["name", "template"],
)
async def test_what_cannot_change_after_creation_is_refused(
    world: World, change: dict[str, Any], code: str
) -> None:
    stack = await world.running()
    before = await world.row(stack)
    world.coolify.calls.reset()
    await world.edit(stack, **change)
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["error_message"].split(" · ")[0]) == ("error", code)
    assert (world.effects(), world.service(stack).parts[0].runs) == ([], True)
    await world.edit(stack, **{name: before[name] for name in change})
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_bad_edit_of_a_suspended_stack_is_told_and_it_stays_suspended(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    await world.edit(stack, config={"env_vars": {}})
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], row["message"]) == ("suspended", "TELEGRAM_BOT_TOKEN is missing.")
    await world.edit(stack, config=GOOD)
    await world.settle()
    assert (await world.row(stack))["message"] == "Suspended. The data is kept."


@pytest.mark.parametrize(
    "status", [422, *(pytest.param(status, marks=pytest.mark.long) for status in (409, 404, 400))]
)
async def test_a_refusal_of_coolify_is_final_until_the_record_is_edited(world: World, status: int) -> None:
    fault = world.coolify.faults.add("POST", "^/services$", times=9, reply=status)
    fault.body = '{"message":"Validation failed.","errors":{"urls":["No."]}}'
    stack = await world.stack()
    await world.live(2000)
    row = await world.row(stack)
    assert (row["status"], row["message"][:26]) == ("error", "The platform refused this.")
    assert f"POST /services was refused by Coolify: {status} · urls: No." in row["error_message"]
    assert world.coolify.calls.count("POST", "/services") == 1
    assert world.ledger(stack).intent is None
    world.coolify.faults.clear()
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_refused_edit_of_a_suspended_stack_keeps_its_reason(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    world.coolify.faults.add("PATCH", "^/services/[a-z0-9]+$", times=9, reply=422)
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.live(1000)
    row = await world.row(stack)
    assert (row["status"], row["message"][:26]) == ("suspended", "The platform refused this.")
    assert row["error_message"].startswith("COOLIFY_REFUSED")
    assert world.coolify.calls.count("PATCH", "/services/{uuid}") == 1


async def test_a_refusal_that_no_edit_can_end_is_tried_again_slowly(world: World) -> None:
    stack = await world.running("base-llm", domain="one.example.org")
    world.coolify.faults.add("PATCH", "^/services/[a-z0-9]+$", times=2, reply=422)
    await world.edit(stack, desired_state="deleted")
    await world.live(900)
    assert (await world.row(stack))["status"] == "error"
    assert world.coolify.calls.count("PATCH", "/services/{uuid}") == 1
    await world.live(2000)
    assert (await world.row(stack))["status"] == "deleted"
    assert world.coolify.calls.count("PATCH", "/services/{uuid}") == 3


async def test_too_many_requests_wait_and_go_on(world: World) -> None:
    fault = world.coolify.faults.add("POST", "^/services$", times=1, reply=429)
    fault.headers = {"Retry-After": "30"}
    stack = await world.stack()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"
    first, second = [call.at for call in world.coolify.calls if call.route == "/services"][:2]
    assert second - first >= 30


async def test_a_refused_project_is_told_on_the_tenant_and_not_repeated(world: World) -> None:
    world.coolify.faults.add("POST", "^/projects$", times=9, reply=422)
    stack = await world.stack()
    await world.live(1000)
    tenant = await world.row(world.tenant_id, records.TENANTS)
    assert (tenant["listener_status"], tenant["listener_message"][:26]) == (
        "blocked",
        "The platform refused this.",
    )
    assert world.coolify.calls.count("POST", "/projects") == 1
    world.coolify.faults.clear()
    await world.edit(world.tenant_id, records.TENANTS, name="Acme Ltd")
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_a_slug_that_goes_bad_while_a_stack_waits_is_told_on_the_tenant(world: World) -> None:
    world.parts.recorder.wish_project(world.tenant_id)
    await world.edit(world.tenant_id, records.TENANTS, slug="s" * 41)
    await world.settle(10)
    tenant = await world.row(world.tenant_id, records.TENANTS)
    assert (tenant["listener_status"], world.effects()) == ("blocked", [])
    assert tenant["listener_message"].startswith("The tenant's slug is not allowed")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("TEMPLATE_UNKNOWN", "There is no template “openclaw-agent”. Choose one of: base-llm, telegram-bot."),
        ("TEMPLATE_BROKEN", "The template “openclaw-agent” cannot be used just now. Nothing was changed;"),
    ],
)
async def test_a_template_that_is_no_more_stops_no_stack_of_it_and_makes_no_new_one(
    world: World, code: str, message: str
) -> None:
    old, other = await world.running("openclaw-agent"), await world.running("telegram-bot")
    sound = {one: found for one in ("base-llm", "telegram-bot") if (found := world.place.catalog.get(one))}
    refusals = {"openclaw-agent": errors.Refusal("GUARD_G01", "It is refused.")}
    broken = refusals if code == "TEMPLATE_BROKEN" else {}
    world.place = replace(world.place, catalog=catalog.Catalog(sound, broken))
    await world.restart()
    world.coolify.calls.reset()
    new = await world.stack("openclaw-agent")
    await world.edit(old, action="redeploy")
    await world.live(60)
    for stack in (old, new):
        row = await world.row(stack)
        assert (row["status"], row["message"][: len(message)]) == ("error", message)
        assert row["error_message"].startswith(f"{code} · ")
    assert (world.effects(), (await world.row(other))["status"]) == ([], "running")
    for wish in ("suspended", "deleted"):
        await world.edit(old, desired_state=wish)
        await world.live(300)
        assert (await world.row(old))["status"] == wish


async def test_a_stack_that_was_refused_waits_for_lists_like_a_new_one(world: World) -> None:
    world.coolify.faults.add("POST", "^/services$", reply=422)
    stack = await world.stack()
    await world.settle(10)
    world.coolify.faults.add("GET", "/resources$", times=99)
    await world.poll()
    await world.edit(stack, config={"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-other"}})
    await world.settle(10)
    assert (await world.row(stack))["message"].startswith("Waiting for the list")
    world.coolify.faults.clear()
    await world.settle()
    assert (await world.row(stack))["status"] == "running"


async def test_whose_turn_a_stack_shares_is_known_before_the_first_sweep(world: World) -> None:
    stacks, group = world.parts.stacks, world.parts.stacks.group
    heard, listed = contract.Key(records.STACKS, "heard"), contract.Key(records.STACKS, await world.stack())
    assert (group(heard), group(listed)) == ("", "")
    stacks.noticed(contract.Change(heard, group="of-the-event"))
    await world.turn(contract.Key(records.TENANTS, world.tenant_id))
    assert (group(heard), group(listed)) == ("of-the-event", world.tenant_id)
    await stacks.sweep()
    assert (group(heard), group(listed)) == ("", world.tenant_id)


async def test_a_bug_is_told_and_a_passing_trouble_only_when_it_stays(world: World) -> None:
    stack = await world.running()
    key = contract.Key(records.STACKS, stack)
    handler = world.parts.stacks
    assert handler.group(key) == world.tenant_id
    trouble = errors.UpstreamUnavailable("COOLIFY_UNREACHABLE", "no connection")
    for _ in range(2):
        await handler.report(key, trouble)
        assert (await world.row(stack))["message"] == "Running."
    await handler.report(key, trouble)
    assert (await world.row(stack))["message"].startswith("Waiting for the platform to answer")
    await handler.report(key, errors.Global("COOLIFY_TOKEN_REFUSED", "refused"))
    await handler.report(key, RuntimeError("a fake secret"))
    row = await world.row(stack)
    assert (row["status"], row["message"][:30]) == ("error", "Something unexpected happened.")
    assert row["error_message"] == "UNEXPECTED · RuntimeError · see the listener's log"
    await world.parts.tenants.report(contract.Key(records.TENANTS, world.tenant_id), RuntimeError())
    tenant = await world.row(world.tenant_id, records.TENANTS)
    assert tenant["listener_message"].startswith("Something unexpected happened.")


async def test_a_reason_longer_than_a_message_is_cut(world: World) -> None:
    stack = await world.running()
    await world.edit(stack, hold="because " * 400)
    await world.settle()
    row = await world.row(stack)
    assert (row["status"], len(row["message"])) == ("suspended", 2000)


@pytest.mark.parametrize("reply", [400, 404, 409, 422])
async def test_what_coolify_refuses_to_show_says_nothing_about_the_stack(world: World, reply: int) -> None:
    stack = await world.stack()
    await world.settle()
    await world.edit(stack, **bot(MODEL="another"))
    world.coolify.faults.add("GET", "^/servers", reply=reply, times=3)
    world.coolify.faults.add("GET", "^/services/", reply=reply, times=3)
    await world.live(600)
    row = await world.row(stack)
    assert (row["status"], row["message"], row["error_message"]) == ("running", "Running.", "")
    states = await world.rows("stack_operations", f"stack_id='{stack}' && state='error'")
    assert states == []
