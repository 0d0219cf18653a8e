"""At save time: what the listener would refuse is refused at the field, for everybody, also in a race."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests import portal
from tests.cli.commands import bot_token
from tests.fixtures import Database
from tests.hooks import offers

STACKS = "/api/collections/agent_stacks/records"
TIERS = "/api/collections/plan_tiers/records"
TENANTS = "/api/collections/tenants/records"
KEY = "fake-router-key"
GOOD = {"TELEGRAM_BOT_TOKEN": bot_token("wrong"), "OPENAI_API_KEY": KEY}


def bot(name: str, **more: Any) -> dict[str, Any]:
    """A good bot of the tenant, without the tenant."""
    env = {"TELEGRAM_BOT_TOKEN": bot_token(name), "OPENAI_API_KEY": KEY}
    return {
        "template": "telegram-bot",
        "stack_name": name,
        "status": "pending",
        "config": {"env_vars": env},
        **more,
    }


async def test_parallel_saves_never_pass_a_quota_together(offered: Database) -> None:
    for _ in range(3):
        tenant = await portal.tenant(offered.admin, f"race-{random.randrange(10**9)}")
        rows = [bot(f"bot-{number}-{tenant}", tenant_id=tenant) for number in range(32)]
        answers = await asyncio.gather(*(offered.admin.post(STACKS, json=row) for row in rows))
        made = [one for one in answers if one.status_code == 200]
        assert len(made) == 2
        assert {offers.codes(one)["tenant_id"] for one in answers if one not in made} == {"QUOTA_STACKS"}


async def test_a_batch_does_not_pass_it_either_and_is_refused_as_a_whole(offered: Database) -> None:
    tenant = await portal.tenant(offered.admin, "batch")
    requests = [
        {"method": "POST", "url": STACKS, "body": bot(f"bot-{number}", tenant_id=tenant)}
        for number in range(3)
    ]
    answer = await offered.admin.post("/api/batch", json={"requests": requests})
    assert answer.status_code == 400
    found = await offered.admin.get(STACKS, params={"filter": f"tenant_id='{tenant}'"})
    assert found.json()["items"] == []


async def test_superusers_and_owners_read_the_same_words_and_staff_may_raise_the_figure(
    offered: Database,
) -> None:
    for name in ("one", "two"):
        answer = await offered.owner.post(STACKS, json=bot(name, tenant_id=offered.tenant_id))
        assert answer.status_code == 200, answer.text
    for client in (offered.admin, offered.owner):
        answer = await client.post(STACKS, json=bot("three", tenant_id=offered.tenant_id))
        assert offers.codes(answer) == {"tenant_id": "QUOTA_STACKS"}
        assert answer.json()["data"]["tenant_id"]["message"] == (
            "2 stacks exist; the tariff Starter has room for 2. Delete one or choose a larger tariff."
        )
    await offered.admin.patch(f"{TENANTS}/{offered.tenant_id}", json={"max_stacks": 3})
    answer = await offered.owner.post(STACKS, json=bot("three", tenant_id=offered.tenant_id))
    assert answer.status_code == 200, answer.text


async def test_a_deleted_stack_leaves_room_and_comes_back_only_if_there_is_some(
    offered: Database,
) -> None:
    rows = [bot(name, tenant_id=offered.tenant_id) for name in ("one", "two")]
    made = [(await offered.admin.post(STACKS, json=row)).json()["id"] for row in rows]
    await offered.admin.patch(f"{STACKS}/{made[0]}", json={"desired_state": "deleted"})
    assert (await offered.admin.post(STACKS, json=bot("new", tenant_id=offered.tenant_id))).status_code == 200
    back = await offered.admin.patch(f"{STACKS}/{made[0]}", json={"desired_state": "running"})
    assert offers.codes(back) == {"tenant_id": "QUOTA_STACKS"}


PAGE = {"template": "base-llm", "config": {"env_vars": {"OPENAI_API_KEY": KEY}}}
WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a missing variable": (
        {"config": {"env_vars": {"OPENAI_API_KEY": KEY}}}, "config", "VARIABLE_MISSING",
        'TELEGRAM_BOT_TOKEN is missing. Example: {"env_vars":{',
    ),
    "a wrong one": (
        {"config": {"env_vars": GOOD | {"TELEGRAM_BOT_TOKEN": "my-secret"}}}, "config", "VARIABLE_INVALID",
        "TELEGRAM_BOT_TOKEN does not have the expected form: The token that",
    ),
    "an unknown one": (
        {"config": {"env_vars": GOOD | {"NEVER_HEARD": "x"}}}, "config", "VARIABLE_UNKNOWN",
        "NEVER_HEARD is not a variable of telegram-bot.",
    ),
    "no object": (
        {"config": {"env_vars": ["x"]}}, "config", "CONFIG_INVALID", "The settings must be an object",
    ),
    "more than the tariff": (
        {"resource_limits": {"bot": {"memory": "1G"}}}, "resource_limits", "LIMITS_ABOVE_TIER",
        "telegram-bot/bot asks for 0.25 cpus, 1024M, 64 pids; the tariff starter gives",
    ),
    "less than it needs": (
        {"resource_limits": {"bot": {"memory": "16M"}}}, "resource_limits", "LIMITS_BELOW_FLOOR",
        "telegram-bot/bot needs at least",
    ),
    "limits of nothing": (
        {"resource_limits": {"web": {}}}, "resource_limits", "LIMITS_INVALID", "The limits cannot be read",
    ),
    "a domain of no use": (
        {"domain": "bot.example.net"}, "domain", "DOMAIN_NOT_USED", "This template has no web address.",
    ),
    "a domain of another": (
        PAGE | {"domain": "x.other.apps.example.org"}, "domain", "DOMAIN_NOT_YOURS",
        "Below apps.example.org your names end in .acme.apps.example.org. Use one such as wrong.acme",
    ),
    "the platform's": (
        PAGE | {"domain": "https://portal.example.org/"}, "domain", "DOMAIN_RESERVED", "This domain",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_each_fault_stands_at_its_field_with_what_to_do_and_without_the_value(
    offered: Database, name: str
) -> None:
    fields, field, code, text = WRONG[name]
    answer = await offered.owner.post(STACKS, json=bot("wrong", tenant_id=offered.tenant_id) | fields)
    assert offers.codes(answer) == {field: code}
    message = answer.json()["data"][field]["message"]
    assert message.lower().startswith(text.lower()), "PocketBase makes the first letter a capital"
    assert "my-secret" not in answer.text
    good = (await offered.owner.post(STACKS, json=bot("good", tenant_id=offered.tenant_id))).json()["id"]
    if "template" not in fields:
        changed = await offered.owner.patch(f"{STACKS}/{good}", json=fields)
        assert offers.codes(changed) == {field: code}, "an edit is judged like a new one"


async def test_a_token_of_another_stack_is_refused_and_an_old_faulty_record_may_be_suspended(
    offered: Database,
) -> None:
    other = await portal.tenant(offered.admin, "other")
    await offered.admin.post(STACKS, json=bot("one", tenant_id=other))
    same = bot("one", tenant_id=offered.tenant_id)
    assert offers.codes(await offered.owner.post(STACKS, json=same)) == {"config": "VARIABLE_TAKEN"}
    agent = same | {"template": "openclaw-agent"}
    assert offers.codes(await offered.owner.post(STACKS, json=agent)) == {"config": "VARIABLE_TAKEN"}
    old = (await offered.service.post(STACKS, json=same | {"stack_name": "old"})).json()["id"]
    answer = await offered.owner.patch(f"{STACKS}/{old}", json={"desired_state": "suspended"})
    assert answer.status_code == 200, answer.text
