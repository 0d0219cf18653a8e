"""Every metric of the listener, one line each. Labels are few words: never an id of a record."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

RUN_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
SWEEP_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds."""


class Metrics:
    """One registry of its own per listener. Names begin with `cloudfreedom_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs_total = self._counter("runs_total", "Runs of a key, by outcome", "collection", "outcome")
        self.run_seconds = self._histogram("run_seconds", "Time a run took", RUN_BUCKETS, "collection")
        self.queue_depth = self._gauge("queue_depth", "Keys that wait: live, sweep, delayed", "lane")
        self.queue_oldest_seconds = self._gauge("queue_oldest_seconds", "Wait of the oldest key that is due")
        self.sweeps_total = self._counter("sweeps_total", "Sweeps, by outcome: done, failed", "outcome")
        self.sweep_seconds = self._histogram("sweep_seconds", "Time a sweep took", SWEEP_BUCKETS)
        self.feed_connects_total = self._counter("feed_connects_total", "Subscribed connections of the feed")
        self.lease_held = self._gauge("lease_held", "1 while this process may act")
        self.lease_fence = self._gauge("lease_fence", "Fence of the lease as last seen")
        self.breaker_open = self._gauge("breaker_open", "1 while a failure stops everything")
        self.coolify_requests_total = self._counter(
            "coolify_requests_total", "Answers of Coolify, by HTTP status", "method", "status"
        )
        self.coolify_budget_remaining = self._gauge(
            "coolify_budget_remaining", "Calls that Coolify's rate limit leaves"
        )
        self.pocketbase_batches_total = self._counter(
            "pocketbase_batches_total", "Batches answered by PocketBase, by HTTP status", "status"
        )

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"cloudfreedom_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"cloudfreedom_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"cloudfreedom_{name}", about, labels, buckets=buckets, registry=self.registry)
