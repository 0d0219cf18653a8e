"""The one story of every mistake: made, braked, found out, undone; nothing is lost on the way."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.mass.stage import BACK, LONG, STOP, Fleet, Truth


@dataclass(frozen=True)
class Figures:
    """What was measured, in seconds."""

    lost: int
    stopped: int
    braked: float
    """From the mistake's end until the log said `brake.engaged`; 0 when there was room for all."""
    undeleted: float
    """How long the command took."""
    running: float
    """From the command's start until all ran again."""


async def survives(fleet: Fleet, ids: Sequence[str], mistake: Callable[[], Awaitable[object]]) -> Figures:
    """The mistake that deletes these records was made and undone; asserts that it did no other harm."""
    before, used = await fleet.truth(), await fleet.used()
    room = max(fleet.limit - len(used), 0)
    await fleet.forget_calls()
    since = fleet.mark()
    await mistake()
    began = time.monotonic()
    left = {row["id"] for row in await fleet.rows("agent_stacks", fields="id")}
    assert not left & set(ids)
    if len(ids) > room:
        await fleet.until_logged("brake.engaged", since=since)
    braked = time.monotonic() - began if len(ids) > room else 0.0
    await _looked_at(fleet, ids)
    stopped = await _harmed(fleet, before)
    assert len(stopped - used) == min(len(ids), room)
    began = time.monotonic()
    done = await fleet.cloudfreedom("undelete", "--since", "1h", "--yes")
    undeleted = time.monotonic() - began
    assert done.code == 0, done.text[-2000:]
    await fleet.until_shown(fleet.made, "running", seconds=LONG)
    figures = Figures(len(ids), len(stopped), braked, undeleted, time.monotonic() - began)
    await _as_before(fleet, before, stopped)
    sys.stdout.write(f"{figures}\n")
    return figures


async def _looked_at(fleet: Fleet, ids: Sequence[str]) -> None:
    """The ledger keeps each of them, with the time of its deletion, and nothing is under way."""
    stones = {row["record_id"] for row in await fleet.rows("listener_tombstones")}
    assert set(ids) <= stones or not stones

    async def are_kept() -> bool:
        rows = {row["id"]: row for row in await fleet.ledger()}
        mine = [rows[one] for one in ids]
        return all(
            row["deletion_seen"] and row["last_spec"] and row["stage"] in ("", "retained") for row in mine
        )

    await fleet.until(are_kept, "all deletions were looked at", seconds=LONG)


async def _harmed(fleet: Fleet, before: Truth) -> set[str]:
    """The services that were stopped; nothing else was done, to them or to any, and all others run."""
    effects = await fleet.effects()
    assert {deed for deeds in effects.values() for deed in deeds} <= {STOP}
    up = {one["uuid"] for one in await fleet.services() if all(one["containers"].values())}
    assert up == before.services.keys() - effects.keys()
    return set(effects)


async def _as_before(fleet: Fleet, before: Truth, stopped: set[str]) -> None:
    """Both sides are what they were, and only what was stopped was started again."""
    effects = await fleet.effects()
    assert effects.keys() == stopped
    assert {deed for deeds in effects.values() for deed in deeds} <= BACK
    after = await fleet.truth()
    assert after.records.keys() == before.records.keys()
    assert {one: row for one, row in after.records.items() if row != before.records[one]} == {}
    assert {one: row for one, row in after.services.items() if row != before.services.get(one)} == {}
    assert (len(after.services), after.projects) == (len(before.services), before.projects)
    assert after.volumes == before.volumes
