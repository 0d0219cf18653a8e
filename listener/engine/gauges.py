"""What the engine's parts say about themselves when they are scraped."""

from __future__ import annotations

from functools import partial

from listener.telemetry.metrics import Metrics

from .gate import Gate
from .queue import Queue


def expose(metrics: Metrics, *, queue: Queue, gate: Gate) -> None:
    """Queue, lease and breaker are read at each scrape, and never written to a gauge in between."""
    for place in queue.depths():
        metrics.queue_depth.labels(place).set_function(partial(_depth, queue, place))
    metrics.queue_oldest_seconds.set_function(queue.oldest_age)
    metrics.lease_held.set_function(lambda: float(gate.lease.held()))
    metrics.lease_fence.set_function(lambda: gate.lease.fence)
    metrics.breaker_open.set_function(lambda: float(gate.breaker.is_open))


def _depth(queue: Queue, place: str) -> float:
    return queue.depths()[place]
