"""What the service account, the command line's and staff may do under the rules, on real PocketBase."""

from __future__ import annotations

from typing import Any

import pytest

from tests import portal
from tests.fixtures import Database
from tests.pocketbase.conftest import Scene, batch, create, ids, other_operation, stack


async def test_an_action_is_consumed_only_if_it_is_still_the_one_that_was_read(scene: Scene) -> None:
    service = scene.database.service
    assert await scene.patch(scene.owner, {"action": "restart"}) == 200
    path = f"agent_stacks/records/{scene.stack}"
    assert await batch(service, "PATCH", f"{path}?if_action=redeploy", {"action": ""}) == 400
    assert await batch(service, "PATCH", f"{path}?if_action=restart", {"action": ""}) == 200
    assert await batch(service, "PATCH", f"{path}?if_action=", {"message": "m"}) == 200
    assert (await scene.row())["action"] == ""


async def test_the_lease_is_advanced_by_whoever_knows_its_fence(database: Database) -> None:
    service = database.service
    path, body = "listener_lease/records/main", {"fence+": 1, "holder": "one"}
    for wrong in ("", "?if_fence=", "?if_fence=1", "?if_fence=x", "?fence=0"):
        assert await batch(service, "PATCH", f"{path}{wrong}", body) == 400
    assert await batch(service, "PATCH", f"{path}?if_fence=0", body) == 200
    assert await batch(service, "PATCH", f"{path}?if_fence=0", body | {"holder": "two"}) == 400
    lease = (await service.get(f"/api/collections/{path}")).json()
    assert (lease["fence"], lease["holder"]) == (1, "one")
    assert (await service.delete(f"/api/collections/{path}")).status_code == 403


async def test_ledger_and_secrets_are_written_only_as_the_holder(database: Database) -> None:
    service = database.service
    for url, body in (
        ("listener_ledger/records", {"id": "abc", "last_spec": "x" * 100_000}),
        ("stack_secrets/records", {"stack_id": "abc", "name": "KEY", "value": "fake" * 20_000}),
    ):
        for wrong in ("", "?as_holder="):
            assert await batch(service, "POST", f"{url}{wrong}", body) == 400
    lease = {"fence+": 1, "holder": "one"}
    assert await batch(service, "PATCH", "listener_lease/records/main?if_fence=0", lease) == 200
    ledger = "listener_ledger/records"
    for wrong in ("", "?as_holder=", "?as_holder=two"):
        assert await batch(service, "POST", f"{ledger}{wrong}", {"id": "abc"}) == 400
    body = {"id": "abc", "last_spec": "x" * 100_000}
    assert await batch(service, "POST", f"{ledger}?as_holder=one", body) == 200
    assert await batch(service, "PUT", f"{ledger}?as_holder=one", {"id": "abc", "stage": "s"}) == 200
    assert await batch(service, "PATCH", f"{ledger}/abc?as_holder=two", {"stage": "t"}) == 400
    assert await batch(service, "DELETE", f"{ledger}/abc", {}) == 400
    assert await batch(service, "DELETE", f"{ledger}/abc?as_holder=one", {}) == 200
    secret = {"stack_id": "abc", "name": "KEY", "value": "fake" * 20_000}
    assert await batch(service, "POST", "stack_secrets/records?as_holder=one", secret) == 200


async def test_two_live_stacks_never_share_a_name_and_a_deleted_one_frees_it(scene: Scene) -> None:
    row = portal.payload(scene.database.tenant_id, "telegram-bot", "cf-telegrambot-1")
    assert await create(scene.owner, row) == 400
    assert await scene.patch(scene.owner, {"desired_state": "deleted"}) == 200
    assert await create(scene.owner, row) == 200
    assert await scene.patch(scene.owner, {"desired_state": "running"}) == 400


@pytest.mark.parametrize("name", ["service", "cli", "staff"])
async def test_the_service_and_staff_see_every_row(scene: Scene, name: str) -> None:
    database = scene.database
    if name == "staff":
        await portal.user(database.admin, "staff@example.org", cf_role="staff")
        http = await database.client("users", "staff@example.org", portal.PASSWORD)
    elif name == "cli":
        http = await database.client("listeners", "cli", database.password.get_secret_value())
    else:
        http = database.service
    assert await ids(http, "agent_stacks") == {scene.stack, scene.other_stack}
    assert len(await ids(http, "tenants")) == 2
    assert len(await ids(http, "plan_tiers")) == 4
    assert await ids(http, "agent_stack_ids") == (
        set() if name == "staff" else await ids(http, "agent_stacks")
    )
    assert await scene.patch(http, {"hold": "unpaid", "action": "purge", "status": "error"}) == 200
    assert await create(http, stack(scene.other_tenant, id="chosen000000001", status="running")) == 200
    request = {"verb": "accept", "target": "", "actor": name, "state": "open"}
    assert await create(http, request, "listener_requests") == 200


async def test_the_timeline_shows_each_owner_only_his_tenants_and_no_internals(scene: Scene) -> None:
    admin = scene.database.admin
    await other_operation(scene)
    operation: dict[str, Any] = {
        "tenant_id": scene.database.tenant_id,
        "stack_id": scene.stack,
        "verb": "stop",
    }
    operation |= {
        "actor": "ops",
        "reason": "R",
        "detail": {"secret": 1},
        "outcome": "done",
        "text": "Stopped.",
    }
    assert await create(admin, operation, "stack_operations") == 200
    assert await create(admin, {"tenant_id": "", "verb": "lost", "text": "Lost."}, "stack_operations") == 200
    path = "/api/collections/stack_timeline/records"
    other = await scene.database.client("users", portal.email("bolt"), portal.PASSWORD)
    for http, verb in ((scene.owner, "stop"), (other, "create")):
        (row,) = (await http.get(path)).json()["items"]
        assert row["verb"] == verb
        assert not {"actor", "reason", "detail", "fence"} & row.keys()
        for known in await ids(admin, "stack_timeline") - {row["id"]}:
            assert (await http.get(f"{path}/{known}")).status_code == 404
    assert len(await ids(scene.database.service, "stack_timeline")) == 2
