"""What a save is refused for, at which field, and what the audit then knows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from handlers import records
from listener.pocketbase import hooks, schema_model
from tests import portal
from tests.fixtures import Database
from tests.hooks.stage import Stage, codes, create, rows

TEMPLATES = ("telegram-bot", "openclaw-agent", "base-llm")


@pytest.mark.parametrize("template", TEMPLATES)
async def test_the_portals_payloads_are_stored_as_they_are(database: Database, template: str) -> None:
    payload = portal.payload(database.tenant_id, template, "cf-stack-acme-1001")
    made = await create(database.owner, "agent_stacks", payload)
    assert made.status_code == 200, made.text
    stored = made.json()
    assert {name: stored[name] for name in payload} == payload | {"domain": payload["domain"] or ""}
    (row,) = await rows(database.admin, "stack_operations")
    assert (row["verb"], row["stack_id"], row["outcome"]) == ("record.create", stored["id"], "done")
    assert row["actor"] == f"users/{portal.email('acme')}"
    assert set(row["detail"]["fields"]) == {name for name, value in payload.items() if value}


async def test_the_portals_own_status_is_put_back_without_an_error(stage: Stage) -> None:
    """Where the rules are not narrowed its user may write the field, as the portal does when a call fails."""
    database = stage.database
    rule = {f"{act}Rule": '@request.auth.id != ""' for act in ("create", "update")}
    opened = await database.admin.patch("/api/collections/agent_stacks", json=rule)
    assert opened.status_code == 200, opened.text
    saved = await stage.save({"status": "error", "error_message": "no answer"}, by=database.owner)
    assert (saved["status"], saved["error_message"]) == ("pending", "")
    row = portal.payload(database.tenant_id, "base-llm", "bot") | {"status": "error", "message": "mine"}
    made = (await create(database.owner, "agent_stacks", row)).json()
    assert (made["status"], made["message"]) == ("pending", "")
    assert await stage.refused({"hold": "mine"}, by=database.owner) == {"hold": "cloudfreedom_staff"}
    assert await stage.refused({"action": "purge"}, by=database.owner) == {"action": "cloudfreedom_staff"}
    assert (await stage.save({"action": "restart"}, by=database.owner))["action"] == "restart"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"stack_name": "a" * 41}, "stack_name", "name"),
        ({"stack_name": "Bot"}, "stack_name", "name"),
        ({"stack_name": "-bot"}, "stack_name", "name"),
        ({"stack_name": "bot\n"}, "stack_name", "name"),
        ({"config": [1]}, "config", "object"),
        ({"config": "text"}, "config", "object"),
        ({"config": 5}, "config", "object"),
        ({"resource_limits": True}, "resource_limits", "object"),
        ({"status": "running"}, "status", "display"),
        ({"coolify_service_uuid": "uuid"}, "coolify_service_uuid", "display"),
    ],
    ids=str,
)
async def test_a_new_stack_is_refused_at_its_field(
    database: Database, change: dict[str, Any], field: str, code: str
) -> None:
    payload = portal.payload(database.tenant_id, "telegram-bot", "bot")
    answer = await create(database.admin, "agent_stacks", payload | change)
    assert answer.status_code == 400, answer.text
    assert codes(answer.json()) == {field: f"cloudfreedom_{code}"}
    assert await rows(database.admin, "agent_stacks") == []
    assert await rows(database.admin, "stack_operations") == []


async def test_a_new_stack_of_staff_without_a_status_is_pending(database: Database) -> None:
    payload = portal.payload(database.tenant_id, "telegram-bot", "bot") | {"status": ""}
    made = await create(database.admin, "agent_stacks", payload)
    assert made.json()["status"] == "pending", made.text


@pytest.mark.parametrize("config", [None, {}, {"env_vars": {"A": "ü€\n'\\"}}], ids=str)
async def test_a_config_that_is_an_object_or_nothing_is_stored(database: Database, config: Any) -> None:
    payload = portal.payload(database.tenant_id, "telegram-bot", "bot") | {"config": config}
    made = await create(database.admin, "agent_stacks", payload)
    assert made.status_code == 200, made.text
    assert made.json()["config"] == config


async def test_every_fault_of_a_save_is_told_at_once(stage: Stage) -> None:
    change = {"stack_name": "other", "template": "base-llm", "config": [], "health": "healthy"}
    assert await stage.refused(change) == {
        "stack_name": "cloudfreedom_fixed",
        "template": "cloudfreedom_fixed",
        "config": "cloudfreedom_object",
        "health": "cloudfreedom_display",
    }


async def test_a_stack_stays_with_its_tenant(stage: Stage) -> None:
    other = await portal.tenant(stage.database.admin, "bolt")
    assert await stage.refused({"tenant_id": other}) == {"tenant_id": "cloudfreedom_fixed"}


async def test_what_pocketbase_itself_refuses_is_told_at_its_field_and_leaves_no_audit(stage: Stage) -> None:
    assert await stage.refused({"action": "explode"}) == {"action": "validation_invalid_value"}
    database = stage.database
    again = portal.payload(database.tenant_id, "base-llm", "cf-telegrambot-acme-1001")
    answer = await create(database.admin, "agent_stacks", again)
    assert codes(answer.json())["stack_name"] == "validation_not_unique"
    assert len(await rows(database.admin, "stack_operations")) == 1


async def test_only_templates_of_the_catalogue_can_be_chosen_once_it_is_filled(database: Database) -> None:
    for slug, withdrawn in (("telegram-bot", False), ("base-llm", True)):
        await portal.add(database.admin, "agent_templates", {"id": slug, "withdrawn": withdrawn})
    answers = [
        await create(database.owner, "agent_stacks", portal.payload(database.tenant_id, slug, slug))
        for slug in TEMPLATES
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert [codes(answer.json()) for answer in answers[1:]] == [{"template": "cloudfreedom_template"}] * 2


@pytest.mark.parametrize("slug", ["a" * 41, "-acme", "acme-"])
async def test_a_slug_that_fits_no_name_is_refused(database: Database, slug: str) -> None:
    tenant = {"name": "X", "slug": slug, "type": "demo", "status": "active"}
    answer = await create(database.admin, "tenants", tenant)
    assert codes(answer.json()) == {"slug": "cloudfreedom_name"}
    path = f"/api/collections/tenants/records/{database.tenant_id}"
    answer = await database.admin.patch(path, json={"slug": slug, "listener_status": "blocked"})
    want = {"slug": "cloudfreedom_name", "listener_status": "cloudfreedom_display"}
    assert codes(answer.json()) == want


async def test_an_old_tenant_with_a_slug_that_is_too_long_can_still_be_saved(database: Database) -> None:
    await _service_patch(database, f"tenants/records/{database.tenant_id}", slug="a" * 60)
    path = f"/api/collections/tenants/records/{database.tenant_id}"
    form = (await database.admin.get(path)).json()
    answer = await database.admin.patch(path, json=form | {"status": "suspended"})
    assert answer.status_code == 200, answer.text
    audit = [row for row in await rows(database.admin, "stack_operations") if row["verb"] == "record.update"]
    want = [("listeners/listener", ["slug"]), (f"_superusers/{database.server.superuser_email}", ["status"])]
    assert [(row["actor"], row["detail"]["fields"]) for row in audit] == want
    assert {(row["tenant_id"], row["stack_id"]) for row in audit} == {(database.tenant_id, "")}


async def test_staff_of_the_portal_may_what_staff_may(stage: Stage) -> None:
    database = stage.database
    await portal.user(database.admin, "staff@example.org", cf_role="staff")
    staff = await database.client("users", "staff@example.org", portal.PASSWORD)
    saved = await stage.save({"action": "recreate", "hold": "unpaid"}, by=staff)
    assert (saved["action"], saved["hold"]) == ("recreate", "unpaid")
    assert await stage.refused({"status": "running"}, by=staff) == {"status": "cloudfreedom_display"}
    (row,) = await stage.operations()
    assert (row["actor"], row["detail"]) == ("users/staff@example.org", {"fields": ["action", "hold"]})


async def test_the_listener_shows_what_it_saw_without_a_line_in_the_audit(stage: Stage) -> None:
    await stage.show(status="running", health="healthy", message="It runs.")
    saved = await stage.form()
    assert (saved["status"], saved["message"]) == ("running", "It runs.")
    assert await stage.operations() == []


async def test_the_audit_names_fields_and_never_values(stage: Stage) -> None:
    secret = {"env_vars": {"TELEGRAM_BOT_TOKEN": "fake-very-secret"}}
    await stage.save({"config": secret, "desired_state": "suspended"}, by=stage.database.owner)
    operations = await rows(stage.database.admin, "stack_operations")
    assert "fake-very-secret" not in str(operations)
    assert operations[-1]["detail"] == {"fields": ["config", "desired_state"]}
    assert operations[-1]["ended"] == (await stage.form())["updated"]


async def test_a_save_of_nothing_leaves_no_line_in_the_audit(stage: Stage) -> None:
    await stage.save({})
    await stage.save(await stage.form())
    assert await stage.operations() == []


async def test_a_save_that_the_audit_cannot_hold_is_not_stored(stage: Stage) -> None:
    """Both are one transaction: a rule of somebody's own makes the audit's insert fail."""
    admin = stage.database.admin
    audit = (await admin.get("/api/collections/stack_operations")).json()
    fields = [f | {"required": True} if f["name"] == "reason" else f for f in audit["fields"]]
    await admin.patch("/api/collections/stack_operations", json={"fields": fields})
    answer = await admin.patch(stage.path, json={"domain": "bot.example.org"})
    assert answer.status_code == 400, answer.text
    assert (await stage.form())["domain"] == ""


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"x"', b"\xff\xfe", b"null", b""], ids=repr)
async def test_a_body_that_cannot_be_read_is_pocketbases_to_refuse(stage: Stage, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    before = {k: v for k, v in (await stage.form()).items() if k != "updated"}
    answer = await stage.database.admin.patch(stage.path, content=content, headers=headers)
    assert answer.status_code in {200, 400}, answer.text
    assert {k: v for k, v in (await stage.form()).items() if k != "updated"} == before


async def test_guests_stay_out(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.database.url) as guest:
        assert (await guest.patch(stage.path, json={"domain": "x.example.org"})).status_code == 404
        assert (await guest.delete(stage.path)).status_code == 404


def test_the_hooks_protect_the_fields_that_the_rules_protect() -> None:
    text = hooks.files()["cloudfreedom/model.js"]
    protected = set(schema_model.load().rules.protected["agent_stacks"]) - {"hold"} | {"status"}
    for name in (*protected, *records.STACK_DISPLAY, *records.TENANT_DISPLAY):
        assert f'"{name}"' in text, name


async def _service_patch(database: Database, path: str, **fields: Any) -> None:
    answer = await database.service.patch(f"/api/collections/{path}", json=fields)
    assert answer.status_code == 200, answer.text
