"""What the faults found in the engine, restated on virtual time."""

from __future__ import annotations

import anyio
import pytest

from listener import contract, errors
from tests.engine.rig import Toy
from tests.engine.toy import raises

pytestmark = pytest.mark.looptime


async def test_a_new_stream_has_two_beats_before_it_is_suspected() -> None:
    """It came while echoes were overdue already: dropped at once, it would never bring one."""
    async with Toy().running() as toy:
        await anyio.sleep(6)
        toy.feed.echoing = False
        await anyio.sleep(13)
        toy.feed.say(contract.Gap("reconnected"))
        toy.feed.echoing = True
        await anyio.sleep(60)
        assert toy.feed.reconnects == []
        assert tuple(toy.engine.readiness().problems) == ()


async def test_a_new_stream_that_brings_no_echo_is_suspected_in_its_turn() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(6)
        toy.feed.echoing = False
        await anyio.sleep(13)
        toy.feed.say(contract.Gap("reconnected"))
        await anyio.sleep(2)
        assert "no live feed" in toy.engine.readiness().problems
        await anyio.sleep(10)
        assert toy.feed.reconnects == [("no echo", 30.0)]


async def test_the_echo_of_our_own_report_does_not_repeat_what_was_refused() -> None:
    async with Toy().running() as toy:
        toy.handler.basis["a-1"] = "as asked"
        toy.handler.on_report = toy.feed.change
        toy.handler.acts["a-1"] = raises(*[errors.UpstreamRefusal("REFUSED", "refused", status=400)] * 3)
        toy.feed.change("a-1")
        await anyio.sleep(400)
        assert [round(when) for when in toy.handler.times("a-1")] == [0, 300]
        toy.handler.basis["a-1"] = "as edited"
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert [round(when) for when in toy.handler.times("a-1")] == [0, 300, 400]
