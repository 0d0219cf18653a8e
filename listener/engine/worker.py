"""Workers: take a key, plan, pass the gate, apply; the outcome says when the key is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import anyio
import structlog

from listener import contract, errors
from listener.telemetry.metrics import Metrics

from .attempt import attempt, is_bug
from .gate import Gate
from .queue import Queue

RUN_DEADLINE = 120.0
"""Seconds after which a run is cut and counts as a transient failure."""

REPORT_DEADLINE = 30.0
"""Seconds that putting an error onto the record may take."""

IDLE_BEAT = 10.0
"""Seconds after which an idle worker shows that it still goes round."""

STUCK = RUN_DEADLINE + REPORT_DEADLINE + 3 * IDLE_BEAT
"""Seconds without a turn after which a worker counts as stuck."""

RESULTS = (
    *("settled", "again", "blocked", "parked", "withheld", "early"),
    *("transient", "terminal", "throttled", "global", "bug"),
)
"""How a run may end, in metrics; those of the second row are errors."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Withheld:
    """The plan has steps, and the gate is closed."""


@dataclass(frozen=True, slots=True)
class _TooEarly:
    """The run failed a moment ago, and nothing that it rests on has changed since."""


class Workers:
    """`count` loops over the queue. They stop by `stop()`, and no failure of a key ends one."""

    def __init__(
        self,
        *,
        queue: Queue,
        handlers: Mapping[str, contract.Handler],
        gate: Gate,
        waits: contract.Waits,
        metrics: Metrics,
        count: int,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._gate = gate
        self._waits = waits
        self._metrics = metrics
        self._count = count
        self._stop = anyio.Event()
        self._turns: dict[int, float] = {}
        self._idle: dict[int, anyio.CancelScope] = {}
        self._shown: dict[contract.Key, str] = {}
        self._tried: dict[contract.Key, str] = {}
        metrics.max_concurrent_reconciles.set(count)
        for collection in handlers:
            for result in RESULTS:
                metrics.reconcile_total.labels(collection, result)

    async def run(self) -> bool:
        """Works until `stop()`, then gives running work `Waits.drain` seconds; True if all of it ended."""
        async with anyio.create_task_group() as tasks:
            for worker in range(self._count):
                tasks.start_soon(self._work, worker)
            await self._stop.wait()
            tasks.cancel_scope.deadline = anyio.current_time() + self._waits.drain
        return not tasks.cancel_scope.cancel_called

    def stop(self) -> None:
        """No new run begins."""
        self._stop.set()
        for idle in self._idle.values():
            idle.cancel()

    def waiting(self) -> int:
        """Keys that are due and not looked at yet."""
        return sum(count for place, count in self._queue.depths().items() if place != "delayed")

    def progressing(self) -> bool:
        """No worker has been without a turn for `STUCK` seconds."""
        now = anyio.current_time()
        return all(now - turn < STUCK for turn in self._turns.values())

    async def _work(self, worker: int) -> None:
        while not self._stop.is_set():
            self._turns[worker] = anyio.current_time()
            key = None
            with anyio.move_on_after(IDLE_BEAT) as self._idle[worker]:
                await self._gate.wait_to_begin()
                key = await self._queue.get()
            if key is not None:
                await self._turn(key)
        del self._turns[worker]

    async def _turn(self, key: contract.Key) -> None:
        """One key's turn; it is given back whatever happens."""
        try:
            if self._gate.may_begin() and not self._stop.is_set():
                with structlog.contextvars.bound_contextvars(collection=key.collection, record=key.id):
                    await self._look_at(key)
            else:
                self._queue.add_after(key, 0.0)
        finally:
            self._queue.done(key)

    async def _look_at(self, key: contract.Key) -> None:
        handler = self._handlers.get(key.collection)
        if handler is None:
            log.warning("key.unknown")
            return
        began = anyio.current_time()
        with self._metrics.active_workers.labels(key.collection).track_inprogress():
            result = await attempt(lambda: self._pass(handler, key), seconds=RUN_DEADLINE)
            if isinstance(result, Exception):
                word = await self._failed(handler, key, result)
            else:
                word = self._ended(key, result)
        self._metrics.reconcile_total.labels(key.collection, word).inc()
        self._metrics.reconcile_errors_total.labels(key.collection).inc(isinstance(result, Exception))
        self._metrics.reconcile_time_seconds.labels(key.collection).observe(anyio.current_time() - began)

    async def _pass(
        self, handler: contract.Handler, key: contract.Key
    ) -> contract.Outcome | _Withheld | _TooEarly:
        """Plan, gate, apply."""
        plan = await handler.plan(key)
        if self._queue.rest_left(key) and plan.basis and plan.basis == self._tried.get(key):
            return _TooEarly()
        reasons = self._gate.reasons()
        if reasons:
            return self._withhold(plan, reasons)
        self._shown.pop(key, None)
        self._tried[key] = plan.basis
        outcome = await handler.apply(plan)
        if plan.steps:
            log.info("plan.applied", steps=len(plan.steps), reason=plan.reason)
        return outcome

    def _withhold(self, plan: contract.Plan, reasons: tuple[str, ...]) -> contract.Outcome | _Withheld:
        """Nothing is applied, the patch of an empty plan included; each plan is shown once."""
        if not plan.steps:
            return contract.Settled() if plan.again is None else contract.Again(plan.again)
        text = "\n".join(plan.lines())
        if self._shown.get(plan.key) != text:
            self._shown[plan.key] = text
            log.info("plan.withheld", reasons=reasons, steps=plan.lines(), reason=plan.reason)
        return _Withheld()

    def _ended(self, key: contract.Key, outcome: contract.Outcome | _Withheld | _TooEarly) -> str:
        """The queue knows what comes next for the key; the result's word for the metrics."""
        if isinstance(outcome, _TooEarly):
            self._queue.add_after(key, self._queue.rest_left(key))
            return "early"
        match outcome:
            case contract.Parked():
                self._queue.park(key)
                log.warning("run.parked", reason=outcome.reason)
            case contract.Settled() | contract.Again() | contract.Blocked() | _Withheld():
                self._tried.pop(key, None)
                if self._queue.forget(key):
                    log.info("run.recovered")
            case _:
                assert_never(outcome)
        if isinstance(outcome, contract.Again):
            self._queue.add_after(key, outcome.after)
        if isinstance(outcome, _Withheld):
            self._queue.add_after(key, self._waits.resync)
            return "withheld"
        for woken in outcome.wakes:
            self._queue.wake(woken, by=key)
        return type(outcome).__name__.lower()

    async def _failed(self, handler: contract.Handler, key: contract.Key, error: Exception) -> str:
        """The error is on the record where it belongs there, and the queue knows when to try again."""
        self._gate.stand_back(error)
        match error:
            case errors.Global():
                self._queue.add_after(key, self._waits.breaker_probe)
                return "global"
            case errors.Throttled():
                self._queue.add_after(key, error.after)
                return "throttled"
            case errors.Terminal():
                self._queue.forget(key)
                self._queue.rest(key, self._waits.resync)
                log.warning("run.refused", code=error.code, error=str(error))
                word = "terminal"
            case errors.ListenerError():
                if not self._queue.failures(key):
                    log.warning("run.failed", code=error.code, error=str(error))
                self._queue.retry(key)
                word = "transient"
            case _:
                self._queue.park(key)
                log.error("run.crashed", exc_info=error)
                word = "bug"
        await self._report(handler, key, error)
        return word

    async def _report(self, handler: contract.Handler, key: contract.Key, error: Exception) -> None:
        """A standby, and an observer, writes nothing; a report that failed is made again by a new run."""
        if self._gate.reasons():
            return
        failure = await attempt(lambda: handler.report(key, error), seconds=REPORT_DEADLINE)
        if failure is None:
            return
        log.warning("report.failed", error=str(failure), exc_info=failure if is_bug(failure) else None)
        self._gate.stand_back(failure)
        if not self._queue.failures(key):
            self._queue.retry(key)
