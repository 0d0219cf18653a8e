"""The work queue: one entry per key, one worker per key, two lanes, turns by group, backoff by key.

A key is in one of three places: *ready* in a lane, *delayed* until a time, or *active* with a worker. What is
added while it is active is remembered and becomes ready the moment the worker is done. Nothing here awaits
but `get`, and nothing here knows what a key stands for.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable
from enum import StrEnum

import anyio
import anyio.lowlevel

from listener import contract
from listener.telemetry.metrics import Metrics

from .meter import Meter

SWEEP_TURN = 4
"""While both lanes have work, every fourth key comes from the sweep lane."""

SPARE_ALARMS = 1000
"""Alarms of withdrawn delays that are kept before the list of alarms is made anew."""

TICK = 1e-6
"""Seconds by which a time may be early and still count as reached: sums of floats are not exact."""


class Lane(StrEnum):
    """Where a key waits, first things first: staff's commands, what people did now, what a sweep found."""

    URGENT = "urgent"
    """Given to a key by `is_urgent`, not by whoever adds it."""
    LIVE = "live"
    SWEEP = "sweep"


class Queue:
    """Keys to look at. `group_of` names the group a key shares turns with; `random` is uniform in [0, 1).

    While `is_scarce` says that few calls are left, the group of the highest `rank_of` comes first; every
    fourth key still goes by turns, so that nobody starves. What is urgent goes first of all. It counts into
    `metrics`, or for itself.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        group_of: Callable[[contract.Key], str],
        waits: contract.Waits,
        random: Callable[[], float],
        rank_of: Callable[[str], int] = lambda _: 0,
        is_scarce: Callable[[], bool] = lambda: False,
        is_urgent: Callable[[contract.Key], bool] = lambda _: False,
        metrics: Metrics | None = None,
    ) -> None:
        self._meter = Meter(metrics or Metrics(), clock)
        self._rank_of = rank_of
        self._is_scarce = is_scarce
        self._is_urgent = is_urgent
        self._clock = clock
        self._group_of = group_of
        self._waits = waits
        self._random = random
        self._ready = {lane: _Turns() for lane in Lane}
        self._delayed: dict[contract.Key, tuple[float, Lane]] = {}
        self._alarms: list[tuple[float, contract.Key]] = []
        self._active: dict[contract.Key, Lane] = {}
        self._touched: dict[contract.Key, Lane] = {}
        self._failures: Counter[contract.Key] = Counter()
        self._resting: dict[contract.Key, float] = {}
        self._contended = 0
        self._taken = 0
        self._news = anyio.Event()

    def __len__(self) -> int:
        """Keys that wait, ready or delayed; those being worked on are not counted."""
        return sum(self.depths().values())

    def depths(self) -> dict[str, int]:
        """Keys that wait, by place: `urgent`, `live`, `sweep`, `delayed`."""
        ready = {lane.value: len(turns) for lane, turns in self._ready.items()}
        return {**ready, "delayed": len(self._delayed)}

    def oldest_age(self) -> float:
        """Seconds for which the oldest ready key has been waiting for a worker; 0 when none waits."""
        since = [turns.oldest() for turns in self._ready.values() if len(turns)]
        return self._clock() - min(since) if since else 0.0

    def add(self, key: contract.Key, lane: Lane = Lane.LIVE) -> None:
        """The key is due now, or again right after the run that has it.

        A live change ends any delay: an edit must be looked at now. A sweep ends a delay only of a key that
        has not failed: it must not cut a backoff short.
        """
        if lane is Lane.SWEEP and key in self._delayed and self._failures[key]:
            return
        self._delayed.pop(key, None)
        if key in self._active:
            if self._touched.get(key) is not Lane.LIVE:
                self._touched[key] = lane
            return
        self._make_ready(key, lane, self._clock())

    def wake(self, key: contract.Key, *, by: contract.Key) -> None:
        """The key is due, on the sweep lane when that is where the active `by` was taken from, else as live.

        What a sweep finds may wake every key there is: an edit must not wait behind those.
        """
        self.add(key, Lane.SWEEP if self._active.get(by) is Lane.SWEEP else Lane.LIVE)

    def add_after(self, key: contract.Key, seconds: float) -> None:
        """The key is due in `seconds` at the latest; an earlier wish stays, and a ready key is due already.

        It comes back on the lane it was taken from.
        """
        if any(key in turns for turns in self._ready.values()):
            return
        due = self._clock() + seconds
        if key in self._delayed and self._delayed[key][0] <= due:
            return
        self._delayed[key] = (due, self._active.get(key, Lane.LIVE))
        heapq.heappush(self._alarms, (due, key))
        if len(self._alarms) > 2 * len(self._delayed) + SPARE_ALARMS:
            self._alarms = [(due, key) for key, (due, _) in self._delayed.items()]
            heapq.heapify(self._alarms)
        self._announce()

    def retry(self, key: contract.Key) -> float:
        """The key failed and is due after a random part of a doubling backoff (full jitter); its seconds."""
        self._meter.retried()
        doublings = min(self._failures[key], 32)
        self._failures[key] += 1
        ceiling = min(self._waits.backoff_last, self._waits.backoff_first * 2.0**doublings)
        seconds = self._random() * ceiling
        self.rest(key, seconds)
        self.add_after(key, seconds)
        return seconds

    def park(self, key: contract.Key) -> None:
        """The key failed and is due after `Waits.slow_retry`; no sweep brings it back sooner."""
        self._meter.retried()
        self._failures[key] += 1
        self.rest(key, self._waits.slow_retry)
        self.add_after(key, self._waits.slow_retry)

    def rest(self, key: contract.Key, seconds: float) -> None:
        """The key failed: for so long only news is a reason to try it again. It is not made due by this."""
        self._resting[key] = self._clock() + seconds

    def rest_left(self, key: contract.Key) -> float:
        """Seconds by which the key was taken before the time that its last failure set; 0 when it is due."""
        return max(self._resting.get(key, 0.0) - self._clock() - TICK, 0.0)

    def failures(self, key: contract.Key) -> int:
        """Failures in a row since the key was last forgotten."""
        return self._failures[key]

    def forget(self, key: contract.Key) -> int:
        """The key starts from the first backoff again; how many failures were forgotten."""
        self._resting.pop(key, None)
        return self._failures.pop(key, 0)

    async def get(self) -> contract.Key:
        """A key that is due now and belongs to the caller until `done`; waits for one."""
        await anyio.lowlevel.checkpoint()
        while (key := self.take()) is None:
            news = self._news
            until = self._alarms[0][0] - self._clock() if self._alarms else float("inf")
            with anyio.move_on_after(until):
                await news.wait()
        return key

    def take(self) -> contract.Key | None:
        """What `get` would return at once, or None."""
        self._ripen()
        lane = self._next_lane()
        if lane is None:
            return None
        self._taken = (self._taken + 1) % SWEEP_TURN
        by_rank = self._taken and self._is_scarce()
        key, since = self._ready[lane].take(self._rank_of if by_rank else None)
        self._active[key] = lane
        self._meter.taken(key, lane, since)
        return key

    def done(self, key: contract.Key) -> None:
        """The run ended; what was added meanwhile is due now."""
        del self._active[key]
        self._meter.done(key)
        lane = self._touched.pop(key, None)
        if lane is not None:
            self.add(key, lane)

    def _next_lane(self) -> Lane | None:
        if len(self._ready[Lane.URGENT]):
            return Lane.URGENT
        live, sweep = (len(self._ready[lane]) for lane in (Lane.LIVE, Lane.SWEEP))
        if live and sweep:
            self._contended = (self._contended + 1) % SWEEP_TURN
            return Lane.LIVE if self._contended else Lane.SWEEP
        return Lane.LIVE if live else Lane.SWEEP if sweep else None

    def _make_ready(self, key: contract.Key, lane: Lane, since: float) -> None:
        lane = Lane.URGENT if self._is_urgent(key) else lane
        order = list(Lane)
        held = next((other for other in order if key in self._ready[other]), None)
        if held is None:
            self._meter.added(lane)
        elif order.index(held) <= order.index(lane):
            return
        else:
            since = self._ready[held].remove(key)
        self._ready[lane].put(key, self._group_of(key), since)
        self._announce()

    def _ripen(self) -> None:
        """Move every delayed key whose time has come; alarms of withdrawn delays are passed over."""
        now = self._clock() + TICK
        while self._alarms and self._alarms[0][0] <= now:
            due, key = heapq.heappop(self._alarms)
            if key in self._delayed and self._delayed[key][0] == due:
                _, lane = self._delayed.pop(key)
                self.add(key, lane)

    def _announce(self) -> None:
        self._news.set()
        self._news = anyio.Event()


class _Turns:
    """One lane: groups take turns, and within a group the first key in is the first out."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, OrderedDict[contract.Key, float]] = OrderedDict()
        self._group: dict[contract.Key, str] = {}

    def __len__(self) -> int:
        return len(self._group)

    def __contains__(self, key: contract.Key) -> bool:
        return key in self._group

    def oldest(self) -> float:
        return min(since for keys in self._groups.values() for since in keys.values())

    def put(self, key: contract.Key, group: str, since: float) -> None:
        self._group[key] = group
        self._groups.setdefault(group, OrderedDict())[key] = since

    def remove(self, key: contract.Key) -> float:
        group = self._group.pop(key)
        since = self._groups[group].pop(key)
        if not self._groups[group]:
            del self._groups[group]
        return since

    def take(self, rank_of: Callable[[str], int] | None = None) -> tuple[contract.Key, float]:
        group = next(iter(self._groups)) if rank_of is None else max(self._groups, key=rank_of)
        keys = self._groups[group]
        self._groups.move_to_end(group)
        key = next(iter(keys))
        return key, self.remove(key)
