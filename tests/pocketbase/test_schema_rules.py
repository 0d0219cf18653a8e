"""What the narrowed rules let through, on real PocketBase."""

from __future__ import annotations

from typing import Any

import httpx

from listener.pocketbase import schema_model
from tests import fixtures, portal
from tests.fixtures import Database
from tests.pocketbase.conftest import Scene, batch, create, ids, other_operation, stack

MODEL = schema_model.load()
DISPLAY = ("status", *MODEL.rules.protected["agent_stacks"])
VALUES = {"status": "running", "health": "healthy", "coolify_service_uuid": "uuid-forged"}
STAFF_ACTIONS = ("recreate", "rotate_secrets", "backup_now", "approve", "purge")
TENANT_ACTIONS = ("reconcile", "restart", "redeploy", "retry")


async def fill(admin: httpx.AsyncClient, tenant: str, stack_id: str) -> None:
    """One row in every table of ours that has none, about that tenant and stack."""
    for collection in MODEL.collections:
        if collection.existing is None and collection.kind == "base":
            row: dict[str, Any] = {"tenant_id": tenant, "stack_id": stack_id, "uuid": "uuid-1", "text": "T."}
            if collection.id == "slug":
                row["id"] = stack_id
            if collection.name == "listener_meta":
                row["inst"] = "abcd1234"
            assert await create(admin, row, collection.name) == 200


async def test_the_portals_dialog_still_creates_each_of_its_stacks(database: Database) -> None:
    for number, template in enumerate(("telegram-bot", "openclaw-agent", "base-llm")):
        row = portal.payload(database.tenant_id, template, f"cf-stack-acme-{number}")
        made = await portal.add(database.owner, "agent_stacks", row)
        assert made["created"]
    bare = {"tenant_id": database.tenant_id, "template": "base-llm", "stack_name": "cf-b", "config": {}}
    assert await create(database.owner, bare | {"status": "pending"}) == 200
    answer = await database.owner.get(
        "/api/collections/agent_stacks/records", params={"sort": "-created", "expand": "tenant_id"}
    )
    assert [row["expand"]["tenant_id"]["slug"] for row in answer.json()["items"]] == ["acme"] * 4


async def test_guests_get_nothing_from_any_collection(scene: Scene) -> None:
    admin = scene.database.admin
    await fill(admin, scene.database.tenant_id, scene.stack)
    await portal.tenant(admin, "void")
    async with fixtures.plain(scene.database.url) as guest:
        for collection in MODEL.collections:
            assert await ids(guest, collection.name) == set()
            path = f"/api/collections/{collection.name}/records"
            for known in await ids(admin, collection.name):
                assert (await guest.get(f"{path}/{known}")).status_code in (403, 404)
                for parameters in ({}, {"if_fence": "0", "as_holder": ""}):
                    answer = await guest.patch(f"{path}/{known}", json={"hold": "x"}, params=parameters)
                    assert answer.status_code in (400, 403, 404)
                    answer = await guest.delete(f"{path}/{known}", params=parameters)
                    assert answer.status_code in (400, 403, 404)
            if collection.name != "users":
                assert await create(guest, {"tenant_id": scene.database.tenant_id}, collection.name) in (
                    400,
                    403,
                )


async def test_an_owner_sees_his_own_and_nothing_of_others_or_of_ours(scene: Scene) -> None:
    await fill(scene.database.admin, scene.database.tenant_id, scene.stack)
    await other_operation(scene)
    seen = {c.name: await ids(scene.owner, c.name) for c in MODEL.collections}
    own = {name: found for name, found in seen.items() if found}
    assert own.pop("tenants") == {scene.database.tenant_id}
    assert own.pop("agent_stacks") == {scene.stack}
    assert own.pop("users") == {scene.database.user_id}
    assert own.pop("agent_templates") == {scene.stack}
    assert len(own.pop("stack_timeline")) == 1
    assert own == {}
    for name, known in (("tenants", scene.other_tenant), ("agent_stacks", scene.other_stack)):
        path = f"/api/collections/{name}/records/{known}"
        assert (await scene.owner.get(path)).status_code == 404
        assert (await scene.owner.patch(path, json={"domain": "x.example.org"})).status_code == 404
        assert (await scene.owner.delete(path)).status_code == 404
    assert await create(scene.owner, stack(scene.other_tenant)) == 400


