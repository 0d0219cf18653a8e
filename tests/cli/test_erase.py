"""`erase`: what it names before it asks, what it asks for, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
import pytest_asyncio

from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import bot_token, cloudfreedom, together
from tests.cli.test_world import records, running

REASON = ("--reason", "GDPR-17", "--yes", "--timeout", "20")


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def deleted(world: World, admin: httpx.AsyncClient, slug: str) -> str:
    """The id of a stack `bot` of a new tenant, deleted and kept."""
    record_id = await running(admin, slug)
    done = await cloudfreedom(world.env, "delete", record_id, "--yes", "--wait", "--timeout", "30")
    assert done.code == Exit.DONE, done.text
    return record_id


@pytest.mark.long
async def test_a_deleted_stack_is_asked_for_with_what_goes_and_what_remains(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await deleted(world, admin, "forgetful")
    done = await cloudfreedom(world.env, "erase", "forgetful/bot", *REASON)
    assert done.code == Exit.DONE, done.text
    table, goes, remains, answer = done.out.split("\n", 1)[1].splitlines()
    assert all(word in table for word in ("forgetful", "bot", "there", "kept", record_id))
    assert (goes[:5], remains[:8], answer) == ("Goes:", "Remains:", "erase: done.")
    (request,) = await records(admin, "listener_requests", f"target='{record_id}' && verb='erase'")
    assert not request["arguments"]
    (entry,) = await records(admin, "stack_operations", f"stack_id='{record_id}' && verb='request.erase'")
    assert entry["reason"] in (f"asked by {request['actor']} · GDPR-17", ""), "empty once all is erased"


@pytest.mark.long
async def test_of_a_tenant_the_live_stacks_are_named_and_the_deleted_ones_asked_for(
    world: World, admin: httpx.AsyncClient
) -> None:
    gone = await deleted(world, admin, "halfway")
    (row,) = await records(admin, "agent_stacks", f"id='{gone}'")
    config = {"env_vars": {"TELEGRAM_BOT_TOKEN": bot_token("other"), "OPENAI_API_KEY": "fake"}}
    body = portal.payload(row["tenant_id"], "telegram-bot", "other") | {"config": config}
    live = str((await portal.add(admin, "agent_stacks", body))["id"])
    one, tenant = await together(
        world.env,
        f"erase {live} {' '.join(REASON)}",
        f"erase --tenant halfway {' '.join(REASON)}",
    )
    assert (one.code, one.err.split()[1]) == (Exit.REFUSED, "ERASE_REFUSED:"), one.text
    assert f"halfway/other ({live})" in one.err
    assert tenant.code == Exit.REFUSED, tenant.text
    assert f"halfway/other ({live}) is not deleted and stays: delete it first." in tenant.out
    assert "halfway/bot\nerase: done.\n" in tenant.out
    asked = await records(admin, "listener_requests", "verb='erase'")
    assert live not in {request["target"] for request in asked}


@pytest.mark.long
async def test_a_tenant_without_stacks_is_erased(world: World, admin: httpx.AsyncClient) -> None:
    tenant = await portal.tenant(admin, "bygone")
    early = await cloudfreedom(world.env, "erase", "--tenant", "bygone", *REASON)
    assert early.code == Exit.REFUSED
    assert "it is active" in early.out
    await admin.patch(f"/api/collections/tenants/records/{tenant}", json={"status": "inactive"})
    with anyio.fail_after(20):
        done = await cloudfreedom(world.env, "erase", "--tenant", "bygone", *REASON)
    assert (done.code, "Of the tenant: name" in done.out) == (Exit.DONE, True), done.text
    (row,) = await records(admin, "tenants", f"id='{tenant}'")
    assert (row["name"], row["slug"], row["status"]) == ("erased", tenant, "inactive")


async def test_a_reason_that_may_be_about_a_person_is_not_taken(alone: dict[str, str]) -> None:
    sentence = await cloudfreedom(alone, "erase", "bot", "--reason", "Ada asked by letter", "--yes")
    assert (sentence.code, sentence.err.split()[1]) == (Exit.USAGE, "REASON_UNFIT:")
    both, none = await together(alone, "erase bot --tenant acme --reason x --yes", "erase bot --yes")
    assert (both.code, none.code) == (Exit.USAGE, Exit.USAGE)
    strange, nobody = await together(
        alone, "erase nobody --reason x --yes", "erase --tenant nobody --reason x --yes"
    )
    assert [done.err.split()[1] for done in (strange, nobody)] == ["STACK_UNKNOWN:", "TENANT_UNKNOWN:"]
