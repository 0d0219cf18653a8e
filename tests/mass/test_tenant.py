"""Without hooks: one record deleted by hand, and a tenant with all its stacks by a cascade."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from listener.sandbox import people
from tests.faults.stage import STACKS
from tests.mass import stage as stages
from tests.mass.stage import TENANTS, Fleet
from tests.mass.survival import survives

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHERS, OF_TENANT = 3, 25


@dataclass(frozen=True)
class Scene:
    """A fleet, and the tenant to whom most of it belongs."""

    fleet: Fleet
    others: list[str]
    tenant: str
    stacks: list[str]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """One world for both: each mistake is undone."""
    async with stages.opened(tmp_path_factory.mktemp("tenant"), hooked=False) as fleet:
        others, tenant = await fleet.fleet_of(OTHERS), await fleet.tenant("umbra")
        yield Scene(fleet, others, tenant, await fleet.fleet_of(OF_TENANT, tenant))


async def test_one_record_deleted_by_hand_comes_back_and_runs_with_all_it_had(scene: Scene) -> None:
    one = scene.others[0]
    await survives(scene.fleet, [one], lambda: people.ask(scene.fleet.admin, "DELETE", f"{STACKS}/{one}"))


async def test_a_tenant_deleted_with_its_stacks_comes_back_with_them_into_the_same_project(
    scene: Scene,
) -> None:
    path = f"{TENANTS}/{scene.tenant}"
    await survives(scene.fleet, scene.stacks, lambda: people.ask(scene.fleet.admin, "DELETE", path))
