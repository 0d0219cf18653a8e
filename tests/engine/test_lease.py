"""One actor: taking, renewing, losing, the echo on the stream."""

from __future__ import annotations

import anyio
import pytest
from structlog.typing import EventDict

from listener import contract, errors
from listener.engine import lease

from .rig import Toy
from .toy import ToyLease, key, takes

pytestmark = pytest.mark.looptime


def held_by(holder: str, fence: int = 7) -> ToyLease:
    store = ToyLease()
    store.state = contract.LeaseState(fence=fence, holder=holder)
    return store


async def beat_as(store: ToyLease, holder: str, times: int) -> None:
    """Another process renews every five seconds."""
    for _ in range(times):
        store.state = contract.LeaseState(fence=store.state.fence + 1, holder=holder)
        await anyio.sleep(5)


async def test_a_free_lease_is_taken_at_once_and_renewed_every_beat() -> None:
    async with Toy().running() as toy:
        assert toy.lease.held()
        await anyio.sleep(12)
        assert toy.store.writes == [("me", 0.0), ("me", 5.0), ("me", 10.0)]
        assert toy.lease.fence == toy.store.state.fence == 4
        assert toy.lease.role == "leader"


async def test_a_standby_takes_over_after_25_seconds_of_unchanged_fence_and_not_before() -> None:
    async with Toy(store=held_by("other")).running() as toy:
        toy.feed.change("a-1")
        await anyio.sleep(24.9)
        assert toy.lease.role == "standby"
        assert toy.engine.readiness().role == "standby"
        assert toy.handler.planned != []
        assert toy.handler.applied == []
        await anyio.sleep(0.2)
        assert toy.lease.held()
        assert toy.store.writes == [("me", 25.0)]


async def test_what_a_standby_withheld_is_done_when_it_takes_over() -> None:
    toy = Toy(store=held_by("other"))
    toy.handler.different = [key("a-1")]
    async with toy.running():
        await anyio.sleep(20)
        assert toy.handler.applied == []
        await anyio.sleep(10)
        assert toy.handler.finished == ["a-1"]


async def test_a_standby_waits_as_long_as_the_leader_renews() -> None:
    store = held_by("other")
    async with Toy(store=store).running() as toy:
        await beat_as(store, "other", 60)
        assert not toy.lease.held()
        await anyio.sleep(30)
        assert toy.lease.held()


async def test_our_own_lease_and_one_whose_holder_is_known_to_be_gone_are_taken_at_once() -> None:
    for toy in (Toy(store=held_by("me")), Toy(store=held_by("other"), gone="other")):
        async with toy.running():
            assert toy.lease.held()


async def test_a_leader_whose_renewals_get_no_answer_stops_acting_after_15_seconds(
    logs: list[EventDict],
) -> None:
    async with Toy().running() as toy:
        await anyio.sleep(1)
        toy.store.down = True
        await anyio.sleep(13.9)
        assert toy.lease.held()
        await anyio.sleep(0.2)
        assert not toy.lease.held()
        assert toy.lease.role == "unknown"
        assert "lease unreachable" in toy.engine.readiness().problems
        toy.store.down = False
        await anyio.sleep(5)
        assert toy.lease.held()
        assert "lease.recovered" in [entry["event"] for entry in logs]


async def test_a_renewal_counts_from_when_it_was_sent() -> None:
    toy = Toy()
    async with toy.running():
        toy.store.seconds = 14.0
        await anyio.sleep(19.1)
        assert toy.lease._sent == 5.0
        assert toy.lease.held()
        await anyio.sleep(1)
        assert not toy.lease.held()


async def test_a_frozen_leader_begins_nothing_when_it_wakes() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(7)
        toy.clock.slept += 3600
        toy.feed.change("a-1")
        await beat_as(toy.store, "other", 20)
        assert toy.handler.planned != []
        assert toy.handler.applied == []
        assert toy.lease.role == "standby"


async def test_a_new_term_begins_only_when_the_lease_was_lost_in_between() -> None:
    store = ToyLease()
    async with Toy(store=store).running() as toy:
        store.down = True
        await anyio.sleep(20)
        store.down = False
        await anyio.sleep(5)
        assert (toy.lease.held(), toy.lease.term) == (True, 1)
        await beat_as(store, "other", 2)
        await anyio.sleep(30)
        assert (toy.lease.held(), toy.lease.term) == (True, 2)


async def test_a_leader_that_slept_alone_goes_on_after_one_renewal() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(7)
        toy.clock.slept += 3600
        assert not toy.lease.held()
        await anyio.sleep(5)
        assert toy.lease.held()


