"""The four classes of failure, bugs, and the breaker."""

from __future__ import annotations

import anyio
import pytest
from structlog.typing import EventDict

from listener import errors
from listener.engine import worker

from .rig import Toy
from .toy import key, raises, takes, takes_and_raises

pytestmark = pytest.mark.looptime

UNAVAILABLE = errors.UpstreamUnavailable("COOLIFY_UNREACHABLE", "no connection")
REFUSED = errors.UpstreamRefusal("COOLIFY_REFUSED", "compose refused", status=422)
THROTTLED = errors.Throttled("COOLIFY_THROTTLED", "too many calls", after=30.0)
GLOBAL = errors.Global("COOLIFY_UNAUTHORIZED", "the token is refused")


async def test_a_transient_failure_is_reported_and_retried_with_backoff(logs: list[EventDict]) -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
        toy.feed.change("a-1")
        await anyio.sleep(60)
        assert toy.handler.times("a-1") == pytest.approx([0.001, 0.501, 1.501, 3.501])
        assert toy.handler.reported == [("a-1", "COOLIFY_UNREACHABLE · no connection")] * 3
        assert [entry["event"] for entry in logs if entry["event"].startswith("run.")] == [
            "run.failed",
            "run.recovered",
        ]


async def test_a_live_change_ends_a_backoff_and_a_sweep_does_not() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(*[UNAVAILABLE] * 12)
        toy.handler.different = [key("a-1")]
        toy.feed.change("a-1")
        await anyio.sleep(300)
        runs = len(toy.handler.times("a-1"))
        toy.sweeper.request("test")
        await anyio.sleep(0.1)
        assert len(toy.handler.times("a-1")) == runs
        toy.feed.change("a-1")
        await anyio.sleep(0.1)
        assert len(toy.handler.times("a-1")) == runs + 1


async def test_retry_after_is_honoured_by_the_key_and_by_every_other() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(THROTTLED)
        toy.feed.change("a-1")
        await anyio.sleep(5)
        toy.feed.change("b-1")
        await anyio.sleep(60)
        assert toy.handler.times("a-1") == [0.001, 30.001]
        assert toy.handler.times("b-1") == [30.001]
        assert toy.handler.reported == []


async def test_a_terminal_failure_is_reported_once_and_rests_until_the_key_changes() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(REFUSED)
        toy.feed.change("a-1")
        await anyio.sleep(1000)
        assert toy.handler.times("a-1") == [0.001]
        assert toy.handler.reported == [("a-1", "COOLIFY_REFUSED · compose refused")]
        assert len(toy.queue) == 0


async def test_a_report_that_could_not_be_written_is_made_again() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(REFUSED, REFUSED)
        toy.handler.report_errors = [UNAVAILABLE]
        toy.feed.change("a-1")
        await anyio.sleep(60)
        assert toy.handler.reported == [("a-1", "COOLIFY_REFUSED · compose refused")]


async def test_a_poisoned_key_hurts_only_itself(logs: list[EventDict]) -> None:
    async with Toy(workers=1).running() as toy:
        toy.handler.acts["a-1"] = raises(ZeroDivisionError("a bug"))
        for name in ("a-1", "a-2", "b-1"):
            toy.feed.change(name)
        await anyio.sleep(1)
        assert toy.handler.finished == ["a-2", "b-1"]
        assert toy.runs("bug") == 1
        assert toy.handler.reported == [("a-1", "a bug")]
        assert [entry["record"] for entry in logs if entry["event"] == "run.crashed"] == ["a-1"]
        await anyio.sleep(900)
        assert toy.handler.finished[-1] == "a-1"


async def test_of_several_errors_at_once_the_gravest_decides() -> None:
    group = ExceptionGroup("both", [UNAVAILABLE, ExceptionGroup("deep", [THROTTLED, UNAVAILABLE])])
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(group)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert toy.runs("throttled") == 1


async def test_a_run_without_end_is_cut_at_its_deadline_and_retried() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(1e6)
        toy.feed.change("a-1")
        await anyio.sleep(worker.RUN_DEADLINE + 1)
        assert toy.runs("transient") == 1
        assert toy.handler.reported[0][1].startswith("RUN_DEADLINE")
        assert toy.handler.times("a-1") == [0.001, 120.501]


async def test_a_time_out_inside_a_run_is_a_bug_and_not_the_deadline() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(TimeoutError())
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert toy.runs("bug") == 1


async def test_the_breaker_opens_once_stops_everything_and_closes_by_itself(logs: list[EventDict]) -> None:
    async with Toy().running() as toy:
        for name in ("a-1", "b-1"):
            toy.handler.acts[name] = takes_and_raises(1.0, GLOBAL)
            toy.feed.change(name)
        await anyio.sleep(5)
        toy.feed.change("c-1")
        await anyio.sleep(30)
        assert toy.alerts == ["COOLIFY_UNAUTHORIZED"]
        assert tuple(toy.engine.readiness().problems) == ("stopped by COOLIFY_UNAUTHORIZED",)
        assert toy.handler.finished == []
        assert toy.handler.reported == []
        assert toy.probe.calls == [11.001, 21.001, 31.001]
        assert [e["code"] for e in logs if e["event"] == "breaker.opened"] == ["COOLIFY_UNAUTHORIZED"]
        toy.probe.broken = False
        await anyio.sleep(20)
        assert toy.alerts == ["COOLIFY_UNAUTHORIZED", "closed"]
        assert sorted(toy.handler.finished) == ["a-1", "b-1", "c-1"]


async def test_after_the_breaker_closed_a_sweep_finds_what_was_missed() -> None:
    async with Toy().running() as toy:
        toy.probe.broken = False
        toy.handler.acts["a-1"] = raises(GLOBAL)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        toy.handler.different = [key("missed-1")]
        await anyio.sleep(15)
        assert "missed-1" in toy.handler.finished


async def test_a_lost_lease_stops_everything_until_a_renewal_is_acknowledged() -> None:
    async with Toy().running() as toy:
        toy.probe.broken = False
        toy.handler.acts["a-1"] = raises(errors.LeaseLost("LEASE_LOST", "stale"))
        toy.feed.change("a-1")
        await anyio.sleep(1)
        assert toy.gate.reasons() == ("lease",)
        await anyio.sleep(15)
        assert toy.gate.reasons() == ()
        assert toy.handler.finished == ["a-1"]


async def test_the_echo_of_our_own_report_does_not_cut_a_parked_key_short() -> None:
    async with Toy().running() as toy:
        toy.handler.basis["a-1"] = "as asked"
        toy.handler.on_report = toy.feed.change
        toy.handler.acts["a-1"] = raises(*[ValueError("a bug")] * 2)
        toy.feed.change("a-1")
        await anyio.sleep(2000)
        assert [round(when) for when in toy.handler.times("a-1")] == [0, 900, 1800]


async def test_an_edit_is_looked_at_in_the_middle_of_a_backoff() -> None:
    async with Toy().running() as toy:
        toy.handler.basis["a-1"] = "as asked"
        toy.handler.acts["a-1"] = raises(ValueError("a bug"))
        toy.feed.change("a-1")
        await anyio.sleep(10)
        toy.handler.basis["a-1"] = "as edited"
        toy.feed.change("a-1")
        await anyio.sleep(10)
        assert [round(when) for when in toy.handler.times("a-1")] == [0, 10]
