"""Two installations at one Coolify, and a person who works there too: no call of one on what is another's."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from listener.sandbox import people
from tests.faults import stage as stages
from tests.faults.stage import Stage

MINUTE = 60.0
OURS = 0
"""User of the first installation's token at the stand-in; any other is the second's."""
SAME = "samerecordid123"
"""A record id that both installations have: one database was copied from the other."""
SEED = 7


async def _calls(stage: Stage) -> list[Any]:
    calls: list[Any] = await people.ask(stage.standin, "GET", "/_standin/calls")
    return calls


async def _busy(stage: Stage, seconds: float, dice: random.Random) -> None:
    """People of one installation create, edit, suspend, resume, restart and delete at random."""
    deeds: list[Mapping[str, Any]] = [
        {"desired_state": "suspended"},
        {"desired_state": "running"},
        {"action": "restart"},
        {"action": "redeploy"},
        {"desired_state": "deleted"},
        {"config": None},
    ]
    with anyio.move_on_after(seconds):
        while True:
            if len(stage.made) < 12 and dice.random() < 0.4:
                await stage.create()
            else:
                deed = dice.choice(deeds)
                other = {"config": {"env_vars": stage.variables(key="sk-other")}}
                await stage.change(dice.choice(stage.made), **(other if "config" in deed else deed))
            await anyio.sleep(0.4)


async def _person(stage: Stage, seconds: float, dice: random.Random) -> None:
    """Somebody stops and starts services in Coolify's UI, whoever they belong to."""
    with anyio.move_on_after(seconds):
        while True:
            services = await stage.services()
            if services:
                body = {"do": dice.choice(["stop", "start"]), "uuid": dice.choice(services)["uuid"]}
                await stage.standin.post("/_standin/hand", json=body)
            await anyio.sleep(2.0)


def _touched(calls: list[Any]) -> dict[bool, set[str]]:
    """Is it the second installation -> uuids of services and projects that it sent anything to."""
    found: dict[bool, set[str]] = defaultdict(set)
    for call in calls:
        parts = call["path"].removeprefix("/api/v1").split("/")
        if call["method"] != "GET" and len(parts) > 2 and parts[1] in ("services", "projects"):
            found[call["user"] != OURS].add(parts[2])
    return found


async def _owners(stage: Stage) -> dict[str, str]:
    """Uuid of every service that the ledger of this installation knows -> its record id."""
    rows = await stage.rows("listener_ledger")
    known = {row["service_uuid"]: row["id"] for row in rows} | {
        row["project_uuid"]: row["id"] for row in rows
    }
    known.pop("", None)
    return known


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_two_installations_at_one_coolify_leave_each_other_alone(tmp_path: Path) -> None:
    async with (
        stages.opened(tmp_path / "one") as one,
        stages.opened(tmp_path / "two", beside=one.world) as two,
        anyio.create_task_group() as tasks,
    ):
        for number, stage in enumerate((one, two)):
            await stage.create(id=SAME)
            tasks.start_soon(_busy, stage, MINUTE, random.Random(SEED + number))
        tasks.start_soon(_person, one, MINUTE, random.Random(SEED))
        tasks.cancel_scope.deadline = anyio.current_time() + 2 * MINUTE
        await anyio.sleep(MINUTE)
        touched, owners = _touched(await _calls(one)), [await _owners(one), await _owners(two)]
        tasks.cancel_scope.cancel()
    assert touched[False], "the first installation was busy"
    assert touched[True], "and so was the second"
    assert touched[False] <= owners[0].keys()
    assert touched[True] <= owners[1].keys()
    assert not owners[0].keys() & owners[1].keys()
