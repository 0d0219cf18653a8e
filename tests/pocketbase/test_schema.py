"""`schema apply` on a database like production's: nothing is lost, and a second one finds nothing to do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from listener import errors
from listener.pocketbase import schema, schema_model
from tests import fixtures, portal
from tests.fixtures import IDENTITY, SERVICE_PASSWORD
from tests.pocketbase.conftest import Production, apply, collection, rows

BOTH = pytest.mark.parametrize(
    "production", [True, False], indirect=True, ids=["with user_id", "without user_id"]
)
RULES = pytest.mark.parametrize("rules", [False, True], ids=["widened", "narrowed"])
EXISTING = ("users", "tenants", "agent_stacks")


def count_writes(http: httpx.AsyncClient) -> list[str]:
    """Every request that may change something, as it is sent from now on; logins change nothing."""
    seen: list[str] = []

    async def note(request: httpx.Request) -> None:
        if request.method != "GET" and not request.url.path.endswith("auth-with-password"):
            seen.append(f"{request.method} {request.url.path}")

    http.event_hooks["request"].append(note)
    return seen


@BOTH
@RULES
async def test_nothing_is_lost_and_a_second_apply_writes_nothing(
    production: Production, *, rules: bool
) -> None:
    admin = production.admin
    writes = count_writes(admin)
    before = {name: (await collection(admin, name), await rows(admin, name)) for name in EXISTING}
    planned = await schema.diff(admin, rules=rules)
    assert writes == []
    done = await apply(admin, rules=rules)
    assert [f for f in done if not f.subject.startswith("listeners/")] == planned
    for name, (shape, records) in before.items():
        now = await collection(admin, name)
        assert_kept(shape, now)
        after = await rows(admin, name)
        assert {i: {key: row[key] for key in records[i]} for i, row in after.items()} == records
    writes.clear()
    again = await apply(admin, rules=rules)
    assert writes == []
    assert not any(finding.changes for finding in again)
    for narrow in {False, rules}:
        assert not any(f.changes for f in await schema.diff(admin, rules=narrow))


def assert_kept(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Fields keep id, order and options, selects keep their values in front, indexes stay.

    A text for the admin UI is added where there was none, and names name their record.
    """
    kept = new["fields"][: len(old["fields"])]
    for before, after in zip(old["fields"], kept, strict=True):
        values, shown = before.get("values", []), {"presentable": after.get("presentable", False)}
        shown |= {"help": after.get("help", "")} if before.get("help") == "" else {}
        assert after | {"values": values} == before | {"values": values} | shown
        assert after.get("values", [])[: len(values)] == values
    assert new["indexes"][: len(old["indexes"])] == old["indexes"]


async def test_the_guest_hole_is_named_first_and_closed_without_the_narrowed_rules(
    production: Production,
) -> None:
    async with fixtures.plain(production.server.url) as guest:
        assert {row["tenant_id"] for row in (await rows(guest, "agent_stacks")).values()} == {
            production.tenants["void"]
        }
        (first, *_) = await schema.diff(production.admin, rules=False)
        assert str(first).startswith("! agent_stacks: guests, without any token, may list, view, create")
        assert "void" in first.text
        await apply(production.admin)
        assert await rows(guest, "agent_stacks") == {}


async def test_widened_rules_let_the_service_see_all_and_take_nothing_from_an_owner(
    applied: Production,
) -> None:
    url, stack = applied.server.url, applied.stacks["cf-telegrambot-acme-1001"]
    path = f"/api/collections/agent_stacks/records/{stack}"
    owner = applied.owner
    assert len(await rows(owner, "agent_stacks")) == 3
    row = portal.payload(applied.tenants["acme"], "base-llm", "cf-basellm-acme-9")
    await portal.add(owner, "agent_stacks", row)
    failed = {"status": "error", "error_message": "Provisioner unavailable"}
    assert (await owner.patch(path, json=failed)).status_code == 200
    secret = SERVICE_PASSWORD.get_secret_value()
    async with fixtures.signed_in(url, "listeners", IDENTITY, secret) as service:
        assert len(await rows(service, "agent_stacks")) == 8
        assert len(await rows(service, "tenants")) == 3
        assert (await service.patch(path, json={"health": "healthy"})).status_code == 200
        assert (await service.patch(path, params={"if_action": "purge"}, json={})).status_code == 404


