"""The portal's three dialogs, as they are sent today, each to a running stack; and the ways in afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from listener.sandbox import people
from listener.sandbox import world as worlds

STACKS = "/api/collections/agent_stacks/records"
KEY = "fake-router-key"
DIALOGS: tuple[dict[str, Any], ...] = (
    {
        "template": "telegram-bot",
        "stack_name": "cf-telegrambot-acme-1234",
        "domain": None,
        "config": {"env_vars": {"TELEGRAM_BOT_TOKEN": people.BOT_TOKEN, "OPENAI_API_KEY": KEY}},
    },
    {
        "template": "openclaw-agent",
        "stack_name": "cf-openclawagent-acme-1234",
        "domain": "agent.example.org",
        "config": {"env_vars": {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": "", "TELEGRAM_BOT_TOKEN": ""}},
    },
    {
        "template": "base-llm",
        "stack_name": "cf-basellm-acme-1234",
        "domain": "chat.example.org",
        "config": {"env_vars": {"API_KEY": KEY, "MODEL_PROVIDER": "openai"}},
    },
)
SECONDS = 30.0


async def test_each_dialog_of_the_portal_ends_in_a_running_stack(tmp_path: Path) -> None:
    async with worlds.running(tmp_path) as world, people.owner(world.admin, world.pocketbase.url) as owner:
        row = {"tenant_id": owner.tenant_id, "status": "pending"}
        made = [(await people.ask(owner.http, "POST", STACKS, row | dialog))["id"] for dialog in DIALOGS]
        with anyio.fail_after(SECONDS):
            for record_id in made:
                while (shown := await people.ask(world.admin, "GET", f"{STACKS}/{record_id}"))[
                    "status"
                ] != "running":
                    assert shown["status"] != "error", shown["error_message"]
                    await anyio.sleep(0.1)
        services = (await people.ask(world.standin, "GET", "/_standin/state"))["services"]
        running = {one["name"].rpartition("-")[2]: one["containers"] for one in services}
        assert [running[record_id] for record_id in made] == [
            {"bot": True},
            {"openclaw": True},
            {"openwebui": True, "init-perms": False},
        ]
        rows = (await people.ask(world.admin, "GET", "/api/collections/stack_secrets/records"))["items"]
        assert {(row["stack_id"], row["name"]) for row in rows} == {
            (made[1], "OPENCLAW_HOOKS_TOKEN"),
            (made[1], "OPENCLAW_GATEWAY_TOKEN"),
            (made[2], "WEBUI_ADMIN_PASSWORD"),
            (made[2], "WEBUI_SECRET_KEY"),
            (made[2], "LITELLM_KEY"),
        }
        assert not [row for row in rows if len(row["value"]) < 100]
        offered = (await people.ask(owner.http, "GET", "/api/collections/agent_templates/records"))["items"]
        assert {row["id"] for row in offered if not row["withdrawn"]} == {one["template"] for one in DIALOGS}
