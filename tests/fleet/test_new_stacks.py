"""A stack that is new in an older tenant: no second project by accident, and none that is somebody else's."""

from __future__ import annotations

from collections import Counter

import pytest

from listener.cli.exits import Exit
from tests.faults.stage import NEW_STACK, of_new_stacks
from tests.fleet.fleet import Fleet

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_new_stack_waits_for_a_word_about_the_older_project_and_then_runs_in_it(fleet: Fleet) -> None:
    before = await fleet.deeds()
    stack = await fleet.new_stack("fern", "fresh")

    async def is_told() -> bool:
        return "adopt --tenant fern" in (await fleet.record(stack))["error_message"]

    await fleet.until(is_told, "the record says what to do")
    record, tenant = await fleet.record(stack), await fleet.tenant("fern")
    assert (record["status"], tenant["listener_status"]) == ("pending", "blocked")
    assert record["message"].startswith(
        "Waiting for the operator, who decides about the tenant's older project"
    )
    assert "cloudfreedom adopt --tenant fern" in tenant["listener_message"]
    seen = await fleet.cloudfreedom("plan", stack)
    assert "! fern/fresh: Waiting for the operator" in seen.out
    assert "create project" not in seen.out
    await fleet.sweep()
    assert await fleet.deeds() == before
    done = await fleet.cloudfreedom("adopt", "--tenant", "fern", "--yes")
    assert done.code == Exit.DONE, done.text
    await fleet.until_shown([stack], "running")
    assert await fleet.deeds() - before == NEW_STACK + Counter({"PATCH /projects/{uuid}": 1})
    record, tenant = await fleet.record(stack), await fleet.tenant("fern")
    assert (record["coolify_project_uuid"], record["error_message"]) == (fleet.projects[6], "")
    assert (tenant["coolify_project_uuid"], tenant["listener_status"]) == (fleet.projects[6], "active")
    assert (await fleet.service(stack))["project_uuid"] == fleet.projects[6]


async def test_a_tenant_whose_stacks_live_in_a_shared_project_gets_one_of_its_own(fleet: Fleet) -> None:
    before = await fleet.deeds()
    stack = await fleet.new_stack("eden", "fresh")
    await fleet.until_shown([stack], "running")
    assert await fleet.deeds() - before == of_new_stacks(1, projects=1)
    assert (await fleet.service(stack))["project"] == f"cf-eden-{fleet.ids['eden']}"


async def test_a_first_stack_of_a_router_tenant_needs_nobody(fleet: Fleet) -> None:
    before = await fleet.deeds()
    stack = await fleet.new_stack("rhea", "fresh")
    await fleet.until_shown([stack], "running")
    assert await fleet.deeds() - before == of_new_stacks(1, projects=1)
    assert (await fleet.tenant("rhea"))["listener_status"] == "active"
