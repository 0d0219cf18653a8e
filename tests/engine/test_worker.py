"""What becomes of a key: outcomes, and what the gate withholds."""

from __future__ import annotations

import anyio
import pytest
from structlog.typing import EventDict

from listener import contract, errors

from .rig import Toy
from .toy import key, returns, takes

pytestmark = pytest.mark.looptime

UNAVAILABLE = errors.UpstreamUnavailable("COOLIFY_UNREACHABLE", "no connection")
REFUSED = errors.UpstreamRefusal("COOLIFY_REFUSED", "compose refused", status=422)
THROTTLED = errors.Throttled("COOLIFY_THROTTLED", "too many calls", after=30.0)
GLOBAL = errors.Global("COOLIFY_UNAUTHORIZED", "the token is refused")


async def test_a_change_is_planned_applied_and_settled() -> None:
    async with Toy().running() as toy:
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert toy.handler.finished == ["a-1"]
        assert toy.runs("settled") == 1
        assert len(toy.queue) == 0


async def test_a_delete_event_is_shown_to_the_handler_as_evidence() -> None:
    async with Toy().running() as toy:
        toy.feed.change("a-1", deleted=True)
        await anyio.sleep(1)
        assert toy.handler.deletions == ["a-1"]
        assert toy.handler.finished == ["a-1"]


async def test_a_key_changed_while_it_is_worked_on_runs_again_and_never_twice_at_once() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(10)
        for _ in range(5):
            toy.feed.change("a-1")
            await anyio.sleep(1)
        await anyio.sleep(30)
        assert toy.handler.times("a-1") == [0.001, 10.001]


async def test_other_keys_go_on_while_one_is_slow() -> None:
    async with Toy(workers=2).running() as toy:
        toy.handler.acts["a-1"] = takes(100)
        for name in ("a-1", "b-1", "b-2", "b-3"):
            toy.feed.change(name)
        await anyio.sleep(1)
        assert toy.handler.finished == ["b-1", "b-2", "b-3"]


async def test_again_is_honoured() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = returns(contract.Again(42.0))
        toy.feed.change("a-1")
        await anyio.sleep(60)
        assert toy.handler.times("a-1") == [0.001, 42.001]


async def test_outcomes_wake_other_keys() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = returns(contract.Blocked("quota", wakes=(key("a-2"),)))
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert toy.handler.finished == ["a-1", "a-2"]


async def test_a_blocked_key_rests_until_it_changes() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = returns(contract.Blocked("quota"))
        toy.feed.change("a-1")
        await anyio.sleep(1000)
        assert toy.handler.times("a-1") == [0.001]
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert len(toy.handler.times("a-1")) == 2


async def test_a_parked_key_is_retried_after_fifteen_minutes() -> None:
    async with Toy().running() as toy:
        toy.handler.different = [key("a-1")]
        toy.handler.acts["a-1"] = returns(contract.Parked("odd"))
        toy.feed.change("a-1")
        await anyio.sleep(1000)
        assert toy.handler.times("a-1")[:2] == [0.001, 900.001]


async def test_a_key_of_an_unknown_collection_is_dropped_with_a_line(logs: list[EventDict]) -> None:
    async with Toy().running() as toy:
        toy.queue.add(key("a-1", "strangers"))
        await anyio.sleep(1)
        unknown = next(entry for entry in logs if entry["event"] == "key.unknown")
        assert (unknown["collection"], unknown["record"]) == ("strangers", "a-1")
        assert len(toy.queue) == 0


async def test_a_change_of_a_collection_without_handler_goes_to_the_other_callback() -> None:
    async with Toy().running() as toy:
        change = contract.Change(key("x", "plan_tiers"))
        toy.feed.say(change)
        await anyio.sleep(1)
        assert toy.others == [change]


async def test_a_closed_gate_withholds_the_plan_says_so_once_and_writes_nothing(
    logs: list[EventDict],
) -> None:
    toy = Toy()
    toy.observing = True
    toy.handler.different = [key("a-1"), key("a-2")]
    async with toy.running():
        await anyio.sleep(1000)
        assert toy.handler.applied == []
        assert toy.runs("withheld") >= 6
        toy.observing = False
        await anyio.sleep(2)
        assert sorted(toy.handler.finished) == ["a-1", "a-2"]
    shown = [entry for entry in logs if entry["event"] == "plan.withheld"]
    assert [(entry["record"], entry["steps"]) for entry in shown] == [
        ("a-1", ["paint a-1"]),
        ("a-2", ["paint a-2"]),
    ]
    assert shown[0]["reasons"] == ("observe_only",)


async def test_a_closed_gate_withholds_even_a_plan_without_steps_and_keeps_its_time() -> None:
    toy = Toy()
    toy.observing = True
    toy.handler.steps = False
    toy.handler.again = 50.0
    async with toy.running():
        toy.feed.change("a-1")
        await anyio.sleep(60)
        assert toy.handler.applied == []
        assert [when for _, when in toy.handler.planned] == [0.001, 50.001]


async def test_an_error_of_a_plan_behind_a_closed_gate_is_not_written_anywhere() -> None:
    toy = Toy()
    toy.observing = True
    toy.handler.plan_error = UNAVAILABLE
    async with toy.running():
        toy.feed.change("a-1")
        await anyio.sleep(60)
        assert toy.runs("transient") > 1
        assert toy.handler.reported == []


async def test_each_reason_that_is_gone_asks_for_a_sweep_though_others_still_hold() -> None:
    toy = Toy()
    toy.observing = toy.unread = True
    async with toy.running():
        await anyio.sleep(10)
        toy.observing = False
        await anyio.sleep(2)
        assert len(toy.handler.swept) == 2
        assert toy.gate.reasons() == ("unread",)
        await anyio.sleep(10)
        assert len(toy.handler.swept) == 2


async def test_a_crowd_of_changes_never_puts_two_workers_on_one_key() -> None:
    keys = [key(f"{group}-{n}") for group in "abcd" for n in range(5)]
    toy = Toy(workers=8)
    toy.handler.different = keys
    for n, k in enumerate(keys):
        toy.handler.acts[k.id] = takes(1.0 + n % 7)
    async with toy.running():
        for n in range(300):
            toy.feed.change(keys[n * n % 20].id)
            await anyio.sleep(0.5)
        await anyio.sleep(60)
        assert toy.runs("bug") == 0
        assert toy.runs("settled") == len(toy.handler.finished) > 100
        assert set(toy.handler.finished) == {k.id for k in keys}
        assert len(toy.queue) == 0


async def test_two_lanes_share_the_workers_so_that_a_big_sweep_does_not_hold_up_an_edit() -> None:
    toy = Toy(workers=1)
    toy.handler.different = [key(f"s-{n}") for n in range(100)]
    for k in toy.handler.different:
        toy.handler.acts[k.id] = takes(1)
    async with toy.running():
        await anyio.sleep(10)
        toy.feed.change("edit-1")
        await anyio.sleep(1.1)
        assert "edit-1" in toy.handler.finished