async def test_the_narrowed_diff_names_what_comes_who_loses_what_and_whom_it_leaves_blind(
    production: Production,
) -> None:
    lines = [str(finding) for finding in await schema.diff(production.admin, rules=True)]
    assert "- users update rule: nobody but superusers sets cf_role, which makes staff" in lines
    assert "+ agent_stacks.action: field (select)" in lines
    assert "~ agent_stacks.status: also suspended, deleting, deleted" in lines
    assert "~ settings: batch requests switched on" in lines
    assert "! tenants: nobody but staff sees these, as neither user_id nor owners names a user: void" in lines
    assert any(line.startswith("- tenants list rule: every signed-in user but staff") for line in lines)
    assert "~ tenants update rule: also staff and the service account" in lines


async def test_the_plain_diff_says_that_rules_are_not_narrowed(applied: Production) -> None:
    left = [finding.subject for finding in await schema.diff(applied.admin, rules=False)]
    assert left == ["tenants", "agent_stacks"]


async def test_duplicates_are_named_and_leave_out_only_the_index(production: Production) -> None:
    admin, tenant = production.admin, production.tenants["acme"]
    name = "cf-telegrambot-acme-1001"
    twin = (await portal.add(admin, "agent_stacks", portal.payload(tenant, "telegram-bot", name)))["id"]
    done = await apply(admin)
    (line,) = [f for f in done if f.subject == "agent_stacks.idx_agent_stacks_live_name"]
    assert line.symbol == "!"
    assert all(part in line.text for part in (tenant, name, production.stacks[name], twin))
    assert (await collection(admin, "agent_stacks"))["indexes"] == []
    assert any(f["name"] == "desired_state" for f in (await collection(admin, "agent_stacks"))["fields"])
    writes = count_writes(admin)
    await apply(admin)
    assert writes == []
    path = f"/api/collections/agent_stacks/records/{twin}"
    assert (await admin.patch(path, json={"desired_state": "deleted"})).status_code == 200
    assert "+ agent_stacks.idx_agent_stacks_live_name: index on tenant_id, stack_name" in map(
        str, await apply(admin)
    )


async def test_more_rows_than_a_page_are_all_looked_at_and_few_are_printed(production: Production) -> None:
    admin = production.admin
    settings = {"batch": {"enabled": True, "maxRequests": 2000, "timeout": 60}}
    assert (await admin.patch("/api/settings", json=settings)).status_code == 200
    url = "/api/collections/tenants/records"
    row = {"name": "N", "type": "demo", "status": "active"}
    requests = [
        {"method": "POST", "url": url, "body": row | {"slug": f"t-{number:04}"}} for number in range(1100)
    ]
    answer = await admin.post("/api/batch", json={"requests": requests}, timeout=60)
    assert answer.status_code == 200, answer.text
    (line,) = [f for f in await schema.diff(admin, rules=True) if f.symbol == "!" and f.subject == "tenants"]
    assert line.text.endswith("and 1091 more")


async def test_seeded_rows_are_made_once_and_then_left_alone(applied: Production) -> None:
    admin = applied.admin
    (meta,) = (await rows(admin, "listener_meta")).values()
    assert len(meta["inst"]) == 8
    assert meta["schema_version"] == schema.VERSION
    assert (await rows(admin, "listener_lease"))["main"]["fence"] == 0
    tiers = await rows(admin, "plan_tiers")
    assert tiers["starter"]["limits"]["telegram-bot"]["bot"] == {"cpus": 0.25, "memory": "256M", "pids": 64}
    edited = {"max_stacks": 3, "limits": {}}
    await admin.patch("/api/collections/plan_tiers/records/starter", json=edited)
    await admin.patch("/api/collections/listener_meta/records/main", json={"schema_version": 0})
    done = await apply(admin)
    assert "~ listener_meta/main: schema_version set" in map(str, done)
    starter = (await rows(admin, "plan_tiers"))["starter"]
    assert {key: starter[key] for key in edited} == edited
    (after,) = (await rows(admin, "listener_meta")).values()
    assert (after["inst"], after["schema_version"]) == (meta["inst"], schema.VERSION)


