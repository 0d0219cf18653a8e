"""The old provisioner's calls, restated as the existing portal makes them, and what they leave behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.portal_bridge.stage import STACKS, Stage, error

WRITTEN: dict[str, tuple[str, str, dict[str, str]]] = {
    "stop": ("POST", "/stop", {"desired_state": "suspended"}),
    "restart": ("POST", "/restart", {"action": "restart"}),
    "delete": ("DELETE", "", {"desired_state": "deleted"}),
}
"""Call -> method, rest of the path, fields that the record has afterwards."""


async def test_deploy_answers_the_present_state_and_writes_nothing(stage: Stage) -> None:
    record_id = await stage.stack()
    before = await stage.row(record_id)
    answer = await stage.call("POST", "/api/stacks/deploy", body={"stack_id": record_id})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "pending"})
    assert await stage.row(record_id) == before


async def test_deploy_tells_what_the_record_tells(stage: Stage) -> None:
    record_id = await stage.stack(status="error", message="This domain is used by another stack.")
    answer = await stage.call("POST", "/api/stacks/deploy", body={"stack_id": record_id})
    assert answer.status_code == 200
    assert answer.json() == {"success": False, "message": "This domain is used by another stack."}


@pytest.mark.parametrize("name", WRITTEN)
async def test_a_button_writes_one_field_of_the_record_and_no_other(stage: Stage, name: str) -> None:
    method, rest, fields = WRITTEN[name]
    record_id = await stage.stack(status="running", message="Running.")
    before = await stage.row(record_id)
    answer = await stage.call(method, f"/api/stacks/{record_id}{rest}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["success"] is True
    assert told["message"].startswith("It is being")
    after = await stage.row(record_id)
    assert after == before | fields | {"updated": after["updated"]}
    assert list(stage.coolify.calls) == []


@pytest.mark.parametrize("shown", ["suspended", "stopped"])
async def test_restart_of_a_suspended_stack_resumes_it(stage: Stage, shown: str) -> None:
    record_id = await stage.stack(status=shown, desired_state="suspended" if shown == "suspended" else "")
    answer = await stage.call("POST", f"/api/stacks/{record_id}/restart")
    assert answer.json() == {"success": True, "message": "It is being resumed."}
    row = await stage.row(record_id)
    assert (row["desired_state"], row["action"]) == ("running", "")


@pytest.mark.parametrize(("name", "wanted"), [("stop", "suspended"), ("delete", "deleted")])
async def test_what_is_so_already_is_answered_and_not_written_again(
    stage: Stage, name: str, wanted: str
) -> None:
    method, rest, _ = WRITTEN[name]
    record_id = await stage.stack(status=wanted, desired_state=wanted, message="So it is.")
    before = await stage.row(record_id)
    answer = await stage.call(method, f"/api/stacks/{record_id}{rest}")
    assert answer.json() == {"success": True, "message": "So it is."}
    assert await stage.row(record_id) == before


@pytest.mark.parametrize("name", ["stop", "restart"])
async def test_no_button_brings_a_deleted_stack_back_by_the_way(stage: Stage, name: str) -> None:
    record_id = await stage.stack(status="deleted", desired_state="deleted")
    answer = await stage.call("POST", f"/api/stacks/{record_id}/{name}")
    assert answer.status_code == 409
    error(answer)
    assert (await stage.row(record_id))["desired_state"] == "deleted"


async def test_status_is_the_record_with_what_coolify_showed_of_the_ledgers_service(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id, domain="bot.example.org")
    answer = await stage.call("GET", f"/api/stacks/{record_id}/status")
    told: dict[str, Any] = answer.json()
    assert told["coolify"] == {"status": "running:healthy", "fqdn": "https://bot.example.org"}
    assert told["stack"] == (await stage.database.owner.get(f"{STACKS}/{record_id}")).json()


async def test_status_of_a_stack_without_a_service_is_the_records_own_word(stage: Stage) -> None:
    record_id = await stage.stack()
    answer = await stage.call("GET", f"/api/stacks/{record_id}/status")
    assert answer.json()["coolify"] == {"status": "pending", "fqdn": ""}


async def test_logs_are_those_of_the_ledgers_service(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id)
    answer = await stage.call("GET", f"/api/stacks/{record_id}/logs")
    assert (answer.status_code, answer.json()) == (200, {"logs": "bot has started\n"})


async def test_the_list_is_the_callers_stacks(stage: Stage) -> None:
    ids = {await stage.stack() for _ in range(3)}
    other = await stage.other()
    for token, wanted in ((stage.token, ids), (other.headers["Authorization"], set[str]())):
        answer = await stage.call("GET", "/api/stacks", token=token)
        assert {row["id"] for row in answer.json()["stacks"]} == wanted


async def test_no_answer_may_be_kept_by_a_cache(stage: Stage) -> None:
    for path in ("/api/stacks", "/api/stacks/nosuchrecord000/status"):
        assert (await stage.call("GET", path)).headers["cache-control"] == "no-store"


async def test_the_ways_in_are_for_owners_of_the_tenant_only(stage: Stage) -> None:
    mine, theirs = await stage.stack(), await stage.stack(stack_name="theirs-1")
    answer = await stage.call("GET", f"/api/stacks/{mine}/access")
    assert (answer.status_code, answer.json()) == (200, {"access": []})
    assert answer.headers["cache-control"] == "no-store"
    answer = await stage.call("GET", f"/api/stacks/{theirs}/access")
    assert (answer.status_code, error(answer)["error"]) == (
        403,
        "Only an owner of the tenant may see this.",
    )
    assert (await stage.call("GET", "/api/stacks/nobodys/access")).status_code == 404
