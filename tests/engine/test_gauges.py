"""The engine's metrics: what is read when it is scraped, and what the queue and the workers count."""

from __future__ import annotations

import math

import anyio
import pytest

from listener import contract, errors
from listener.engine import gauges
from listener.engine.queue import Lane

from .rig import Toy
from .toy import key, raises, takes

pytestmark = pytest.mark.looptime


def exposed(toy: Toy) -> Toy:
    """The toy, whose gauges are read at each scrape."""
    gauges.expose(toy.metrics, queue=toy.queue, gate=toy.gate, sweeper=toy.sweeper)
    return toy


async def test_gauges_say_what_queue_lease_and_breaker_are_now() -> None:
    async with Toy().running() as toy:
        exposed(toy).gate.pause(60)
        await anyio.sleep(20)
        toy.queue.add(key("a-1"))
        toy.queue.add(key("b-1"), Lane.SWEEP)
        toy.queue.add_after(key("c-1"), 100)
        await anyio.sleep(7)
        text = toy.metrics.text().decode()
    assert 'cloudfreedom_workqueue_depth{lane="live"} 1.0' in text
    assert 'cloudfreedom_workqueue_depth{lane="sweep"} 1.0' in text
    assert "cloudfreedom_workqueue_delayed 1.0" in text
    assert "cloudfreedom_workqueue_oldest_seconds 7.0" in text
    assert "cloudfreedom_leader_election_master_status 1.0" in text
    assert "cloudfreedom_lease_fence 7.0" in text
    assert "cloudfreedom_breaker_open 0.0" in text


async def test_the_queue_counts_adds_waits_and_work_as_client_go_does() -> None:
    async with Toy(workers=1).running() as toy:
        toy.handler.acts["a-1"] = takes(4)
        toy.feed.change("a-1")
        toy.feed.change("b-1")
        toy.feed.change("b-1")
        await anyio.sleep(3)
        assert toy.told("workqueue_unfinished_work_seconds") == pytest.approx(3)
        assert toy.told("workqueue_longest_running_processor_seconds") == pytest.approx(3)
        assert toy.told("active_workers", controller="toys") == 1
        assert toy.told("max_concurrent_reconciles") == 1
        await anyio.sleep(3)
        assert toy.told("workqueue_adds_total", lane="live") == 2
        assert toy.told("workqueue_queue_duration_seconds_count", lane="live") == 2
        assert toy.told("workqueue_queue_duration_seconds_sum", lane="live") == pytest.approx(4)
        assert toy.told("workqueue_work_duration_seconds_sum") == pytest.approx(4)
        assert toy.told("workqueue_unfinished_work_seconds") == 0
        assert toy.told("active_workers", controller="toys") == 0
        assert toy.told("workqueue_retries_total") == 0


@pytest.mark.parametrize(
    ("failure", "result", "retries"),
    [
        (errors.UpstreamUnavailable("COOLIFY_NO_ANSWER", "lost"), "transient", 1),
        (errors.Refusal("DOMAIN_TAKEN", "Taken."), "terminal", 0),
        (ZeroDivisionError("a bug"), "bug", 1),
    ],
    ids=["transient", "terminal", "bug"],
)
async def test_a_run_that_an_error_ends_is_an_error_and_a_retry_where_it_is_tried_again(
    failure: Exception, result: str, retries: int
) -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = raises(failure)
        toy.feed.change("a-1")
        toy.feed.change("b-1")
        await anyio.sleep(0.4)
        assert toy.runs(result) == 1
        assert toy.told("reconcile_errors_total", controller="toys") == 1
        assert toy.told("workqueue_retries_total") == retries
        assert toy.told("reconcile_time_seconds_count", controller="toys") == 2


async def test_the_age_of_the_sweep_grows_until_the_next_and_is_infinite_before_the_first() -> None:
    toy = Toy()
    assert exposed(toy).told("sweep_age_seconds") == math.inf
    async with toy.running():
        await anyio.sleep(120)
        age = anyio.current_time() - toy.handler.swept[-1]
        assert age > 100
        assert toy.told("sweep_age_seconds") == pytest.approx(age)


async def test_each_reason_against_effects_is_told_by_name_while_it_holds() -> None:
    async with Toy().running() as toy:
        exposed(toy).observing = True
        assert toy.told("withheld", reason="observe_only") == 1
        toy.observing = False
        assert 'reason="observe_only"' not in toy.metrics.text().decode()


async def test_a_renewals_way_back_on_the_stream_is_the_lag() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(1)
        echoed = toy.told("event_lag_seconds_count")
        exposed(toy).store.seconds = 0.0
        toy.feed.echoing = False
        await anyio.sleep(5)
        toy.feed.say(contract.Pulse(fence=toy.store.state.fence, holder="another"))
        await anyio.sleep(2)
        assert toy.told("event_lag_seconds_count") == echoed
        assert toy.told("echo_overdue_seconds") == pytest.approx(3, abs=0.1)
        toy.feed.say(contract.Pulse(fence=toy.store.state.fence, holder="me"))
        await anyio.sleep(0.1)
        assert toy.told("event_lag_seconds_count") == echoed + 1
        assert toy.told("event_lag_seconds_sum") == pytest.approx(3, abs=0.1)
        assert toy.told("echo_overdue_seconds") == 0


async def test_an_upstream_that_fails_three_times_in_a_row_is_told_until_it_answers() -> None:
    toy = Toy()
    toy.poll_errors = [errors.UpstreamUnavailable("COOLIFY_UNREACHABLE", "the list was not sent")] * 4
    async with toy.running():
        await anyio.sleep(100)
        assert toy.engine.readiness().problems == {}
        await anyio.sleep(30)
        assert toy.engine.readiness().problems == {
            "upstream failing": "COOLIFY_UNREACHABLE: the list was not sent"
        }
        await anyio.sleep(120)
        assert toy.engine.readiness().problems == {}


async def test_nobody_is_told_of_a_restore_before_the_ledger_was_read() -> None:
    async with Toy().running() as toy:
        toy.reasons = {"ledger", "restored"}
        assert (set(toy.engine.readiness().withheld), toy.engine.readiness().problems) == ({"ledger"}, {})
        toy.reasons = {"restored"}
        assert set(toy.engine.readiness().withheld) == set(toy.engine.readiness().problems) == {"restored"}


async def test_readiness_has_a_line_on_each_reason_against_effects() -> None:
    async with Toy().running() as toy:
        toy.observing = True
        assert toy.engine.readiness().withheld == {"observe_only": "LISTENER_OBSERVE_ONLY is set"}
        assert toy.engine.readiness().problems == {}
