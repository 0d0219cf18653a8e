"""PocketBase shows the listener less than there is: nothing that is hidden counts as gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from listener.pocketbase import schema
from listener.sandbox import people
from tests.faults.stage import NEW_STACK, Stage, harmful

pytestmark = pytest.mark.asyncio(loop_scope="package")

ABSENCE = 5.2
"""Seconds: sweeps that lie so far apart may believe in an absence."""
WRITTEN_ONLY = ("listener_ledger", "stack_operations")
NOBODY = '@request.auth.id = "nobody"'
NOT_ON_HOLD = '@request.auth.id != "" && hold = ""'


@asynccontextmanager
async def _collection(stage: Stage, name: str, changes: Mapping[str, Any]) -> AsyncIterator[None]:
    """The collection is so inside, and as it was afterwards."""
    was = await people.ask(stage.admin, "GET", f"/api/collections/{name}")
    await people.ask(stage.admin, "PATCH", f"/api/collections/{was['id']}", changes)
    try:
        yield
    finally:
        back = {field: was[field] for field in changes}
        await people.ask(stage.admin, "PATCH", f"/api/collections/{was['id']}", back)


async def _run_of(stage: Stage, count: int) -> None:
    """At least so many stacks run."""
    if len(stage.made) < count:
        await stage.create(count - len(stage.made))
    await stage.until_shown(stage.made, "running")


async def test_rules_that_hide_every_stack_stop_none(stage: Stage) -> None:
    """First from lists, then from reads as well, for longer than an absence takes to be believed."""
    await _run_of(stage, 4)
    before = await stage.deeds()
    since = stage.mark()
    async with _collection(stage, "agent_stacks", {"listRule": NOBODY}):
        await stage.sweep()
        await stage.until_logged("records.missing", since=since)
        await anyio.sleep(ABSENCE)
        await stage.sweep()
        async with _collection(stage, "agent_stacks", {"viewRule": NOBODY}):
            await stage.sweep()
            await stage.sweep()
            new = await stage.create()
            await anyio.sleep(0.5)
            assert await stage.deeds() == before
    await stage.sweep()
    await stage.until_shown(new, "running")
    await stage.expect_one_each(stage.made)
    assert len(stage.events("records.returned", since=since)) == 1


@pytest.mark.long
async def test_rules_that_hide_some_stacks_stop_none_of_them(stage: Stage) -> None:
    """Two sweeps apart miss one of several, and its read is 404: only our own id view knows it is there."""
    await _run_of(stage, 4)
    hidden = stage.made[0]
    await stage.change(hidden, hold="not paid")
    await stage.until_shown([hidden], "suspended")
    before = await stage.deeds()
    async with _collection(stage, "agent_stacks", {"listRule": NOT_ON_HOLD, "viewRule": NOT_ON_HOLD}):
        await stage.change(stage.made[1], hold="not paid either")
        await stage.sweep()
        await anyio.sleep(ABSENCE)
        await stage.sweep()
        await stage.sweep()
        new = await stage.create()
        await stage.until_shown(new, "running")
        assert await stage.deeds() - before == NEW_STACK
    await stage.change(stage.made[1], hold="")
    await stage.change(hidden, hold="")
    await stage.until_shown(stage.made, "running")


@pytest.mark.parametrize(
    "name",
    [
        "agent_stacks",
        pytest.param("agent_stack_ids", marks=pytest.mark.long),
        pytest.param("tenants", marks=pytest.mark.long),
        pytest.param("listener_ledger", marks=pytest.mark.long),
        pytest.param("stack_operations", marks=pytest.mark.long),
    ],
)
async def test_a_renamed_collection_opens_the_breaker_once_until_it_has_its_name_again(
    stage: Stage, name: str
) -> None:
    before = await stage.deeds()
    since = stage.mark()
    async with _collection(stage, name, {"name": f"{name}_away"}):
        if name in WRITTEN_ONLY:
            await stage.create()
        else:
            await stage.sweep()
        await stage.until_logged("breaker.opened", since=since)
        await anyio.sleep(2.5)
        assert await stage.deeds() == before
        assert len(stage.events("breaker.opened", since=since)) == 1
        assert stage.events("breaker.closed", since=since) == []
    await stage.until_logged("breaker.closed", since=since)
    await stage.create()
    await stage.until_shown(stage.made, "running")
    assert not harmful(await stage.deeds() - before)
    await stage.expect_one_each(stage.made)


@pytest.mark.long
async def test_a_deleted_account_stops_everything_until_it_is_made_again(stage: Stage) -> None:
    await _run_of(stage, 1)
    (account,) = [row for row in await stage.rows("listeners") if row["username"] == "listener"]
    before = await stage.deeds()
    since = stage.mark()
    await people.ask(stage.admin, "DELETE", f"/api/collections/listeners/records/{account['id']}")
    new = await stage.create()
    await stage.until_logged("breaker.opened", since=since)
    await anyio.sleep(1.5)
    assert await stage.deeds() == before
    password = SecretStr(stage.world.env["POCKETBASE_PASSWORD"])
    await schema.apply(stage.admin, rules=True, identity="listener", password=password)
    await stage.until_shown(new, "running")
    assert len(stage.events("breaker.opened", since=since)) == 1
    await stage.expect_one_each(stage.made)
