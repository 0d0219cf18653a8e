"""The daemon with everything wired: own domains are looked up by the resolver of `LISTENER_DNS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from listener.sandbox import people, world
from tests.cli.commands import cloudfreedom
from tests.dns.nameserver import serving

STACKS = "/api/collections/agent_stacks/records"
SECONDS = 40.0
HOST = "agent.example.org"


@pytest.mark.long
async def test_a_daemon_gives_addresses_and_routes_own_domains_once_they_are_proven(tmp_path: Path) -> None:
    async with serving() as names:
        env = {
            "LISTENER_DNS": names.setting,
            "PLATFORM_DOMAIN": "apps.example.org",
            "PLATFORM_ADDRESSES": "203.0.113.7",
        }
        async with (
            world.running(tmp_path, env=env) as here,
            people.owner(here.admin, here.pocketbase.url) as ada,
        ):
            own, given = [await _agent(here, ada, name, host) for name, host in (("own", HOST), ("chat", ""))]
            await _until(here, own, "Running, without its domain: point agent.example.org to 203.0.113.7 (A")
            await _until(here, given, "Running.")
            for words in (["plan", own], ["explain", own]):
                told = await cloudfreedom(here.env, *words)
                assert "create the TXT record _cloudfreedom.agent.example.org" in told.out, told.text
            row = await people.ask(here.admin, "GET", f"/api/collections/listener_ledger/records/{given}")
            assert row["domain"] == "chat.acme.apps.example.org"
            names.hold(HOST, "A", "203.0.113.7")
            await people.ask(here.admin, "PATCH", f"{STACKS}/{own}", {"action": "reconcile"})
            await _until(here, own, "Running.")
            row = await people.ask(here.admin, "GET", f"/api/collections/listener_ledger/records/{own}")
            assert row["domain"] == HOST


async def _agent(here: world.World, ada: people.Person, name: str, host: str) -> str:
    body = {
        "tenant_id": ada.tenant_id,
        "template": "openclaw-agent",
        "stack_name": name,
        "domain": host,
        "status": "pending",
        "config": {"env_vars": {"OPENAI_API_KEY": "sk-sandbox-not-a-key"}},
    }
    return str((await people.ask(here.admin, "POST", STACKS, body))["id"])


async def _until(here: world.World, stack: str, message: str) -> None:
    row: dict[str, Any] = {}
    with anyio.move_on_after(SECONDS):
        while not row.get("message", "").startswith(message):
            row = await people.ask(here.admin, "GET", f"{STACKS}/{stack}")
            await anyio.sleep(0.2)
    assert str(row["message"]).startswith(message), row
