"""What an older or newer release left in PocketBase."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import ledger
from listener import errors
from listener.pocketbase import schema
from tests.handlers.world import World

META = "/api/collections/listener_meta/records/main"
ROWS = "/api/collections/listener_ledger/records"


async def test_a_newer_ledger_is_not_read_and_heals_when_it_is_put_back(world: World) -> None:
    stack = await world.running()
    await _write(world, f"{ROWS}/{stack}", format=ledger.FORMAT + 1, env_keys={"another": "shape"})
    with pytest.raises(errors.Global, match="LEDGER_TOO_NEW"):
        await world.restart()
    assert world.parts.eyes.loaded_term == -1
    await _write(world, f"{ROWS}/{stack}", format=ledger.FORMAT, env_keys=[])
    await world.sweep()
    assert world.parts.eyes.is_caught_up
    assert world.ledger(stack).service_uuid == world.service(stack).uuid


async def test_a_newer_row_is_noticed_at_the_next_sweep(world: World) -> None:
    stack = await world.running()
    await _write(world, f"{ROWS}/{stack}", format=ledger.FORMAT + 1)
    with pytest.raises(errors.Global, match="LEDGER_TOO_NEW"):
        await world.sweep()


async def test_an_older_row_is_read_and_brought_up_only_when_it_changes(world: World) -> None:
    stack = await world.running()
    await _write(world, f"{ROWS}/{stack}", format=0)
    await world.restart()
    await world.settle()
    assert (await world.row(stack, "listener_ledger"))["format"] == 0
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    assert (await world.row(stack, "listener_ledger"))["format"] == ledger.FORMAT
    assert world.ledger(stack).format == ledger.FORMAT


@pytest.mark.parametrize(("version", "code"), [(schema.VERSION - 1, "SCHEMA_TOO_OLD"), (99, "")])
async def test_an_older_data_model_stops_everything_and_a_newer_one_nothing(
    world: World, version: int, code: str
) -> None:
    await _write(world, META, schema_version=version)
    try:
        if code:
            with pytest.raises(errors.Global, match=f"{code}.*cloudfreedom schema apply"):
                await world.sweep()
        else:
            await world.sweep()
    finally:
        await _write(world, META, schema_version=schema.VERSION)


async def _write(world: World, path: str, **fields: Any) -> None:
    answer = await world.admin.patch(path, json=fields)
    assert answer.status_code == 200, answer.text
