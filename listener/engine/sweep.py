"""The level source: lists are compared at every gap and every few minutes, so no missed event matters."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import structlog

from listener import contract
from listener.telemetry.metrics import Metrics

from .attempt import attempt, is_bug
from .gate import Gate
from .queue import Lane, Queue

SWEEP_DEADLINE = 600.0
"""Seconds after which one handler's sweep is cut and counts as a transient failure."""

BACKOFF_FIRST = 1.0
BACKOFF_LAST = 60.0
"""Seconds before a failed sweep is made again: doubling between these two."""

log = structlog.get_logger()


class Sweeper:
    """Sweeps when it is asked to, every `Waits.resync` seconds otherwise; requests that wait are one."""

    def __init__(
        self,
        *,
        handlers: Mapping[str, contract.Handler],
        queue: Queue,
        gate: Gate,
        waits: contract.Waits,
        metrics: Metrics,
    ) -> None:
        self._handlers = handlers
        self._queue = queue
        self._gate = gate
        self._waits = waits
        self._metrics = metrics
        self._requested = anyio.Event()
        self._failures = 0
        self._swept = float("-inf")

    def request(self, reason: str) -> None:
        """A whole sweep begins after this call, as soon as a running one has ended."""
        log.info("sweep.requested", reason=reason)
        self._requested.set()

    def is_fresh(self) -> bool:
        """The last sweep without an error ended less than two `Waits.resync` ago."""
        return self.age() < 2 * self._waits.resync

    def age(self) -> float:
        """Seconds since the last sweep without an error ended; infinite before the first."""
        return anyio.current_time() - self._swept

    async def run(self) -> None:
        """The first sweep follows the first request: the feed's first `Gap` means that nothing is missed."""
        while True:
            with anyio.move_on_after(self._rest()):
                await self._requested.wait()
            await self._gate.wait_to_begin()
            self._requested = anyio.Event()
            await self._sweep()

    def _rest(self) -> float:
        if not self._failures:
            return self._waits.resync
        return min(BACKOFF_LAST, BACKOFF_FIRST * 2.0 ** min(self._failures - 1, 32))

    async def _sweep(self) -> None:
        """Every handler's differences are on the sweep lane; the failure of one does not stop the others."""
        began = anyio.current_time()
        answers = [await self._ask(handler) for handler in self._handlers.values()]
        whole = all(answers)
        self._failures = 0 if whole else self._failures + 1
        if whole:
            self._swept = anyio.current_time()
        self._metrics.sweeps_total.labels("done" if whole else "failed").inc()
        self._metrics.sweep_seconds.observe(anyio.current_time() - began)

    async def _ask(self, handler: contract.Handler) -> bool:
        found = await attempt(handler.sweep, seconds=SWEEP_DEADLINE)
        if not isinstance(found, Exception):
            for key in found:
                self._queue.add(key, Lane.SWEEP)
            return True
        if not self._failures or is_bug(found):
            exc_info = found if is_bug(found) else None
            log.warning("sweep.failed", collection=handler.collection, error=str(found), exc_info=exc_info)
        self._gate.stand_back(found)
        return False
