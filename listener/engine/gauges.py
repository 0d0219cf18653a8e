"""What the engine's parts say about themselves when they are scraped."""

from __future__ import annotations

from listener.telemetry.metrics import Metrics

from .gate import Gate
from .queue import Queue
from .sweep import Sweeper


def expose(metrics: Metrics, *, queue: Queue, gate: Gate, sweeper: Sweeper) -> None:
    """Queue, lease, gate and sweeper are read at each scrape, and never written to a gauge in between."""

    def refresh() -> None:
        depths = queue.depths()
        metrics.workqueue_delayed.set(depths.pop("delayed"))
        for lane, depth in depths.items():
            metrics.workqueue_depth.labels(lane).set(depth)
        metrics.withheld.clear()
        for reason in gate.reasons():
            metrics.withheld.labels(reason).set(1)

    metrics.on_scrape(refresh)
    metrics.workqueue_oldest_seconds.set_function(queue.oldest_age)
    metrics.leader_election_master_status.set_function(lambda: float(gate.lease.held()))
    metrics.lease_fence.set_function(lambda: gate.lease.fence)
    metrics.echo_overdue_seconds.set_function(gate.lease.deaf_for)
    metrics.breaker_open.set_function(lambda: float(gate.breaker.is_open))
    metrics.sweep_age_seconds.set_function(sweeper.age)
