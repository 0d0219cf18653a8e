"""`cloudfreedom secrets`: sealed on the way, kept by the listener, shown only after the audit knows of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import anyio
import httpx
import pytest_asyncio

from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import bot_token, cloudfreedom, environment

ROUTER = "CLOUDFREEDOM_API_KEY"
VALUE = "fake-key-of-the-tenant"


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def put(env: Mapping[str, str], value: str, *words: str) -> tuple[int, str]:
    """`secrets set` with the value on standard input."""
    done = await anyio.run_process(
        [sys.executable, "-m", "listener.cli.main", "secrets", "set", *words],
        env=environment(env),
        cwd=Path(__file__).parent,
        check=False,
        input=value.encode() + b"\n",
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode()
    assert value not in text
    return done.returncode, text


async def shown(admin: httpx.AsyncClient, record_id: str, status: str) -> None:
    """The record shows that status within some seconds."""
    with anyio.fail_after(20):
        while (await admin.get(f"/api/collections/agent_stacks/records/{record_id}")).json()[
            "status"
        ] != status:
            await anyio.sleep(0.1)


async def test_a_tenants_router_key_is_set_listed_revealed_and_audited(
    world: World, admin: httpx.AsyncClient
) -> None:
    slug = f"keyed-{os.getpid()}"
    tenant = await portal.tenant(admin, slug)
    row = portal.payload(tenant, "telegram-bot", "bot")
    row["config"] = {"env_vars": {"TELEGRAM_BOT_TOKEN": bot_token(slug)}}
    made = await admin.post("/api/collections/agent_stacks/records", json=row)
    stack = made.json()["id"]
    await shown(admin, stack, "error")
    code, text = await put(world.env, VALUE, "--tenant", slug, "--name", ROUTER)
    assert (code, "secret_set: done." in text) == (Exit.DONE, True), text
    await shown(admin, stack, "running")
    listed = await cloudfreedom(world.env, "secrets", "list", stack)
    assert listed.out.split() == ["NAME", "OF", "GENERATION", ROUTER, "tenant", "1", "1", "secret."]
    told = await cloudfreedom(world.env, "secrets", "reveal", "--tenant", slug, "--name", ROUTER)
    assert (told.code, told.out) == (Exit.DONE, f"{VALUE}\n")
    audit = await admin.get(
        "/api/collections/stack_operations/records", params={"filter": f"tenant_id='{tenant}'"}
    )
    verbs = {one["verb"] for one in audit.json()["items"]}
    assert {"request.secret_set", "secret.reveal"} <= verbs
    assert VALUE not in audit.text
    requests = await admin.get("/api/collections/listener_requests/records", params={"perPage": 500})
    assert VALUE not in requests.text
    assert [one["arguments"] for one in requests.json()["items"] if one["verb"] == "secret_set"] == [None]


async def test_wrong_words_are_refused(world: World) -> None:
    done = await cloudfreedom(world.env, "secrets", "list")
    assert done.code == Exit.USAGE
    done = await cloudfreedom(world.env, "secrets", "reveal", "--tenant", "nobody", "--name", "X")
    assert "TENANT_UNKNOWN" in done.err
    done = await cloudfreedom(world.env, "secrets", "rotate-key")
    assert (done.code, "secrets_reseal: done." in done.out) == (Exit.DONE, True), done.text
