"""What a fault left behind, counted on both sides."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import anyio

from tests.faults.stage import Stage

OWNER = re.compile(r"\bstack=(\w+) ")
SECONDS = 240.0
"""Until a world that does not converge is counted as it is."""


@dataclass(frozen=True)
class Count:
    """How one run ended. All but the time should be 0."""

    lost: int
    """Records without a service."""
    twins: int
    """Services beyond the first of a record."""
    orphans: int
    """Services of ours to which no record points."""
    unlike: int
    """Records that do not show what is wanted, or whose service is not as they say."""
    seconds: float
    """From the end of the fault until all was as wanted."""
    told: str = ""
    """What else was counted."""

    @property
    def is_whole(self) -> bool:
        """Nothing is lost, made twice, orphaned or unlike what is wanted."""
        return not (self.lost or self.twins or self.orphans or self.unlike)


async def converged(stage: Stage, *, told: str = "", since: float | None = None) -> Count:
    """The count when all was as wanted, or when `SECONDS` were over; `since` on the monotonic clock."""
    began = time.monotonic() if since is None else since
    while await unlike(stage) and time.monotonic() - began < SECONDS:
        await anyio.sleep(0.2)
    seconds = time.monotonic() - began
    return await _count(stage, seconds, told)


async def unlike(stage: Stage) -> list[str]:
    """Ids of records that are not as wanted on both sides, or have something open."""
    rows = await stage.rows("agent_stacks")
    found = {row["id"] for row in rows if row["status"] != _wanted(row)}
    found |= {row["id"] for row in await stage.rows("listener_ledger", fields="id,intent") if row["intent"]}
    if not found:
        owned = {one["uuid"]: one for one in await stage.services()}
        found = {row["id"] for row in rows if not await _is_like(stage, row, owned)}
    return sorted(found)


async def _count(stage: Stage, seconds: float, told: str) -> Count:
    rows = await stage.rows("agent_stacks")
    ours = [one for one in await stage.services() if OWNER.search(one["description"])]
    owners = Counter(OWNER.findall(" ".join(one["description"] for one in ours)))
    known = {row["coolify_service_uuid"] for row in rows}
    return Count(
        lost=sum(not owners[row["id"]] for row in rows),
        twins=sum(number - 1 for number in owners.values()),
        orphans=sum(one["uuid"] not in known for one in ours),
        unlike=len(await unlike(stage)),
        seconds=seconds,
        told=told,
    )


def _wanted(row: dict[str, Any]) -> str:
    return row["desired_state"] or "running"


async def _is_like(stage: Stage, row: dict[str, Any], services: dict[str, Any]) -> bool:
    """Its containers run or rest as the record says, and its variables have the record's values."""
    service = services.get(row["coolify_service_uuid"])
    if service is None or all(service["containers"].values()) is not (row["status"] == "running"):
        return False
    if "MODEL" not in row["config"]["env_vars"]:
        return True
    headers = {"Authorization": f"Bearer {stage.world.env['COOLIFY_TOKEN']}"}
    answer = await stage.standin.get(f"/api/v1/services/{service['uuid']}/envs", headers=headers)
    values = {one["key"]: one["value"] for one in answer.json()}
    return bool(values.get("MODEL") == row["config"]["env_vars"]["MODEL"])