async def test_a_refused_renewal_with_another_holder_makes_a_standby(logs: list[EventDict]) -> None:
    store = ToyLease()
    async with Toy(store=store).running() as toy:
        await anyio.sleep(1)
        store.state = contract.LeaseState(fence=50, holder="other")
        await anyio.sleep(5)
        assert not toy.lease.held()
        assert toy.lease.role == "standby"
        lost = next(entry for entry in logs if entry["event"] == "lease.lost")
        assert (lost["holder"], lost["fence"]) == ("other", 50)
        assert toy.feed.reconnects == []


async def test_a_renewal_whose_answer_was_lost_is_continued_from_the_row() -> None:
    store = ToyLease()
    async with Toy(store=store).running() as toy:
        await anyio.sleep(1)
        store.state = contract.LeaseState(fence=store.state.fence + 1, holder="me")
        await anyio.sleep(5)
        assert toy.lease.held()
        assert toy.lease.fence == store.state.fence


async def test_a_renewal_refused_although_the_row_is_ours_asks_for_a_new_stream() -> None:
    store = ToyLease()
    async with Toy(store=store).running() as toy:
        await anyio.sleep(1)
        store.refusing = True
        await anyio.sleep(5)
        assert toy.feed.reconnects == [("renewal refused", 5.0)]
        assert toy.lease.held()
        await anyio.sleep(10)
        assert not toy.lease.held()


async def test_no_echo_in_two_beats_asks_for_a_new_stream_once_per_two_beats() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(6)
        toy.feed.echoing = False
        await anyio.sleep(27)
        assert toy.feed.reconnects == [("no echo", 20.0), ("no echo", 30.0)]
        assert "no live feed" in toy.engine.readiness().problems
        toy.feed.echoing = True
        await anyio.sleep(100)
        assert len(toy.feed.reconnects) == 2
        assert tuple(toy.engine.readiness().problems) == ()


async def test_a_five_minute_silent_stream_is_noticed_while_sweeps_go_on() -> None:
    toy = Toy()
    toy.feed.echoing = False
    async with toy.running():
        await anyio.sleep(302)
        assert len(toy.feed.reconnects) >= 29
        assert toy.handler.swept == [0.0, 300.0]
        assert tuple(toy.engine.readiness().problems) == ("no live feed",)


async def test_a_standby_expects_no_echo_and_only_a_stream_that_is_not_dead() -> None:
    store = held_by("other")
    toy = Toy(store=store)
    async with toy.running() as toy, anyio.create_task_group() as tasks:
        tasks.start_soon(beat_as, store, "other", 200)
        await anyio.sleep(320)
        assert tuple(toy.engine.readiness().problems) == ()
        await anyio.sleep(20)
        assert tuple(toy.engine.readiness().problems) == ("no live feed",)
        assert toy.feed.reconnects == []
        tasks.cancel_scope.cancel()


async def test_no_error_of_the_store_ends_the_beat(logs: list[EventDict]) -> None:
    async with Toy().running() as toy:
        toy.store.errors = [
            errors.UpstreamUnavailable("POCKETBASE_UNREACHABLE", "no connection"),
            errors.Throttled("POCKETBASE_THROTTLED", "too many", after=3),
            errors.Global("POCKETBASE_UNAUTHORIZED", "token"),
        ]
        await anyio.sleep(22)
        assert toy.lease.held()
        events = [entry["event"] for entry in logs]
        assert [event for event in events if event in ("lease.unreachable", "lease.recovered")] == [
            "lease.unreachable",
            "lease.recovered",
        ]


async def test_a_clean_stop_gives_the_lease_back() -> None:
    async with Toy().running() as toy:
        await toy.engine.drain()
        assert toy.store.state.holder == ""
    successor = Toy(store=toy.store, holder="next")
    async with successor.running():
        assert successor.lease.held()


async def test_a_forced_stop_keeps_the_lease() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(1000)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        toy.engine.force()
        await anyio.sleep(1)
        assert toy.result is False
        assert toy.store.state.holder == "me"


async def test_a_release_that_fails_is_said_and_hurts_nobody(logs: list[EventDict]) -> None:
    async with Toy().running() as toy:
        toy.store.down = True
        await toy.engine.drain()
        assert "lease.kept" in [entry["event"] for entry in logs]


async def test_wait_held_returns_when_the_lease_is_held() -> None:
    async with Toy(store=held_by("other")).running() as toy:
        await toy.lease.wait_held()
        assert anyio.current_time() == 25.0


def test_the_product_clock_moves_on() -> None:
    assert lease.uptime() <= lease.uptime()
