"""One entry per key, one worker per key, two lanes, turns by group, backoff by key."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from listener import contract
from listener.engine.queue import Lane, Queue

from .toy import key


class HandClock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_queue(clock: Callable[[], float], random: Callable[[], float] = lambda: 0.5) -> Queue:
    return Queue(
        clock=clock, group_of=lambda k: k.id.split("-", maxsplit=1)[0], waits=contract.Waits(), random=random
    )


def drained(queue: Queue) -> list[str]:
    """Every key that is due, in order, each done at once."""
    names = []
    while (taken := queue.take()) is not None:
        queue.done(taken)
        names.append(taken.id)
    return names


def test_a_key_added_twice_is_one_entry() -> None:
    queue = make_queue(HandClock())
    queue.add(key("a-1"))
    queue.add(key("a-1"), Lane.SWEEP)
    assert len(queue) == 1
    assert drained(queue) == ["a-1"]


def test_a_key_that_is_worked_on_is_not_taken_and_runs_again_right_after() -> None:
    queue = make_queue(HandClock())
    queue.add(key("a-1"))
    assert queue.take() == key("a-1")
    queue.add(key("a-1"))
    queue.add(key("a-1"), Lane.SWEEP)
    assert queue.take() is None
    queue.done(key("a-1"))
    assert queue.depths() == {"urgent": 0, "live": 1, "sweep": 0, "delayed": 0}


def test_a_live_change_moves_a_key_out_of_the_sweep_lane_and_keeps_its_age() -> None:
    clock = HandClock()
    queue = make_queue(clock)
    queue.add(key("a-1"), Lane.SWEEP)
    clock.now = 7.0
    queue.add(key("a-1"))
    assert queue.depths() == {"urgent": 0, "live": 1, "sweep": 0, "delayed": 0}
    assert queue.oldest_age() == 7.0


def test_the_sweep_lane_gets_every_fourth_turn_while_both_have_work() -> None:
    queue = make_queue(HandClock())
    for n in range(9):
        queue.add(key(f"l-{n}"))
        queue.add(key(f"s-{n}"), Lane.SWEEP)
    lanes = [name[0] for name in drained(queue)]
    assert "".join(lanes) == "lllslllslll" + "s" * 7


def test_groups_take_turns_within_a_lane() -> None:
    queue = make_queue(HandClock())
    for n in range(5):
        queue.add(key(f"big-{n}"))
    queue.add(key("b-0"))
    queue.add(key("c-0"))
    assert drained(queue) == ["big-0", "b-0", "c-0", "big-1", "big-2", "big-3", "big-4"]


@pytest.mark.parametrize(
    ("wishes", "due"), [((5.0, 9.0), 5.0), ((9.0, 5.0), 5.0)], ids=["later after", "earlier after"]
)
def test_the_earlier_of_two_delays_holds(wishes: tuple[float, float], due: float) -> None:
    clock = HandClock()
    queue = make_queue(clock)
    for wish in wishes:
        queue.add_after(key("a-1"), wish)
    clock.now = due - 0.01
    assert drained(queue) == []
    clock.now = due
    assert drained(queue) == ["a-1"]
    clock.now = 100.0
    assert drained(queue) == []


def test_a_delayed_key_comes_back_on_the_lane_it_was_taken_from() -> None:
    clock = HandClock()
    queue = make_queue(clock)
    queue.add(key("a-1"), Lane.SWEEP)
    taken = queue.take()
    assert taken is not None
    queue.add_after(taken, 5.0)
    queue.done(taken)
    clock.now = 5.0
    queue.add(key("b-1"))
    assert drained(queue) == ["b-1", "a-1"]


def test_a_ready_key_is_not_delayed() -> None:
    queue = make_queue(HandClock())
    queue.add(key("a-1"))
    queue.add_after(key("a-1"), 60.0)
    assert queue.depths() == {"urgent": 0, "live": 1, "sweep": 0, "delayed": 0}


def test_a_live_change_wakes_a_key_in_backoff_and_a_sweep_does_not() -> None:
    queue = make_queue(HandClock())
    queue.retry(key("a-1"))
    queue.add(key("a-1"), Lane.SWEEP)
    assert drained(queue) == []
    queue.add(key("a-1"))
    assert drained(queue) == ["a-1"]


def test_a_sweep_wakes_a_key_that_only_waits() -> None:
    queue = make_queue(HandClock())
    queue.add_after(key("a-1"), 86_400.0)
    queue.add(key("a-1"), Lane.SWEEP)
    assert drained(queue) == ["a-1"]


def test_backoff_doubles_from_one_second_to_fifteen_minutes_and_starts_over_when_forgotten() -> None:
    queue = make_queue(HandClock(), random=lambda: 1.0)
    assert [queue.retry(key("a-1")) for _ in range(12)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert queue.failures(key("a-1")) == 12
    assert queue.forget(key("a-1")) == 12
    assert queue.retry(key("a-1")) == 1.0


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 2000))
def test_backoff_is_full_jitter_below_its_ceiling(chance: float, failures: int) -> None:
    queue = make_queue(HandClock(), random=lambda: chance)
    seconds = [queue.retry(key("a-1")) for _ in range(failures)][-1]
    assert seconds == chance * min(900.0, 2.0 ** min(failures - 1, 10))


def test_a_parked_key_comes_back_after_the_slow_retry() -> None:
    clock = HandClock()
    queue = make_queue(clock)
    queue.park(key("a-1"))
    queue.add(key("a-1"), Lane.SWEEP)
    clock.now = 899.0
    assert drained(queue) == []
    clock.now = 900.0
    assert drained(queue) == ["a-1"]


def test_withdrawn_delays_do_not_pile_up() -> None:
    clock = HandClock()
    queue = make_queue(clock)
    for _ in range(5000):
        queue.add_after(key("a-1"), 86_400.0)
        queue.add(key("a-1"))
        drained(queue)
    queue.add_after(key("a-1"), 60.0)
    assert len(queue._alarms) < 1100
    clock.now = 60.0
    assert drained(queue) == ["a-1"]


@pytest.mark.looptime
async def test_get_waits_for_the_next_due_key_and_is_woken_by_an_earlier_one() -> None:
    queue = make_queue(anyio.current_time)
    queue.add_after(key("a-1"), 60.0)

    async def add_another() -> None:
        await anyio.sleep(10)
        queue.add(key("b-1"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(add_another)
        got = [((await queue.get()).id, anyio.current_time()) for _ in range(2)]
    assert got == [("b-1", 10.0), ("a-1", 60.0)]


@pytest.mark.looptime
async def test_a_cancelled_get_takes_no_key() -> None:
    queue = make_queue(anyio.current_time)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.get)
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()
        queue.add(key("a-1"))
    assert len(queue) == 1


KEYS = [key(f"{group}-{n}") for group in "abc" for n in range(2)]
LANES = st.sampled_from([Lane.LIVE, Lane.SWEEP])


class QueueMachine(RuleBasedStateMachine):
    """Any order of calls, against a model that only knows by when each key still has to be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.queue = make_queue(self.clock)
        self.wanted: dict[contract.Key, float] = {}
        self.active: dict[contract.Key, set[Lane]] = {}

    def want(self, k: contract.Key, due: float) -> None:
        self.wanted[k] = min(due, self.wanted.get(k, due))

    @rule(k=st.sampled_from(KEYS), lane=LANES)
    def add(self, k: contract.Key, lane: Lane) -> None:
        self.queue.add(k, lane)
        if k in self.active:
            self.active[k].add(lane)
        elif lane is Lane.LIVE or k not in self.wanted or not self.queue.failures(k):
            self.want(k, self.clock.now)

    @rule(k=st.sampled_from(KEYS), seconds=st.integers(0, 50))
    def add_after(self, k: contract.Key, seconds: int) -> None:
        if k not in self.active:
            self.queue.add_after(k, seconds)
            self.want(k, self.clock.now + seconds)

    @rule()
    def take(self) -> None:
        due = {k for k, when in self.wanted.items() if when <= self.clock.now}
        taken = self.queue.take()
        assert (taken is None) == (not due)
        if taken is not None:
            assert taken in due
            del self.wanted[taken]
            self.active[taken] = set()

    @rule(end=st.sampled_from(["settled", "again", "failed"]))
    def finish(self, end: str) -> None:
        if not self.active:
            return
        k = min(self.active)
        touched = self.active.pop(k)
        if end == "failed":
            self.want(k, self.clock.now + self.queue.retry(k))
        else:
            self.queue.forget(k)
        if end == "again":
            self.queue.add_after(k, 30.0)
            self.want(k, self.clock.now + 30.0)
        if Lane.LIVE in touched or (touched and end != "failed"):
            self.want(k, self.clock.now)
        self.queue.done(k)

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        assert len(self.queue) == len(self.wanted)

    def teardown(self) -> None:
        while self.active:
            self.finish("settled")
        self.clock.now += 10_000
        assert sorted(drained(self.queue)) == sorted(k.id for k in self.wanted)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.sampled_from("abcd"), max_size=60))
def test_no_group_waits_longer_than_one_turn_of_all_groups(added: list[str]) -> None:
    queue = make_queue(HandClock())
    for n, group in enumerate(added):
        queue.add(key(f"{group}-{n}"))
    groups = [name[0] for name in drained(queue)]
    for at, _ in enumerate(groups):
        waiting = set(groups[at:])
        assert len(set(groups[at : at + len(waiting)])) == len(waiting)
