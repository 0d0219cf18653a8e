"""A key that another one wakes waits where that one came from."""

from __future__ import annotations

import anyio
import pytest

from listener import contract
from listener.engine.queue import Lane

from .rig import Toy
from .test_queue import HandClock, make_queue
from .toy import key, returns, takes


@pytest.mark.parametrize("lane", Lane)
def test_a_woken_key_waits_on_the_sweep_lane_only_if_a_sweep_brought_who_woke_it(lane: Lane) -> None:
    queue = make_queue(HandClock())
    queue.add(key("a-1"), lane)
    assert queue.take() == key("a-1")
    queue.wake(key("b-1"), by=key("a-1"))
    place = "sweep" if lane is Lane.SWEEP else "live"
    assert queue.depths() == {**dict.fromkeys(("urgent", "live", "sweep", "delayed"), 0), place: 1}


@pytest.mark.long
async def test_what_a_sweep_wakes_does_not_hold_up_an_edit() -> None:
    toy = Toy(workers=1)
    stacks = [key(f"s-{n}") for n in range(100)]
    toy.handler.different = [key("tenant-1"), *stacks]
    toy.handler.acts["tenant-1"] = returns(contract.Settled(tuple(stacks)))
    for k in stacks:
        toy.handler.acts[k.id] = takes(1)
    async with toy.running():
        await anyio.sleep(10)
        toy.feed.change("s-99")
        toy.feed.change("edit-1")
        await anyio.sleep(3.1)
        assert {"edit-1", "s-99"} <= set(toy.handler.finished)
