"""Erasure on request: nothing personal of a deleted stack stays, and proof is asked for all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import records
from tests.handlers.asking import REQUESTS, ask
from tests.handlers.world import World

DELETE = "DELETE /services/{uuid}"
NAME = "mueller-clinic"
HOST = "mueller-clinic.example.org"
TRACES = (NAME, "fake-personal-text")
OPERATIONS = "stack_operations"


async def _deleted(world: World) -> str:
    """A stack that rests in its retention, with a row of everything that is kept about one."""
    stack = await world.running("base-llm", stack_name=NAME, domain=HOST)
    about = {"stack_id": stack, "tenant_id": world.tenant_id}
    await world._send("POST", "stack_schedules", "", {**about, "name": NAME, "cron": "0 9 * * *"})
    await world._send("POST", "stack_alerts", "", {**about, "key": "k", "title": NAME})
    buried = {"record_id": stack, "collection": records.STACKS, "data": {"stack_name": NAME}}
    await world._send("POST", "listener_tombstones", "", buried)
    said = {"verb": "record.update", "outcome": "done", "actor": "ada", "reason": "fake-personal-text"}
    await world._send("POST", OPERATIONS, "", {**about, **said, "text": NAME, "detail": {"name": NAME}})
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    assert world.ledger(stack).stage == "retained"
    world.coolify.calls.reset()
    return stack


async def _traces(world: World, stack: str) -> dict[str, list[Any]]:
    """By collection, the rows in which something personal of the stack can be read."""
    names = (
        records.STACKS, "listener_ledger", "stack_secrets", "stack_schedules", "stack_alerts", OPERATIONS,
        "listener_tombstones", REQUESTS,
    )  # fmt: skip
    found = {name: [row for row in await world.rows(name) if _tells(row, stack)] for name in names}
    return {name: rows for name, rows in found.items() if rows}


def _tells(row: dict[str, Any], stack: str) -> bool:
    if stack not in (row["id"], row.get("stack_id"), row.get("target"), row.get("record_id")):
        return False
    if row.get("verb") == "stack.erase":
        row = row | {"reason": row["reason"].removeprefix("asked by ada")}
    kept = ("last_spec", "value", "text", "reason", "detail", "arguments", "result")
    return any(trace in json.dumps(row) for trace in TRACES) or any(row.get(name) for name in kept)


async def test_nothing_personal_of_an_erased_stack_stays(world: World) -> None:
    stack = await _deleted(world)
    assert set(await _traces(world, stack)) == {
        records.STACKS, "listener_ledger", "stack_schedules", "stack_alerts", OPERATIONS,
        "listener_tombstones",
    }  # fmt: skip
    answer = await ask(world, "erase", stack, reason="fake-personal-text: asked by letter")
    assert answer["state"] == "done", answer["result"]
    await world.live(4800.0)
    assert world.effects() == [DELETE]
    assert await _traces(world, stack) == {}
    assert await world.rows("listener_ledger", f"id='{stack}'") == []
    assert await world.rows(records.STACKS, f"id='{stack}'") == []
    audit = await world.rows(OPERATIONS, f"stack_id='{stack}'")
    assert {"service.create", "stack.purge", "record.update", "stack.erase"} <= {row["verb"] for row in audit}
    assert {row["actor"] for row in audit} == {"listener", "ada"}
    assert all(row["outcome"] and row["tenant_id"] == world.tenant_id for row in audit)


async def test_the_hour_and_the_proof_stay(world: World) -> None:
    stack = await _deleted(world)
    await ask(world, "erase", stack)
    await world.live(3000.0)
    assert world.effects() == []
    world.coolify.hand.edit(world.service(stack).uuid, description="mine")
    await world.live(6000.0)
    assert world.effects() == []
    assert world.ledger(stack).stage == "retained"


@pytest.mark.parametrize("state", ["running", "suspended"])
async def test_a_live_stack_is_not_erased(world: World, state: str) -> None:
    stack = await world.running()
    await world.edit(stack, desired_state=state)
    await world.settle()
    answer = await ask(world, "erase", stack)
    assert answer["state"] == "refused"
    assert "delete it first" in answer["result"]


async def test_a_closed_stack_is_erased_at_once(world: World) -> None:
    stack = await _deleted(world)
    await ask(world, "backup_waived", stack)
    await ask(world, "purge", stack)
    await world.live(4800.0)
    assert world.ledger(stack).stage == "closed"
    await ask(world, "erase", stack)
    assert await _traces(world, stack) == {}


async def test_a_hard_deleted_stack_is_erased(world: World) -> None:
    stack = await _deleted(world)
    await world.remove(stack)
    await world.settle()
    await ask(world, "erase", stack)
    await world.live(4800.0)
    assert world.effects() == [DELETE]
    assert await _traces(world, stack) == {}


async def test_an_erasure_that_was_cut_off_goes_on_after_a_restart(world: World) -> None:
    stack = await _deleted(world)
    await world.remove(stack)
    await world.settle()
    await ask(world, "backup_waived", stack)
    await ask(world, "purge", stack)
    await world.live(4800.0)
    row = await world.row(stack, "listener_ledger")
    asked = {**row["applied_spec"], "erase": True}
    await world._send("PATCH", "listener_ledger", stack, {"applied_spec": asked})
    await world.restart()
    await world.settle()
    assert await _traces(world, stack) == {}


@pytest.mark.parametrize("back", ["running", "suspended"])
async def test_an_undelete_before_the_end_forgets_the_request(world: World, back: str) -> None:
    stack = await _deleted(world)
    await ask(world, "erase", stack)
    await world.edit(stack, desired_state=back)
    await world.settle()
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    world.coolify.calls.reset()
    await world.live(7200.0)
    assert DELETE not in world.effects()
    assert world.ledger(stack).stage == "retained"


async def _over(world: World, of: str) -> list[str]:
    return [row["reason"] for row in await world.rows(OPERATIONS, f"verb='{of}'")]


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("GDPR-2031/17", "asked by ada · GDPR-2031/17"), ("Ada Fake asked, ada@fake.example", "asked by ada")],
)
async def test_who_asked_and_the_number_of_the_letter_stay(world: World, reason: str, kept: str) -> None:
    stack = await _deleted(world)
    request = await ask(world, "erase", stack, reason=reason)
    assert request["arguments"] is None
    await world.live(4800.0)
    assert await _over(world, "stack.erase") == [kept]
    await ask(world, "erase", stack)
    assert await _over(world, "stack.erase") == [kept, "asked by ada"]


async def test_an_erased_tenant_keeps_its_id_and_nothing_personal(world: World) -> None:
    tenant = await world.tenant(NAME, domain=HOST, hold="fake-personal-text")
    await world.edit(tenant, records.TENANTS, hold="")
    stack = await world.running("base-llm", tenant_id=tenant, stack_name=NAME)
    await world.edit(stack, desired_state="deleted")
    await world.settle()
    await world.edit(tenant, records.TENANTS, status="suspended", hold="fake-personal-text")
    await world.settle()
    early = await ask(world, "erase", tenant)
    assert (early["state"], NAME in early["result"]) == ("refused", True)
    await ask(world, "erase", stack)
    await world.live(4800.0)
    answer = await ask(world, "erase", tenant, reason="GDPR-17")
    assert answer["state"] == "done", answer["result"]
    row = await world.row(tenant, records.TENANTS)
    assert {name: row[name] for name in ("name", "slug", "domain", "owners", "hold", "status")} == {
        "name": "erased", "slug": tenant, "domain": "", "owners": [], "hold": "", "status": "inactive",
    }  # fmt: skip
    await world.live(700.0)
    for name in (records.TENANTS, OPERATIONS, "listener_tombstones", REQUESTS):
        left = [one for one in await world.rows(name) if any(t in json.dumps(one) for t in TRACES)]
        assert left == []
    kept = world.ledger(tenant)
    assert kept.project_uuid
    assert NAME not in json.dumps(kept.applied_spec)
    assert NAME not in world.parts.eyes.vault.unsealed(kept.last_spec)
    assert await _over(world, "tenant.erase") == ["asked by ada · GDPR-17"]


@pytest.mark.parametrize("status", ["active", "pending"])
async def test_a_tenant_that_is_not_at_rest_is_not_erased(world: World, status: str) -> None:
    tenant = await world.tenant(NAME, status=status)
    answer = await ask(world, "erase", tenant)
    assert answer["state"] == "refused"
    assert f"it is {status}" in answer["result"]
    assert (await world.row(tenant, records.TENANTS))["name"] == NAME


async def test_a_tenant_without_any_stack_ever_is_erased(world: World) -> None:
    tenant = await world.tenant(NAME, status="inactive")
    assert (await ask(world, "erase", tenant))["state"] == "done"
    assert (await world.row(tenant, records.TENANTS))["slug"] == tenant
