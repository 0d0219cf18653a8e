"""The engine's gauges are read when they are scraped."""

from __future__ import annotations

import anyio
import pytest

from listener.engine import gauges
from listener.engine.queue import Lane

from .rig import Toy
from .toy import key

pytestmark = pytest.mark.looptime


async def test_gauges_say_what_queue_lease_and_breaker_are_now() -> None:
    async with Toy().running() as toy:
        gauges.expose(toy.metrics, queue=toy.queue, gate=toy.gate)
        toy.gate.pause(60)
        await anyio.sleep(20)
        toy.queue.add(key("a-1"))
        toy.queue.add(key("b-1"), Lane.SWEEP)
        toy.queue.add_after(key("c-1"), 100)
        await anyio.sleep(7)
        text = toy.metrics.text().decode()
    assert 'cloudfreedom_queue_depth{lane="live"} 1.0' in text
    assert 'cloudfreedom_queue_depth{lane="sweep"} 1.0' in text
    assert 'cloudfreedom_queue_depth{lane="delayed"} 1.0' in text
    assert "cloudfreedom_queue_oldest_seconds 7.0" in text
    assert "cloudfreedom_lease_held 1.0" in text
    assert "cloudfreedom_lease_fence 7.0" in text
    assert "cloudfreedom_breaker_open 0.0" in text
