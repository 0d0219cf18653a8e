"""Where keys come from: the stream, the sweep, the poll."""

from __future__ import annotations

import anyio
import pytest
from structlog.typing import EventDict

from listener import contract, errors

from .rig import Toy
from .toy import ToyHandler, key, raises

pytestmark = pytest.mark.looptime

UNAVAILABLE = errors.UpstreamUnavailable("POCKETBASE_UNREACHABLE", "no connection")


async def test_the_first_sweep_follows_the_first_gap_and_then_every_five_minutes() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(610)
        assert toy.handler.swept == [0.0, 300.0, 600.0]


async def test_without_any_gap_a_sweep_is_made_all_the_same() -> None:
    toy = Toy()
    toy.feed.greeting = False
    async with toy.running():
        await anyio.sleep(310)
        assert toy.handler.swept == [300.0]
        assert toy.metrics.registry.get_sample_value("cloudfreedom_feed_connects_total") == 0


async def test_a_gap_is_followed_by_a_sweep_whose_keys_are_looked_at() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(10)
        toy.handler.different = [key("a-1")]
        toy.feed.say(contract.Gap("reconnected"))
        await anyio.sleep(1)
        assert toy.handler.finished == ["a-1"]
        assert toy.metrics.registry.get_sample_value("cloudfreedom_feed_connects_total") == 2


async def test_requests_that_come_during_a_sweep_make_one_more() -> None:
    async with Toy().running() as toy:
        toy.handler.sweep_seconds = 10.0
        toy.sweeper.request("first")
        await anyio.sleep(1)
        for _ in range(5):
            toy.sweeper.request("more")
        await anyio.sleep(60)
        assert toy.handler.swept == [0.0, 0.001, 10.001]


async def test_a_failed_sweep_is_made_again_with_backoff_and_said_once(logs: list[EventDict]) -> None:
    toy = Toy()
    toy.handler.sweep_errors = [UNAVAILABLE] * 9
    async with toy.running():
        await anyio.sleep(200)
        assert toy.handler.swept == [0, 1, 3, 7, 15, 31, 63, 123, 183]
        assert not toy.sweeper.is_fresh()
        assert "no fresh sweep" in toy.engine.readiness().problems
        await anyio.sleep(60)
        assert toy.sweeper.is_fresh()
        assert [entry["event"] for entry in logs].count("sweep.failed") == 1
        assert toy.metrics.registry.get_sample_value("cloudfreedom_sweeps_total", {"outcome": "failed"}) == 9


async def test_a_throttled_sweep_waits_for_its_time() -> None:
    toy = Toy()
    toy.handler.sweep_errors = [errors.Throttled("POCKETBASE_THROTTLED", "too many", after=40.0)]
    async with toy.running():
        await anyio.sleep(50)
        assert toy.handler.swept == [0.0, 40.0]


async def test_a_global_failure_of_a_sweep_opens_the_breaker() -> None:
    toy = Toy()
    toy.handler.sweep_errors = [errors.Global("POCKETBASE_UNAUTHORIZED", "token refused")]
    async with toy.running():
        await anyio.sleep(9)
        assert toy.alerts == ["POCKETBASE_UNAUTHORIZED"]
        assert toy.handler.swept == [0.0]
        toy.probe.broken = False
        await anyio.sleep(5)
        assert toy.handler.swept[:2] == [0.0, 10.0]


async def test_a_bug_in_one_sweep_does_not_stop_the_others(logs: list[EventDict]) -> None:
    toy = Toy()
    other = ToyHandler(collection="others")
    toy.handlers["others"] = other
    toy.handler.sweep_errors = [ZeroDivisionError("a bug")]
    async with toy.running():
        assert other.swept == [0.0]
        failed = next(entry for entry in logs if entry["event"] == "sweep.failed")
        assert failed["collection"] == "toys"
        assert isinstance(failed["exc_info"], ZeroDivisionError)


async def test_a_sweep_is_stale_after_two_intervals_without_one() -> None:
    async with Toy().running() as toy:
        toy.handler.sweep_errors = [UNAVAILABLE] * 100
        await anyio.sleep(599)
        assert toy.sweeper.is_fresh()
        await anyio.sleep(2)
        assert not toy.sweeper.is_fresh()


async def test_the_poll_goes_at_its_own_pace_and_its_keys_are_looked_at() -> None:
    toy = Toy()
    toy.poll_keys = [key("a-1")]
    async with toy.running():
        await anyio.sleep(130)
        assert toy.polled == [0.0, 60.0, 120.0]
        assert toy.handler.times("a-1") == [0.0, 60.0, 120.0]


async def test_a_nudge_shortens_the_poll_that_is_waited_for() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(20)
        toy.interval = 5.0
        toy.poller.nudge()
        await anyio.sleep(11)
        assert toy.polled == pytest.approx([0.0, 20.001, 25.001, 30.001])


async def test_a_nudge_never_makes_a_poll_sooner_than_its_interval() -> None:
    async with Toy().running() as toy:
        for _ in range(50):
            toy.poller.nudge()
            await anyio.sleep(1)
        assert toy.polled == [0.0]


async def test_a_polled_key_in_backoff_stays_there() -> None:
    toy = Toy()
    toy.interval = 5.0
    toy.poll_keys = [key("a-1")]
    toy.handler.acts["a-1"] = raises(*[UNAVAILABLE] * 50)
    async with toy.running():
        await anyio.sleep(1000)
        assert len(toy.handler.times("a-1")) == 12


async def test_a_failing_poll_is_said_at_its_edges_and_goes_on(logs: list[EventDict]) -> None:
    toy = Toy()
    toy.poll_errors = [
        UNAVAILABLE,
        UNAVAILABLE,
        errors.Throttled("COOLIFY_THROTTLED", "too many", after=90.0),
    ]
    async with toy.running():
        await anyio.sleep(300)
        assert toy.polled == [0.0, 60.0, 120.0, 210.0, 270.0]
        events = [entry["event"] for entry in logs if entry["event"].startswith("poll.")]
        assert events == ["poll.failed", "poll.recovered"]


async def test_a_feed_that_ends_ends_the_process() -> None:
    toy = Toy()
    toy.feed.ending = True
    with pytest.raises(ExceptionGroup) as caught:
        async with toy.running():
            await anyio.sleep(10)
    assert caught.group_contains(RuntimeError, match="the feed ended")
