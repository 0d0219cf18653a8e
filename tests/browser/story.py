"""What staff does with one tenant in the admin UI, from the first record on, and what must then be seen."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import expect

from handlers import records
from listener.sandbox import people
from tests.browser.stage import Stage
from tests.browser.ui import Form

QUOTA = "cloudfreedom_quota_stacks"
BOT = "bot"
"""The stack that the story is about."""


async def whole(stage: Stage) -> None:
    """Every part, one after another: each begins where the one before ended."""
    await a_stack_that_is_made_in_the_form_runs(stage)
    await it_is_suspended_and_resumed_by_its_select(stage)
    await a_form_that_the_listener_outdated_loses_nothing_that_it_wrote(stage)
    await a_form_that_somebody_else_outdated_is_refused_and_so_is_its_draft(stage)
    await a_deleted_stack_is_kept_and_comes_back(stage)
    await one_stack_too_many_is_refused_at_its_tenant(stage)


async def a_stack_that_is_made_in_the_form_runs(stage: Stage) -> None:
    """Status and message are the listener's: who makes a stack leaves them empty."""
    await stage.work.open("tenants")
    form = await stage.work.new()
    await form.write("name", "Acme")
    await form.write("slug", "acme")
    await form.choose("status", "active")
    await form.choose("plan_tier", "starter")
    await form.save("Create")
    await stage.work.open("agent_stacks")
    await (await _new(stage, BOT, 1)).save("Create")
    await stage.watch.shows(BOT, status="running", message="Running.")
    await stage.shot("running", stage.watch, height=440)


async def it_is_suspended_and_resumed_by_its_select(stage: Stage) -> None:
    """The form stays open after the second save: what the listener does then makes it stale."""
    form = await stage.work.edit(BOT)
    await form.choose("desired_state", "suspended")
    await form.save()
    await stage.watch.shows(BOT, desired_state="suspended", status="suspended", message="Suspended.")
    form = await stage.work.edit(BOT)
    await form.choose("desired_state", "running")
    await form.save_and_continue()
    await stage.watch.shows(BOT, desired_state="running", status="running", message="Running.")


async def a_form_that_the_listener_outdated_loses_nothing_that_it_wrote(stage: Stage) -> None:
    """It was opened while the stack was suspended, and posts that back."""
    form = Form(stage.work.page)
    await expect(form.field("status")).to_contain_text("suspended")
    shown = _shown(await stage.record(BOT))
    await form.write_json("config", _config(1, MODEL_PROVIDER="openai"))
    await form.save()
    stored = await stage.record(BOT)
    assert stored["config"]["env_vars"]["MODEL_PROVIDER"] == "openai"
    assert (_shown(stored), shown["status"]) == (shown, "running")
    assert await stage.edits(BOT) == [["desired_state"], ["desired_state"], ["config"]]


async def a_form_that_somebody_else_outdated_is_refused_and_so_is_its_draft(stage: Stage) -> None:
    """The browser keeps what was not saved and offers it again, with the age that it had."""
    form = await stage.work.edit(BOT)
    await stage.elsewhere(BOT, desired_state="suspended")
    await stage.watch.shows(BOT, desired_state="suspended", status="suspended", message="Suspended.")
    before = await stage.edits(BOT)
    await form.write_json("config", _config(1, ALLOWED_USER_IDS="4711"))
    await form.is_refused("desired_state", "while this form was open. Reload the form.")
    await stage.shot("conflict", stage.work)
    form = await stage.work.reload()
    await expect(form.field("desired_state")).to_contain_text("suspended")
    await form.press("Restore draft")
    await expect(form.field("desired_state")).to_contain_text("running")
    await form.is_refused("desired_state", "while this form was open. Reload the form.")
    stored = await stage.record(BOT)
    assert (await stage.edits(BOT), stored["desired_state"]) == (before, "suspended")
    assert "ALLOWED_USER_IDS" not in stored["config"]["env_vars"]
    await form.discard()
    form = await stage.work.edit(BOT)
    await form.write_json("config", _config(1, ALLOWED_USER_IDS="4711"))
    await form.save()
    await stage.watch.shows(BOT, desired_state="suspended", status="suspended")
    assert (await stage.record(BOT))["config"]["env_vars"]["ALLOWED_USER_IDS"] == "4711"


async def a_deleted_stack_is_kept_and_comes_back(stage: Stage) -> None:
    """Deleted is a state like another, until the data's time is over."""
    form = await stage.work.edit(BOT)
    await form.choose("desired_state", "deleted")
    await form.save()
    await stage.watch.shows(BOT, status="deleted", message="Deleted: stopped, its data is kept until")
    await stage.shot("deleted", stage.watch, height=440)
    form = await stage.work.edit(BOT)
    await form.choose("desired_state", "running")
    await form.save()
    await stage.watch.shows(BOT, desired_state="running", status="running", message="Running.")


async def one_stack_too_many_is_refused_at_its_tenant(stage: Stage) -> None:
    """The tier `starter` has two."""
    await (await _new(stage, "bot-2", 2)).save("Create")
    form = await _new(stage, "bot-3", 3)
    faults = await form.refusal("Create")
    assert {name: fault["code"] for name, fault in faults.items()} == {"tenant_id": QUOTA}
    await expect(form.fault("tenant_id")).to_contain_text(faults["tenant_id"]["message"])
    await stage.shot("quota", stage.work)
    await form.discard()
    await stage.watch.shows("bot-2", status="running")
    await expect(stage.watch.row("bot-3")).to_have_count(0)


async def _new(stage: Stage, name: str, number: int) -> Form:
    """The filled form of a new bot of the tenant; `number` makes its token another than all others."""
    form = await stage.work.new()
    await form.relate("tenant_id", "tenants", "Acme")
    await form.choose("template", "telegram-bot")
    await form.write("stack_name", name)
    await form.write_json("config", _config(number))
    return form


def _config(number: int, **more: str) -> str:
    """The portal's variables of a bot, and these."""
    variables = {"TELEGRAM_BOT_TOKEN": people.bot_token(number), "OPENAI_API_KEY": "fake-router-key"}
    return json.dumps({"env_vars": {**variables, **more}})


def _shown(record: Any) -> dict[str, Any]:
    """What the listener shows on the record, but for what changes by itself when the machine is slow."""
    return {name: record[name] for name in records.STACK_DISPLAY if "message" not in name}
