"""Commands to the leader: asked, confirmed, carried out, answered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest_asyncio

from listener.cli.exits import Exit
from listener.sandbox import world as worlds
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import cloudfreedom
from tests.cli.test_world import running


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def test_a_command_without_a_terminal_needs_yes(world: World, admin: httpx.AsyncClient) -> None:
    record_id = await running(admin, "asked")
    done = await cloudfreedom(world.env, "recreate", record_id)
    assert (done.code, "CONFIRMATION_NEEDED" in done.err) == (Exit.USAGE, True), done.text


async def test_a_refused_command_says_why_and_exits_3(world: World, admin: httpx.AsyncClient) -> None:
    record_id = await running(admin, "refused")
    done = await cloudfreedom(world.env, "recreate", record_id, "--yes")
    assert done.code == Exit.REFUSED, done.text
    assert "the service is still in Coolify" in done.out
    assert (await cloudfreedom(world.env, "purge", record_id, "--yes")).code == Exit.REFUSED


async def test_adopt_shows_both_sides_and_stamps_the_service(world: World, admin: httpx.AsyncClient) -> None:
    """A service that an old provisioner made, and a record that names it, appear under a running listener."""
    headers = {"Authorization": f"Bearer {world.env['COOLIFY_TOKEN']}", "Accept": "application/json"}
    async with httpx.AsyncClient(base_url=f"{world.coolify_url}/api/v1", headers=headers) as coolify:
        project = (await coolify.post("/projects", json={"name": "cf-tenant-old"})).json()["uuid"]
        made = await coolify.post(
            "/services",
            json={
                "name": "old-bot",
                "description": "made by hand",
                "project_uuid": project,
                "server_uuid": worlds.SERVER,
                "environment_name": "production",
                "docker_compose_raw": "c2VydmljZXM6CiAgYm90OgogICAgaW1hZ2U6IHB5dGhvbjozLjEyLXNsaW0K",
            },
        )
        uuid = made.json()["uuid"]
        tenant = await portal.tenant(admin, "old")
        row = portal.payload(tenant, "telegram-bot", "bot") | {
            "status": "running",
            "coolify_service_uuid": uuid,
        }
        record_id = (await portal.add(admin, "agent_stacks", row))["id"]
        with anyio.fail_after(20):
            while True:
                shown = (await admin.get(f"/api/collections/agent_stacks/records/{record_id}")).json()
                if "adopt" in shown["error_message"]:
                    break
                await anyio.sleep(0.1)
        done = await cloudfreedom(world.env, "adopt", record_id, "--yes")
        assert done.code == Exit.DONE, done.text
        assert "old-bot" in done.out
        assert "old/bot" in done.out
        service = (await coolify.get(f"/services/{uuid}")).json()
    assert service["name"] == f"cf-old-bot-{record_id}"
    assert f"stack={record_id} tenant={tenant}" in service["description"]
