"""Secrets rest in the record, in Coolify's variables and sealed; nowhere else, also when things go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from handlers import ledger, records
from listener.sandbox.standin import state
from tests.handlers.world import World

SECRETS = ("fake-planted-secret-1", "fake-planted-secret-2", "fake-planted-secret-3")


def config(*values: str) -> dict[str, Any]:
    """A config whose secrets are these."""
    return {"env_vars": dict(zip(("TELEGRAM_BOT_TOKEN", "OPENAI_API_KEY"), values, strict=False))}


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """Every line logged during the test."""
    with capture_logs() as found:
        yield found


async def test_no_secret_is_shown_or_kept_in_the_open(world: World, lines: list[EventDict]) -> None:
    stack = await world.running(config=config(*SECRETS[:2]))
    services: list[state.Service] = [world.service(stack)]
    for path in ("/envs/bulk$", "/restart$", "^/services/[a-z0-9]+$"):
        for reply in (500, 422, "drop"):
            world.coolify.faults.add("", path, effect=reply == "drop", reply=reply)
            secret = f"{SECRETS[2]}-{path}-{reply}"
            await world.edit(stack, config=config(SECRETS[0], secret), action="retry")
            await world.live(100)
    world.coolify.faults.clear()
    await world.edit(stack, config={"env_vars": {**config(*SECRETS[:2])["env_vars"], SECRETS[2]: SECRETS[2]}})
    await world.settle()
    refused = await world.row(stack)
    assert refused["message"].startswith("One entry's name is not a variable")
    await world.edit(stack, config=config(*SECRETS[:2]), desired_state="deleted")
    await world.settle(1000)
    assert (await world.row(stack))["status"] == "deleted"
    shown = await world.row(stack)
    shown.pop("config")
    texts = {
        "record": json.dumps([shown, {**refused, "config": None}]),
        "operations": json.dumps(await world.rows("stack_operations")),
        "ledger": json.dumps(await world.rows(ledger.COLLECTION)),
        "logs": repr(lines),
        "compose": repr([(one.raw, one.compose, one.document) for one in services]),
        "turns": repr(world.log),
        "plans": json.dumps([turn.plan.lines() for turn in world.log if turn.plan]),
        "errors": repr([(str(turn.error), vars(turn.error)) for turn in world.log if turn.error]),
    }
    assert [(name, secret) for name, text in texts.items() for secret in SECRETS if secret in text] == []
    assert any(turn.error for turn in world.log)


async def test_the_last_spec_is_sealed_and_brings_the_record_back(world: World) -> None:
    stack = await world.running(config=config(*SECRETS[:2]))
    (row,) = await world.rows(ledger.COLLECTION, f"kind='{records.STACKS}'")
    spec = json.loads(world.place.sealer.open(row["last_spec"]))
    assert (spec["id"], spec["config"]) == (stack, config(*SECRETS[:2]))
