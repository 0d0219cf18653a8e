"""Both sides count requests: PocketBase by address when it is told to, Coolify by user always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from listener.sandbox import people
from tests.faults import stage as stages
from tests.faults.stage import Stage, harmful

LIMIT = 40
"""Requests that Coolify lets through in a minute here."""
WINDOW = 60.0
"""Seconds of Coolify's fixed window."""


@pytest.mark.long
async def test_a_burst_converges_under_the_databases_own_limits(tmp_path: Path) -> None:
    """PocketBase 0.40.6's default rules, which are off until somebody switches them on."""
    async with stages.opened(tmp_path) as stage:
        await stage.until_shown(await stage.create(), "running")
        limits = (await people.ask(stage.admin, "GET", "/api/settings"))["rateLimits"]
        assert any(rule["label"] == "/api/batch" for rule in limits["rules"])
        await people.ask(stage.admin, "PATCH", "/api/settings", {"rateLimits": {**limits, "enabled": True}})
        new = await stage.create(10)
        await stage.until_shown(new, "running", seconds=60.0)
        done = await stage.deeds()
        assert done["POST /services"] == 11
        assert not harmful(done)
        await stage.expect_one_each(stage.made)


async def _calls(stage: Stage) -> list[Any]:
    calls: list[Any] = await people.ask(stage.standin, "GET", "/_standin/calls")
    return calls


async def _spend(stage: Stage) -> None:
    """Another client of the same user has had all that is left in this window."""
    headers = {"Authorization": f"Bearer {stage.world.env['COOLIFY_TOKEN']}"}
    while (await stage.standin.get("/api/v1/version", headers=headers)).status_code != 429:
        pass


@pytest.mark.long
async def test_a_spent_limit_of_coolify_costs_one_refusal_a_window(tmp_path: Path) -> None:
    async with stages.opened(tmp_path, rate_limit=LIMIT) as stage:
        await stage.until_logged("lease.taken")
        await _spend(stage)
        spent = len(await _calls(stage))
        began = (await _calls(stage))[0]["at"]
        await stage.until_shown(await stage.create(7), "running", seconds=WINDOW + 25.0)
        later = [call for call in (await _calls(stage))[spent:] if call["status"] == 429]
        assert len(later) <= 1 + int((later[-1]["at"] - began) // WINDOW)
        assert not harmful(await stage.deeds())
        await stage.expect_one_each(stage.made)