async def test_what_somebody_changed_on_our_own_collections_is_put_back(applied: Production) -> None:
    admin = applied.admin
    ledger, listeners = "/api/collections/listener_ledger", "/api/collections/listeners"
    fields = [f for f in (await collection(admin, "listener_ledger"))["fields"] if f["name"] != "stage"]
    for field in fields:
        if field["name"] == "last_spec":
            field["max"] = 10
    for path, body in (
        (ledger, {"fields": fields, "listRule": ""}),
        (listeners, {"authAlert": {"enabled": True}, "updateRule": "id = @request.auth.id"}),
        ("/api/collections/tenant_ids", {"viewQuery": "SELECT id FROM tenants WHERE slug != ''"}),
        ("/api/settings", {"batch": {"enabled": False}}),
    ):
        assert (await admin.patch(path, json=body)).status_code == 200
    done = [str(finding) for finding in await apply(admin) if finding.changes]
    assert done == [
        "~ listeners update rule: as this release has it",
        "~ listeners authAlert: set",
        "~ listener_ledger.last_spec: at most 3000000 characters, not 10",
        "+ listener_ledger.stage: field (text)",
        "~ listener_ledger list rule: as this release has it",
        "~ tenant_ids: the view's query",
        "~ settings: batch requests switched on",
    ]
    assert not any(f.changes for f in await schema.diff(admin, rules=False))


async def test_a_new_template_becomes_a_choice(production: Production) -> None:
    done = await schema.diff(production.admin, rules=False, templates=("base-llm", "wiki"))
    assert "~ agent_stacks.template: also wiki" in map(str, done)


async def test_a_field_of_another_type_is_reported_and_left(production: Production) -> None:
    fields = (await collection(production.admin, "agent_stacks"))["fields"]
    body = {"fields": [*fields, {"name": "hold", "type": "bool"}]}
    assert (await production.admin.patch("/api/collections/agent_stacks", json=body)).status_code == 200
    done = await schema.diff(production.admin, rules=False)
    assert "! agent_stacks.hold: is of type bool, not text: left as it is" in map(str, done)


async def test_an_apply_that_is_cut_again_and_again_ends_complete(production: Production) -> None:
    budget = 0

    async def cut(request: httpx.Request) -> None:
        nonlocal budget
        budget -= request.method != "GET"
        if budget < 0:
            raise httpx.ConnectError("cut", request=request)

    async with fixtures.plain(production.server.url) as http:
        http.headers.update(production.admin.headers)
        http.event_hooks["request"].append(cut)
        for _ in range(20):
            budget = 8
            try:
                await apply(http, rules=True)
                break
            except errors.UpstreamUnavailable:
                continue
    assert not any(f.changes for f in await schema.diff(production.admin, rules=True))


async def test_an_empty_pocketbase_gets_everything_and_one_without_users_is_refused(
    production: Production,
) -> None:
    for name in ("agent_stacks", "tenants"):
        assert (await production.admin.delete(f"/api/collections/{name}")).status_code == 204
    await apply(production.admin, rules=True)
    assert await schema.diff(production.admin, rules=True) == []
    views = [one.name for one in schema_model.load().collections if one.kind == "view"]
    for name in (*views, "agent_stacks", "tenants", "users"):
        assert (await production.admin.delete(f"/api/collections/{name}")).status_code == 204
    with pytest.raises(errors.Refusal, match="SCHEMA_COLLECTION_MISSING"):
        await schema.diff(production.admin, rules=True)


async def test_what_pocketbase_refuses_is_told_with_its_reason(production: Production) -> None:
    fields = (await collection(production.admin, "agent_stacks"))["fields"]
    others = [f for f in fields if f["name"] != "tenant_id"]
    body: dict[str, Any] = {"fields": [*others, {"name": "tenant_id", "type": "text"}]}
    body |= {f"{act}Rule": None for act in ("list", "view", "create", "update", "delete")}
    assert (await production.admin.patch("/api/collections/agent_stacks", json=body)).status_code == 200
    with pytest.raises(errors.UpstreamRefusal, match=r"SCHEMA_REFUSED.*listRule"):
        await apply(production.admin, rules=True)
