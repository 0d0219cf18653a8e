"""The recorded contract holds for the stand-in, and, when one is named, for a real Coolify."""

from __future__ import annotations

import os

import pytest

from tests.contract import cases, runner, targets

ALL = cases.load()
REAL = tuple(case for case in ALL if case.real)
INSTANCE = tuple(os.environ.get(name, "") for name in ("COOLIFY_URL", "COOLIFY_TOKEN", "COOLIFY_SERVER_UUID"))

pytestmark = pytest.mark.contract


def _names(case: cases.Case) -> str:
    return case.name.replace(" ", "_")


@pytest.mark.parametrize("case", ALL, ids=_names)
async def test_the_stand_in_answers_as_coolify_did(case: cases.Case) -> None:
    async with targets.in_process() as target:
        await runner.Run(target, case).run()


if all(INSTANCE):

    @pytest.mark.timeout(900)
    @pytest.mark.parametrize("case", REAL, ids=_names)
    async def test_a_real_coolify_answers_as_recorded(case: cases.Case) -> None:
        url, token, server = INSTANCE
        async with targets.over_http(url, token, server) as target:
            await runner.Run(target, case).run()


@pytest.mark.long
async def test_the_real_mode_passes_on_a_served_stand_in_and_leaves_nothing(
    served: tuple[str, str, str],
) -> None:
    """What would run against a real instance runs here over real sockets."""
    async with targets.over_http(*served, pause=0.03) as target:
        for case in REAL:
            await runner.Run(target, case).run()
        state = (await target.http.get("/_standin/state")).json()
    assert state["projects"] == []
    assert [service["name"] for service in state["services"] if not service["deleted"]] == []


def test_the_contract_is_large_enough_and_its_names_are_unique() -> None:
    names = [case.name for case in ALL]
    assert len(set(names)) == len(names)
    assert len(ALL) >= 100
    assert len(REAL) >= 60
