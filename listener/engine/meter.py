"""What the work queue counts of itself, in the terms of client-go's workqueue."""

from __future__ import annotations

from collections.abc import Callable

from listener import contract
from listener.telemetry.metrics import Metrics


class Meter:
    """Told of each step of a key through the queue; `clock` is the queue's, in seconds."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._taken: dict[contract.Key, float] = {}
        metrics.workqueue_unfinished_work_seconds.set_function(lambda: sum(self._ages()))
        metrics.workqueue_longest_running_processor_seconds.set_function(
            lambda: max(self._ages(), default=0.0)
        )

    def added(self, lane: str) -> None:
        """A key became due."""
        self._metrics.workqueue_adds_total.labels(lane).inc()

    def taken(self, key: contract.Key, lane: str, since: float) -> None:
        """A worker has the key, which was due `since`."""
        now = self._clock()
        self._taken[key] = now
        self._metrics.workqueue_queue_duration_seconds.labels(lane).observe(now - since)

    def done(self, key: contract.Key) -> None:
        """The worker gave the key back."""
        began = self._taken.pop(key)
        self._metrics.workqueue_work_duration_seconds.observe(self._clock() - began)

    def retried(self) -> None:
        """A key is put back because its run failed."""
        self._metrics.workqueue_retries_total.inc()

    def _ages(self) -> list[float]:
        now = self._clock()
        return [now - began for began in self._taken.values()]
