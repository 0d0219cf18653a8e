"""A first look takes the record as the sweep read it, unless something was heard or is to be done."""

from __future__ import annotations

import httpx
import pytest

from handlers import records, swept
from tests.handlers.world import World

ROW = {"id": "stack", "tenant_id": "tenant"}
TENANT = records.tenant({"id": "tenant"})


def _kept() -> swept.SweptRows:
    rows = swept.SweptRows()
    rows.begin()
    rows.keep(ROW, TENANT)
    return rows


def test_a_row_is_given_out_once() -> None:
    rows = _kept()
    assert rows.take("stack") == swept.Swept(ROW, TENANT)
    assert rows.take("stack") is None


@pytest.mark.parametrize("heard", ["stack", "tenant"])
def test_what_was_heard_of_since_is_not_given_out(heard: str) -> None:
    rows = _kept()
    rows.heard(heard)
    assert rows.take("stack") is None


@pytest.mark.parametrize("heard", ["stack", "tenant"])
def test_what_was_heard_of_while_the_lists_were_read_is_not_given_out(heard: str) -> None:
    rows = swept.SweptRows()
    rows.begin()
    rows.heard(heard)
    rows.keep(ROW, TENANT)
    assert rows.take("stack") is None


def test_a_stack_whose_tenant_was_not_listed_is_not_given_out() -> None:
    rows = swept.SweptRows()
    rows.keep(ROW, None)
    assert rows.take("stack") is None


async def _is_read(world: World, stack: str) -> bool:
    """Whether the stack is read by itself until nothing is due."""
    world.scissors.set(None)
    await world.settle(1.0)
    return f"/api/collections/{records.STACKS}/records/{stack}" in world.scissors.reads


async def test_after_a_restart_a_settled_stack_is_not_read_again(world: World) -> None:
    stack = await world.running()
    await world.restart()
    assert not await _is_read(world, stack)
    assert world.log[-1].plan is not None


async def test_an_edit_that_the_sweep_has_not_seen_wins(world: World) -> None:
    stack = await world.running()
    await world.restart()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await world.settle()
    assert world.effects() == ["POST /services/{uuid}/stop"]


async def test_what_has_an_effect_is_decided_from_a_record_that_was_read_for_it(world: World) -> None:
    stack = await world.running()
    world.coolify.calls.reset()
    await world.edit(stack, desired_state="suspended")
    await world.restart()
    assert await _is_read(world, stack)
    assert world.effects() == ["POST /services/{uuid}/stop"]


async def test_stacks_that_are_made_while_a_sweep_lists_are_not_missing(world: World) -> None:
    await world.running()
    http, made = world.parts.eyes.database._http, list[str]()

    async def burst(answer: httpx.Response) -> None:
        """Between the answer to the list of stacks and its end."""
        if answer.request.url.path.endswith("/agent_stacks/records") and not made:
            made.append("")
            made[:] = [await world.stack(stack_name=f"late-{number}") for number in range(6)]
            await world.settle(30)

    http.event_hooks["response"].append(burst)
    try:
        await world.parts.stacks.sweep()
    finally:
        http.event_hooks["response"].clear()
    assert len(made) == 6
    assert all(world.parts.eyes.ledger.get(one) for one in made)
    assert not world.parts.eyes.missed
