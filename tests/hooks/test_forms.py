"""A form is stale when it was opened before the record's last change: what is old in it does no harm."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.hooks.stage import Stage, codes

SEEN = {
    "status": "running",
    "health": "healthy",
    "message": "It runs.",
    "coolify_service_uuid": "uuid-1",
    "last_deploy": "2031-01-01 00:00:00.000Z",
}
"""What the listener shows of a running stack."""


async def test_a_stale_form_saves_the_edit_and_restores_what_the_listener_shows(stage: Stage) -> None:
    form = await stage.form()
    await stage.show(**SEEN)
    saved = await stage.save(form | {"domain": "bot.example.org"})
    assert {name: saved[name] for name in SEEN} == SEEN
    assert saved["domain"] == "bot.example.org"
    (row,) = await stage.operations()
    assert row["detail"] == {"fields": ["domain"]}


async def test_a_fresh_form_saves_without_a_word_about_what_is_shown(stage: Stage) -> None:
    await stage.show(**SEEN)
    saved = await stage.save(await stage.form() | {"desired_state": "suspended", "hold": "unpaid"})
    assert (saved["desired_state"], saved["hold"], saved["status"]) == ("suspended", "unpaid", "running")


@pytest.mark.parametrize("whole", [True, False], ids=["form", "one field"])
async def test_what_is_shown_cannot_be_set_by_hand(stage: Stage, *, whole: bool) -> None:
    await stage.show(**SEEN)
    form = await stage.form() if whole else {}
    faults = await stage.refused(form | {"status": "error", "last_deploy": "2031-02-02 00:00:00.000Z"})
    assert faults == {"status": "cloudfreedom_display", "last_deploy": "cloudfreedom_display"}


async def test_a_stale_form_does_not_start_a_consumed_action_again(stage: Stage) -> None:
    await stage.save(await stage.form() | {"action": "restart"})
    form = await stage.form()
    await stage.show(action="", message="Restarted.")
    saved = await stage.save(form | {"domain": "bot.example.org"})
    assert (saved["action"], saved["domain"], saved["message"]) == ("", "bot.example.org", "Restarted.")


async def test_a_stale_form_does_not_take_back_an_action_that_was_just_commanded(stage: Stage) -> None:
    form = await stage.form()
    await stage.save({"action": "restart"}, by=stage.database.owner)
    assert (await stage.save(form | {"domain": "bot.example.org"}))["action"] == "restart"


async def test_an_action_chosen_in_a_form_that_only_the_display_outdated_is_kept(stage: Stage) -> None:
    """Also right after an earlier one was consumed: that form was opened after it."""
    await stage.save(await stage.form() | {"action": "restart"})
    await stage.show(action="", message="Restarted.")
    form = await stage.form()
    await stage.show(**SEEN)
    assert (await stage.save(form | {"action": "purge"}))["action"] == "purge"


async def test_of_two_stale_tabs_the_second_is_refused_where_the_first_wrote(stage: Stage) -> None:
    first, second = await stage.form(), await stage.form()
    await stage.save(first | {"domain": "one.example.org"})
    faults = await stage.refused(second | {"hold": "unpaid"})
    assert faults == {"domain": "cloudfreedom_changed"}
    again = await stage.form()
    assert (await stage.save(again | {"hold": "unpaid"}))["domain"] == "one.example.org"


async def test_two_stale_tabs_that_say_the_same_are_both_saved(stage: Stage) -> None:
    first, second = await stage.form(), await stage.form()
    await stage.save(first | {"domain": "one.example.org"})
    assert (await stage.save(second | {"domain": "one.example.org", "hold": "unpaid"}))["hold"] == "unpaid"


async def test_what_the_command_line_changed_is_not_overwritten_by_a_stale_form(stage: Stage) -> None:
    form = await stage.form()
    await stage.show(config={"env_vars": {"A": "new"}})
    assert await stage.refused(form | {"hold": "unpaid"}) == {"config": "cloudfreedom_changed"}


async def test_a_form_of_a_record_without_times_is_stale_after_the_first_save(stage: Stage) -> None:
    """Rows that are older than the column have an empty `updated`."""
    form = await stage.form() | {"updated": ""}
    await stage.show(**SEEN)
    assert (await stage.save(form | {"domain": "bot.example.org"}))["status"] == "running"


async def test_a_stale_form_is_one_in_a_batch_and_as_multipart_too(stage: Stage) -> None:
    form = await stage.form()
    await stage.show(**SEEN)
    request = {"method": "PATCH", "url": stage.path, "body": form | {"domain": "bot.example.org"}}
    answer = await stage.database.admin.post("/api/batch", json={"requests": [request]})
    assert answer.status_code == 200, answer.text
    upsert = {
        "method": "PUT",
        "url": "/api/collections/agent_stacks/records",
        "body": form | {"hold": "unpaid"},
    }
    answer = await stage.database.admin.post("/api/batch", json={"requests": [upsert]})
    assert answer.status_code == 400, answer.text
    (refusal,) = answer.json()["data"]["requests"].values()
    assert codes(refusal["response"]) == {"domain": "cloudfreedom_changed"}
    old = {"updated": (None, form["updated"]), "status": (None, "pending"), "hold": (None, "unpaid")}
    answer = await stage.database.admin.patch(stage.path, files=old)
    assert answer.status_code == 200, answer.text
    saved = await stage.form()
    assert (saved["status"], saved["domain"], saved["hold"]) == ("running", "bot.example.org", "unpaid")


@pytest.mark.parametrize("updated", [5, None, [], {}, "never", "9999"], ids=str)
async def test_an_odd_time_in_a_form_changes_nothing_that_is_shown(stage: Stage, updated: Any) -> None:
    await stage.show(**SEEN)
    form = await stage.form() | {"updated": updated, "domain": "bot.example.org"}
    saved = await stage.save(form)
    assert {name: saved[name] for name in SEEN} == SEEN


async def test_a_time_in_another_notation_is_understood(stage: Stage) -> None:
    form = await stage.form()
    await stage.show(**SEEN)
    old = form | {"updated": form["updated"].replace(" ", "T"), "domain": "bot.example.org"}
    assert (await stage.save(old))["status"] == "running"


async def test_a_stale_form_of_a_tenant_does_no_harm_either(stage: Stage) -> None:
    database = stage.database
    path = f"/api/collections/tenants/records/{database.tenant_id}"
    form = (await database.admin.get(path)).json()
    seen = {"listener_status": "active", "coolify_project_uuid": "uuid-2"}
    assert (await database.service.patch(path, json=seen)).status_code == 200
    saved = await database.admin.patch(path, json=form | {"max_stacks": 5, "owners": [database.user_id]})
    assert saved.status_code == 200, saved.text
    row = (await database.admin.get(path)).json()
    want = (5, [database.user_id], "active", "uuid-2")
    got = (row["max_stacks"], row["owners"], row["listener_status"], row["coolify_project_uuid"])
    assert got == want
    late = await database.admin.patch(path, json=form | {"hold": "unpaid"})
    want_codes = {"max_stacks": "cloudfreedom_changed", "owners": "cloudfreedom_changed"}
    assert codes(late.json()) == want_codes


async def test_a_users_stale_whole_form_is_refused_by_the_rules_and_fields_alone_are_saved(
    stage: Stage,
) -> None:
    form = await stage.form()
    await stage.show(**SEEN)
    owner = stage.database.owner
    answer = await owner.patch(stage.path, json=form | {"domain": "bot.example.org"})
    assert answer.status_code == 404, answer.text
    assert (await stage.form())["domain"] == ""
    saved = await stage.save({"desired_state": "suspended"}, by=owner)
    assert (saved["desired_state"], saved["status"]) == ("suspended", "running")


async def test_two_saves_at_once_of_different_fields_keep_both(stage: Stage) -> None:
    for number in range(10):
        async with anyio.create_task_group() as tasks:
            for change in ({"domain": f"d{number}.example.org"}, {"hold": f"reason {number}"}):
                tasks.start_soon(stage.save, change)
            tasks.start_soon(lambda: stage.show(message=f"turn {number}"))  # noqa: B023 - ends in this turn
        row = await stage.form()
        want = (f"d{number}.example.org", f"reason {number}", f"turn {number}")
        assert (row["domain"], row["hold"], row["message"]) == want
