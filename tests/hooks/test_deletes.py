"""A hard delete leaves a tombstone, however it came about; a tenant with live stacks stays."""

from __future__ import annotations

from tests import portal
from tests.hooks.stage import Stage, rows

TOMBSTONES = "listener_tombstones"


async def test_a_deleted_stack_leaves_a_tombstone_without_its_secrets(stage: Stage) -> None:
    database = stage.database
    assert (await database.owner.delete(stage.path)).status_code == 204
    (stone,) = await rows(database.service, TOMBSTONES)
    assert (stone["collection"], stone["record_id"]) == ("agent_stacks", stage.stack)
    assert (stone["tenant_id"], stone["actor"]) == (database.tenant_id, f"users/{portal.email('acme')}")
    assert stone["data"] == {
        "stack_name": "cf-telegrambot-acme-1001",
        "template": "telegram-bot",
        "domain": "",
    }
    (row,) = await stage.operations("record.delete")
    assert (row["actor"], row["stack_id"], row["detail"]) == (stone["actor"], stage.stack, {})


async def test_a_tenant_with_live_stacks_stays_and_they_are_named(stage: Stage) -> None:
    database = stage.database
    answer = await database.admin.delete(f"/api/collections/tenants/records/{database.tenant_id}")
    assert answer.status_code == 400, answer.text
    assert "Acme still has stacks: cf-telegrambot-acme-1001." in answer.json()["message"]
    answer = await database.admin.delete("/api/collections/tenants/truncate")
    assert answer.status_code == 400, answer.text
    assert (await stage.form())["id"] == stage.stack
    assert await rows(database.service, TOMBSTONES) == []
    assert await stage.operations("record.delete") == []


async def test_a_deleted_tenant_takes_its_deleted_stacks_along_each_with_a_tombstone(stage: Stage) -> None:
    database = stage.database
    await stage.save({"desired_state": "deleted"})
    answer = await database.admin.delete(f"/api/collections/tenants/records/{database.tenant_id}")
    assert answer.status_code == 204, answer.text
    stones = await rows(database.service, TOMBSTONES)
    assert {stone["record_id"] for stone in stones} == {stage.stack, database.tenant_id}
    assert {stone["tenant_id"] for stone in stones} == {database.tenant_id}
    assert {stone["actor"] for stone in stones} == {f"_superusers/{database.server.superuser_email}"}


async def test_a_truncate_leaves_a_tombstone_for_each(stage: Stage) -> None:
    database = stage.database
    other = portal.payload(database.tenant_id, "base-llm", "other")
    made = await portal.add(database.owner, "agent_stacks", other)
    assert (await database.admin.delete("/api/collections/agent_stacks/truncate")).status_code == 204
    stones = await rows(database.service, TOMBSTONES)
    assert {stone["record_id"] for stone in stones} == {stage.stack, made["id"]}


async def test_a_batch_that_is_rolled_back_leaves_neither_hole_nor_tombstone(stage: Stage) -> None:
    requests = [
        {"method": "DELETE", "url": stage.path},
        {"method": "PATCH", "url": stage.path, "body": {"domain": "x.example.org"}},
    ]
    answer = await stage.database.admin.post("/api/batch", json={"requests": requests})
    assert answer.status_code == 400, answer.text
    assert (await stage.form())["id"] == stage.stack
    assert await rows(stage.database.service, TOMBSTONES) == []
    answer = await stage.database.admin.post("/api/batch", json={"requests": requests[:1]})
    assert answer.status_code == 200, answer.text
    assert len(await rows(stage.database.service, TOMBSTONES)) == 1


async def test_the_listener_may_clear_tombstones_and_nobody_may_make_one(stage: Stage) -> None:
    database = stage.database
    assert (await database.service.delete(stage.path)).status_code == 204
    (stone,) = await rows(database.service, TOMBSTONES)
    assert stone["actor"] == "listeners/listener"
    forged = {"record_id": "x", "collection": "agent_stacks"}
    for http in (database.service, database.owner):
        answer = await http.post(f"/api/collections/{TOMBSTONES}/records", json=forged)
        assert answer.status_code == 403, answer.text
    path = f"/api/collections/{TOMBSTONES}/records/{stone['id']}"
    assert (await database.service.delete(path)).status_code == 204
