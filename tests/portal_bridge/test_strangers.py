"""Whoever may not, cannot: PocketBase's rules decide with the caller's own token, and nothing else does."""

from __future__ import annotations

import pytest

from tests import portal
from tests.portal_bridge.stage import STACKS, Stage, error

CALLS = {
    "list": ("GET", "/api/stacks"),
    "deploy": ("POST", "/api/stacks/deploy"),
    "stop": ("POST", "/api/stacks/{id}/stop"),
    "restart": ("POST", "/api/stacks/{id}/restart"),
    "delete": ("DELETE", "/api/stacks/{id}"),
    "status": ("GET", "/api/stacks/{id}/status"),
    "logs": ("GET", "/api/stacks/{id}/logs"),
}
NOBODY = ("", "Bearer ", "Basic ZmFrZTpmYWtl", "Bearer a b", "Bearer eyJmYWtl.eyJmYWtl.ZmFrZQ")


async def refused(stage: Stage, name: str, token: str, record_id: str) -> int:
    """The status of a refusal that left the record as it was and told nothing about it."""
    method, path = CALLS[name]
    before = await stage.row(record_id)
    answer = await stage.call(
        method, path.replace("{id}", record_id), token=token, body={"stack_id": record_id}
    )
    assert before["stack_name"] not in str(error(answer))
    assert await stage.row(record_id) == before
    assert list(stage.coolify.calls) == []
    return answer.status_code


async def test_a_guest_is_asked_to_sign_in(stage: Stage) -> None:
    guests = ({}, *({"Authorization": header} for header in NOBODY))
    for method, path in CALLS.values():
        for headers in guests:
            answer = await stage.portal.request(
                method, path.replace("{id}", "fakestack000000"), headers=headers
            )
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), headers
            error(answer)


async def test_a_dead_token_is_401_on_every_call(stage: Stage) -> None:
    """PocketBase itself answers 200 and zero rows, or 404."""
    record_id, token = await stage.stack(status="running"), stage.token
    change = {"password": "fake-other-password", "passwordConfirm": "fake-other-password"}
    path = f"/api/collections/users/records/{stage.database.user_id}"
    assert (await stage.database.admin.patch(path, json=change)).status_code == 200
    silent = await stage.database.owner.get(STACKS)
    assert (silent.status_code, silent.json()["items"]) == (200, [])
    assert {name: await refused(stage, name, token, record_id) for name in CALLS} == dict.fromkeys(CALLS, 401)


async def test_another_tenants_stack_is_not_there(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    other = await stage.other()
    names = [name for name in CALLS if name != "list"]
    statuses = {name: await refused(stage, name, other.headers["Authorization"], record_id) for name in names}
    assert statuses == dict.fromkeys(names, 404)


@pytest.mark.parametrize("who", ["admin", "service"])
async def test_a_token_that_is_no_portal_users_is_refused(stage: Stage, who: str) -> None:
    record_id = await stage.stack(status="running")
    token = {"admin": stage.database.admin, "service": stage.database.service}[who].headers["Authorization"]
    assert {await refused(stage, name, token, record_id) for name in CALLS} == {403}


async def test_a_caller_who_may_look_and_not_write_is_told_so(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    change = {"updateRule": None}
    assert (await stage.database.admin.patch("/api/collections/agent_stacks", json=change)).status_code == 200
    assert await refused(stage, "stop", stage.token, record_id) == 403


async def test_a_forged_uuid_on_the_record_leads_to_nobodys_logs_or_status(stage: Stage) -> None:
    """Where rules are not narrowed, a tenant may write the uuid of another tenant's service."""
    victim = await stage.stack(status="running")
    uuid = await stage.serviced(victim, domain="victim.example.org")
    stage.coolify.calls.reset()
    other = await stage.other()
    tenant = (await other.get("/api/collections/tenants/records")).json()["items"][0]["id"]
    row = portal.payload(tenant, "telegram-bot", "cf-telegrambot-bolt-1")
    forged = (await portal.add(other, "agent_stacks", row))["id"]
    fields = {"coolify_service_uuid": uuid, "status": "running"}
    assert (await stage.database.admin.patch(f"{STACKS}/{forged}", json=fields)).status_code == 200
    token = other.headers["Authorization"]
    status = await stage.call("GET", f"/api/stacks/{forged}/status", token=token)
    assert status.json()["coolify"] == {"status": "running", "fqdn": ""}
    assert (await stage.call("GET", f"/api/stacks/{forged}/logs", token=token)).status_code == 409
    assert list(stage.coolify.calls) == []


async def test_a_record_id_that_another_tenant_had_before_leads_nowhere(stage: Stage) -> None:
    """A hard-deleted stack's row stays in the ledger; where ids may be chosen, anybody may take the id."""
    taken = await stage.stack(status="running")
    await stage.serviced(taken, tenant_id="anothertenant00", domain="before.example.org")
    stage.coolify.calls.reset()
    status = await stage.call("GET", f"/api/stacks/{taken}/status")
    assert status.json()["coolify"] == {"status": "running", "fqdn": ""}
    assert (await stage.call("GET", f"/api/stacks/{taken}/logs")).status_code == 409
    assert list(stage.coolify.calls) == []