async def test_each_of_several_owners_has_the_tenant_and_no_other(scene: Scene) -> None:
    admin = scene.database.admin
    second = await portal.user(admin, "second@bolt.example.org")
    path = f"/api/collections/tenants/records/{scene.other_tenant}"
    assert (await admin.patch(path, json={"owners+": second})).status_code == 200
    for address in (portal.email("bolt"), "second@bolt.example.org"):
        http = await scene.database.client("users", address, portal.PASSWORD)
        assert await ids(http, "tenants") == {scene.other_tenant}
        assert scene.other_stack in await ids(http, "agent_stacks")
        assert scene.stack not in await ids(http, "agent_stacks")
        assert await create(http, stack(scene.other_tenant, stack_name=f"s-{address[0]}")) == 200
        path = f"/api/collections/agent_stacks/records/{scene.other_stack}"
        assert (await http.patch(path, json={"desired_state": "suspended"})).status_code == 200


async def test_tenants_create_with_defaults_only(scene: Scene) -> None:
    forged = {name: VALUES.get(name, "2026-01-01 00:00:00.000Z") for name in DISPLAY}
    extras = [{"id": "chosen000000001"}, {"id": ""}, *({name: value} for name, value in forged.items())]
    extras += [{"action": action} for action in STAFF_ACTIONS]
    for extra in extras:
        row = stack(scene.database.tenant_id, **extra)
        assert await create(scene.owner, row) == 400, extra
        for method in ("POST", "PUT"):
            assert await batch(scene.owner, method, "agent_stacks/records", row) == 400, extra
    for number, action in enumerate(("", *TENANT_ACTIONS)):
        row = stack(scene.database.tenant_id, action=action, stack_name=f"s-{number}")
        assert await create(scene.owner, row) == 200


async def test_tenants_change_no_display_field_hold_tenant_or_staff_action(scene: Scene) -> None:
    before = await scene.row()
    forged = {name: VALUES.get(name, "2026-01-01 00:00:00.000Z") for name in DISPLAY}
    bodies: list[dict[str, Any]] = [{name: value} for name, value in forged.items()]
    bodies += [{"action": action} for action in STAFF_ACTIONS]
    bodies += [{"tenant_id": scene.other_tenant}, {"status": "error", "error_message": "Provisioner"}]
    for body in bodies:
        assert await scene.patch(scene.owner, body) == 404, body
        tricks: list[dict[str, Any]] = [
            {f"{key}{sign}": value for key, value in body.items()} for sign in ("+", "-")
        ]
        tricks.append({f"+{key}": value for key, value in body.items()})
        tricks.append({key: [value] for key, value in body.items()})
        for trick in tricks:
            await scene.patch(scene.owner, trick)
    assert await scene.row() | {"updated": ""} == before | {"updated": ""}


async def test_tenants_may_send_the_whole_row_back_with_their_own_edit(scene: Scene) -> None:
    shown = {"health": "healthy", "last_deploy": "2026-01-01 00:00:00.000Z", "message": "m", "hold": "h"}
    assert await scene.patch(scene.database.admin, shown | {"status": "running"}) == 200
    form = await scene.row() | {"domain": "new.example.org", "desired_state": "suspended"}
    assert await scene.patch(scene.owner, form) == 200
    for action in (*TENANT_ACTIONS, ""):
        assert await scene.patch(scene.owner, {"action": action}) == 200
    await scene.patch(scene.database.admin, {"action": "purge"})
    assert await scene.patch(scene.owner, {"action": "purge", "domain": "b.example.org"}) == 200
    path = f"/api/collections/agent_stacks/records/{scene.stack}"
    assert (await scene.owner.delete(path)).status_code == 204


async def test_tenants_change_nothing_on_their_tenant(scene: Scene) -> None:
    path = f"/api/collections/tenants/records/{scene.database.tenant_id}"
    edits: tuple[dict[str, Any], ...] = (
        {"plan_tier": "sovereign"},
        {"hold": ""},
        {"max_stacks": 99},
        {"name": "A"},
        {"owners": []},
    )
    for body in edits:
        assert (await scene.owner.patch(path, json=body)).status_code == 404
    assert (await scene.owner.delete(path)).status_code == 404
    assert await create(scene.owner, {"name": "N", "slug": "n", "status": "active"}, "tenants") == 400


async def test_every_rule_in_the_database_begins_by_asking_for_a_signed_in_user(database: Database) -> None:
    page = (await database.admin.get("/api/collections", params={"perPage": 500})).json()["items"]
    live = {collection["name"]: collection for collection in page}
    for collection in MODEL.collections:
        if collection.name != "users":
            rules = [live[collection.name][f"{act}Rule"] for act in schema_model.ACTS]
            assert all(rule is None or rule.startswith('@request.auth.id != ""') for rule in rules)
