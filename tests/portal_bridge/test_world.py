"""The portal's whole walk through a running listener: nothing but the old provisioner's calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from listener.sandbox import people
from listener.sandbox import world as worlds
from tests import fixtures

PORTAL = "https://portal.example.org"
SECONDS = 20.0


@dataclass(frozen=True)
class Dialog:
    """One stack as the portal's page sees it."""

    http: httpx.AsyncClient
    record_id: str

    async def press(self, method: str, path: str, **more: Any) -> str:
        """The message of a button that worked."""
        answer = await self.http.request(method, f"/api/stacks{path}", **more)
        assert answer.status_code == 200, answer.text
        assert answer.json()["success"] is True
        return str(answer.json()["message"])

    async def until(self, status: str) -> dict[str, Any]:
        """The status page, as soon as the record shows this word."""
        with anyio.fail_after(SECONDS):
            while True:
                answer = await self.http.get(f"/api/stacks/{self.record_id}/status")
                assert answer.status_code == 200, answer.text
                page: dict[str, Any] = answer.json()
                if page["stack"]["status"] == status:
                    return page
                await anyio.sleep(0.1)


@pytest.mark.long
async def test_deploy_stop_restart_and_delete_by_the_portals_own_calls(tmp_path: Path) -> None:
    at = f"127.0.0.1:{worlds.free_port()}"
    env = {"LISTENER_PORTAL_HTTP": at, "LISTENER_PORTAL_ORIGINS": PORTAL}
    async with (
        worlds.running(tmp_path, env=env) as world,
        people.owner(world.admin, world.pocketbase.url) as owner,
        fixtures.plain(f"http://{at}", f"Bearer {owner.http.headers['Authorization']}") as http,
    ):
        dialog = Dialog(http, await owner.create_stack("cf-telegrambot-acme-1234"))
        one = f"/{dialog.record_id}"
        assert await dialog.press("POST", "/deploy", json={"stack_id": dialog.record_id})
        page = await dialog.until("running")
        assert page["coolify"] == {"status": "running:healthy", "fqdn": ""}
        logs = (await http.get(f"/api/stacks{one}/logs")).json()
        assert re.fullmatch(r"bot has started\n", logs["logs"])
        assert await dialog.press("POST", f"{one}/stop") == "It is being stopped. Its data is kept."
        assert (await dialog.until("suspended"))["coolify"]["status"].startswith("exited")
        assert await dialog.press("POST", f"{one}/restart") == "It is being resumed."
        await dialog.until("running")
        assert (await dialog.press("DELETE", one)).startswith("It is being deleted.")
        page = await dialog.until("deleted")
        assert page["stack"]["purge_after"]
        assert [row["id"] for row in (await http.get("/api/stacks")).json()["stacks"]] == [dialog.record_id]
        service = (await people.ask(world.standin, "GET", "/_standin/state"))["services"][0]
        assert (service["deleted"], service["containers"]) == (False, {"bot": False})
        told = world.log.read_text()
        for secret in (owner.http.headers["Authorization"], people.BOT_TOKEN, "sk-sandbox-not-a-key"):
            assert secret not in told
