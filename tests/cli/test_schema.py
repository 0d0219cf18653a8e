"""`schema diff` and `apply` as an operator meets them: on the portal's PocketBase, with a superuser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from listener.cli.exits import Exit
from listener.sandbox import pocketbase
from tests import fixtures, portal
from tests.cli.commands import cloudfreedom


@pytest_asyncio.fixture
async def env(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The settings for schema commands of a PocketBase as the portal left it."""
    async with pocketbase.running(tmp_path / "portal") as server, fixtures.superuser(server) as admin:
        await portal.build(admin, user_id=True)
        yield {
            "POCKETBASE_URL": server.url,
            "POCKETBASE_PASSWORD": "fake-service-password",
            "POCKETBASE_SUPERUSER_EMAIL": server.superuser_email,
            "POCKETBASE_SUPERUSER_PASSWORD": server.superuser_password.get_secret_value(),
        }


@pytest.mark.long
async def test_diff_shows_what_apply_does_and_then_nothing_is_left(env: dict[str, str]) -> None:
    before = await cloudfreedom(env, "schema", "diff", "--rules", "--detailed-exitcode")
    listed = json.loads((await cloudfreedom(env, "schema", "diff", "--rules", "--json")).out)
    assert [f"{one['symbol']} {one['subject']}: {one['text']}" for one in listed] == [
        line for line in before.out.splitlines() if line.startswith(("+ ", "~ ", "- ", "! "))
    ]
    assert before.code == Exit.USAGE, before.text
    assert "+ listener_ledger: collection (base)" in before.out
    assert before.out.splitlines()[-1] == "`cloudfreedom schema apply --rules` makes them."
    applied = await cloudfreedom(env, "schema", "apply", "--rules")
    assert applied.code == Exit.DONE, applied.text
    shown = before.out.splitlines()[:-2]
    accounts = ["+ listeners/listener: account", "+ listeners/cli: account"]
    assert applied.out.splitlines()[1:-2] == [*shown, *accounts]
    after = await cloudfreedom(env, "schema", "diff", "--rules", "--detailed-exitcode")
    assert after.code == Exit.DONE, after.text
    assert "No changes." in after.out
