"""Hook and listener agree: the same rules twice, compared over generated tenants and stacks."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from handlers import admission, demand, naming, records
from handlers.amounts import NOTHING
from handlers.stacks import checks
from listener import errors
from listener.compose import variables
from tests.cli.commands import bot_token
from tests.fixtures import Database
from tests.hooks import offers
from tests.hooks.test_admission import KEY, STACKS, TENANTS, TIERS

DOMAINS = ("x.acme.apps.example.org", "x.else.apps.example.org", "bad_host")
MEMORY = ("64M", "128M", "192M", "256M", "1G", "x", "", None)


def _record(pick: random.Random, number: int) -> dict[str, Any]:
    """A stack that may be right or wrong in several ways."""
    template = pick.choice(["telegram-bot", "telegram-bot", "base-llm", "openclaw-agent"])
    env: dict[str, Any] = {"OPENAI_API_KEY": pick.choice([KEY, KEY, KEY, "", None])}
    if template != "base-llm":
        env["TELEGRAM_BOT_TOKEN"] = pick.choice(
            [bot_token(str(number)), bot_token("shared"), bot_token(str(number)), "bad"]
        )
    else:
        env["USE_LITELLM"] = pick.choice(["true", "false", "", "YES", "1", "perhaps"])
    if pick.random() < 0.1:
        env["UNKNOWN_NAME"] = "x"
    service = {"telegram-bot": "bot", "base-llm": "openwebui", "openclaw-agent": "openclaw"}[template]
    wish: Any = None
    if pick.random() < 0.4:
        wish = {
            pick.choice([service, service, "nobody"]): {
                "memory": pick.choice(MEMORY),
                "cpus": pick.choice([0.25, 0, "0.5", 3]),
            }
        }
    domain = pick.choice(
        [
            "",
            "",
            "",
            f"own{number}.example.net",
            "x.acme.apps.example.org",
            "x.else.apps.example.org",
            "bad_host",
        ]
    )
    return {
        "template": template, "stack_name": f"s{number}", "status": "pending", "domain": domain,
        "config": {"env_vars": env}, "resource_limits": wish,
    }  # fmt: skip


def _faults(
    record: records.StackRecord,
    tenant: records.TenantRecord,
    tier: records.Tier,
    others: list[records.StackRecord],
) -> set[str]:
    """Codes that the listener's own rules find in the record itself."""
    template = offers.CATALOG.get(record.template)
    assert template is not None
    found = set()

    def host() -> None:
        name = naming.checked_host(record.domain, offers.RESERVED)
        if name and template.manifest.web is None:
            raise errors.Refusal("DOMAIN_NOT_USED", "")
        if name.endswith(f".{offers.PLATFORM}") and not name.endswith(f".{tenant.slug}.{offers.PLATFORM}"):
            raise errors.Refusal("DOMAIN_NOT_YOURS", "")
        if name and any(name == one.domain for one in others):
            raise errors.Refusal("DOMAIN_TAKEN", "")

    def config() -> None:
        variables.resolve(template, checks.given(record.config), platform=offers.SITE.platform)
        if "TELEGRAM_BOT_TOKEN" in record.config["env_vars"]:
            token = record.config["env_vars"]["TELEGRAM_BOT_TOKEN"]
            if any(token == one.config["env_vars"].get("TELEGRAM_BOT_TOKEN") for one in others):
                raise errors.Refusal("VARIABLE_TAKEN", "")

    for check in (lambda: demand.of(template.manifest, record, tenant.tier, tier), host, config):
        try:
            check()
        except errors.Refusal as refusal:
            found.add(refusal.code)
    return found


def _quota(
    record: records.StackRecord,
    tenant: records.TenantRecord,
    tier: records.Tier,
    others: list[records.StackRecord],
) -> str:
    """The code with which the listener's quota refuses it, or empty."""
    lines = []
    for number, one in enumerate([*others, record]):
        template = offers.CATALOG.get(one.template)
        need = demand.tried(template.manifest if template else None, one, tenant.tier, tier)
        try:
            host = naming.checked_host(one.domain, ())
        except errors.Refusal:
            host = ""
        is_own = bool(host) and not host.endswith(f".{offers.PLATFORM}")
        exists = one is not record
        held = (need or NOTHING) if exists else NOTHING
        lines.append(
            admission.Line(
                str(number), (str(number), ""), one.template, need, held, exists, not exists, is_own
            )
        )
    refusal = admission.judge(demand.quota(tenant, tier), lines).get(str(len(others)))
    return refusal.code if refusal else ""


async def _case(database: Database, pick: random.Random, number: int) -> tuple[str, str]:
    """One tenant, some stacks, and one more: what the hook says and what the listener would; twice empty if
    that is the same.
    """
    tier_id = pick.choice(["starter", "team", "business"])
    figures = {
        "max_stacks": pick.choice([0, 1, 3]), "memory_pool_mb": pick.choice([0, 512, 2600]),
        "cpu_pool": pick.choice([0, 0.5, 3]), "max_domains": pick.choice([0, 1]),
    }  # fmt: skip
    await database.admin.patch(f"{TIERS}/{tier_id}", json=figures)
    slug = pick.choice(["acme", f"t{number}"]) + f"-{number}"
    body = {"name": slug, "slug": slug, "status": "active", "type": "demo", "plan_tier": tier_id}
    tenant = records.tenant((await database.admin.post(TENANTS, json=body)).json())
    tier = records.tier((await database.admin.get(f"{TIERS}/{tier_id}")).json())
    others = []
    for count in range(pick.randrange(4)):
        row = _record(pick, 1000 * number + count) | {"tenant_id": tenant.id}
        others.append(await database.service.post(STACKS, json=row))
    mates = [records.stack(one.json()) for one in others]
    row = _record(pick, 1000 * number + 9) | {"tenant_id": tenant.id}
    answer = await database.admin.post(STACKS, json=row)
    all_rows = (await database.admin.get(STACKS, params={"perPage": 500})).json()["items"]
    made = answer.json().get("id") if answer.status_code == 200 else ""
    everyone = [records.stack(one) for one in all_rows if one["id"] != made]
    record = records.stack({"id": "new", **row})
    wanted = _faults(record, tenant, tier, everyone)
    if not wanted and (code := _quota(record, tenant, tier, mates)):
        wanted = {code}
    told = set(offers.codes(answer).values()) if answer.status_code == 400 else set[str]()
    await _forget(database.admin, [one.json()["id"] for one in others] + ([made] if made else []))
    is_same = (bool(told) == bool(wanted)) and told <= wanted
    return ("", "") if is_same else (f"{told} {row} {figures} {tier_id}", str(wanted))


async def _forget(admin: httpx.AsyncClient, ids: list[str]) -> None:
    for one in ids:
        await admin.patch(f"{STACKS}/{one}", json={"desired_state": "deleted"})
        await admin.delete(f"{STACKS}/{one}")


@pytest.mark.parametrize("seed", range(4))
async def test_hook_and_listener_agree_over_generated_cases(offered: Database, seed: int) -> None:
    pick = random.Random(seed)
    assert {await _case(offered, pick, number) for number in range(40)} == {("", "")}
