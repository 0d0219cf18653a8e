"""Every metric of the listener, one line each. Labels are few words: never an id of a record.

What controller-runtime and client-go measure has their name after our prefix: workqueue, reconcile, leader
election, REST client (controller-runtime, `pkg/metrics` and `pkg/internal/controller/metrics/metrics.go`).
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

RUN_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
SWEEP_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
QUEUE_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
READY_BUCKETS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 450.0, 600.0)
"""Seconds."""

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """One registry of its own per listener. Names begin with `cloudfreedom_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._refreshes: list[Callable[[], None]] = []
        self._declare_queue()
        self._declare_reconciles()
        self._declare_sources()
        self._declare_upstreams()
        self._declare_stacks()
        self._declare_room()

    def on_scrape(self, refresh: Callable[[], None]) -> None:
        """`refresh` sets its gauges each time the metrics are asked for."""
        self._refreshes.append(refresh)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format, as of now."""
        for refresh in self._refreshes:
            refresh()
        return generate_latest(self.registry)

    def _declare_queue(self) -> None:
        self.workqueue_depth = self._gauge(
            "workqueue_depth", "Keys that are due and wait for a worker", "lane"
        )
        self.workqueue_delayed = self._gauge("workqueue_delayed", "Keys that are due at a later time")
        self.workqueue_oldest_seconds = self._gauge(
            "workqueue_oldest_seconds", "Wait of the key that has been due for longest"
        )
        self.workqueue_adds_total = self._counter("workqueue_adds_total", "Keys that became due", "lane")
        self.workqueue_queue_duration_seconds = self._histogram(
            "workqueue_queue_duration_seconds", "From due until taken by a worker", QUEUE_BUCKETS, "lane"
        )
        self.workqueue_work_duration_seconds = self._histogram(
            "workqueue_work_duration_seconds", "From taken by a worker until given back", RUN_BUCKETS
        )
        self.workqueue_retries_total = self._counter(
            "workqueue_retries_total", "Keys put back because their run failed"
        )
        self.workqueue_unfinished_work_seconds = self._gauge(
            "workqueue_unfinished_work_seconds", "Age of all running work together"
        )
        self.workqueue_longest_running_processor_seconds = self._gauge(
            "workqueue_longest_running_processor_seconds", "Age of the oldest running work"
        )

    def _declare_reconciles(self) -> None:
        self.reconcile_total = self._counter(
            "reconcile_total", "Runs of a key, by how they ended", "controller", "result"
        )
        self.reconcile_errors_total = self._counter(
            "reconcile_errors_total", "Runs that an error ended", "controller"
        )
        self.reconcile_time_seconds = self._histogram(
            "reconcile_time_seconds", "Time a run took", RUN_BUCKETS, "controller"
        )
        self.active_workers = self._gauge("active_workers", "Runs going on now", "controller")
        self.max_concurrent_reconciles = self._gauge(
            "max_concurrent_reconciles", "Workers, shared by all controllers"
        )

    def _declare_sources(self) -> None:
        self.leader_election_master_status = self._gauge(
            "leader_election_master_status", "1 while this process may act, 0 on standby"
        )
        self.lease_fence = self._gauge("lease_fence", "Fence of the lease as last seen")
        self.breaker_open = self._gauge("breaker_open", "1 while a failure stops everything")
        self.withheld = self._gauge("withheld", "1 while this is a reason against every effect", "reason")
        self.sweeps_total = self._counter("sweeps_total", "Sweeps, by outcome: done, failed", "outcome")
        self.sweep_seconds = self._histogram("sweep_seconds", "Time a sweep took", SWEEP_BUCKETS)
        self.sweep_age_seconds = self._gauge(
            "sweep_age_seconds", "Since the last whole sweep of PocketBase; +Inf before the first"
        )
        self.list_age_seconds = self._gauge(
            "list_age_seconds", "Since the last list of Coolify was asked for; +Inf before the first"
        )
        self.feed_connects_total = self._counter("feed_connects_total", "Subscribed connections of the feed")
        self.event_lag_seconds = self._histogram(
            "event_lag_seconds", "From sending a renewal of the lease to its echo on the stream", LAG_BUCKETS
        )
        self.echo_overdue_seconds = self._gauge(
            "echo_overdue_seconds", "For how long renewals of ours have not come back on the stream"
        )

    def _declare_upstreams(self) -> None:
        self.rest_client_requests_total = self._counter(
            "rest_client_requests_total",
            "Requests by HTTP status; code <error> = no answer came",
            *("upstream", "code", "method"),
        )
        self.rest_client_request_duration_seconds = self._histogram(
            "rest_client_request_duration_seconds", "Time a request took", RUN_BUCKETS, "upstream", "method"
        )
        self.coolify_budget_remaining = self._gauge(
            "coolify_budget_remaining", "Calls that Coolify's rate limit leaves; NaN until it told"
        )
        self.coolify_budget_limit = self._gauge(
            "coolify_budget_limit", "Calls that Coolify allows in a minute; NaN until it told"
        )
        self.coolify_budget_wait_seconds = self._gauge(
            "coolify_budget_wait_seconds", "Until the next call may be made"
        )
        self.build_info = self._gauge(
            "build_info",
            "1; versions of the listener, its data model, Python, and Coolify as last told",
            *("version", "schema", "python", "coolify_version"),
        )

    def _declare_stacks(self) -> None:
        self.stacks = self._gauge(
            "stacks", "Stacks by what their records show; told by the leader", "status", "health"
        )
        self.stacks_overdue = self._gauge(
            "stacks_overdue",
            "Stacks that were started, whose deadline is over, and that do not run; told by the leader",
        )
        self.stack_ready_seconds = self._histogram(
            "stack_ready_seconds",
            "Until a stack was seen running and not unhealthy: since=deploy from the start of each deploy, "
            "since=created from its record's creation, of the first deploy only",
            READY_BUCKETS,
            *("template", "since"),
        )
        self.tenant_ready_seconds = self._histogram(
            "tenant_ready_seconds",
            "From a tenant's creation until the first of its stacks was seen running",
            (*READY_BUCKETS, 3600.0, 86400.0),
        )
        self.orphans = self._gauge("orphans", "Services of ours without a record, known from their marker")
        self.brake_waiting = self._gauge("brake_waiting", "Stacks that the brake holds back now")
        self.brake_used = self._gauge("brake_used", "Braked effects begun within the last hour")
        self.brake_limit = self._gauge("brake_limit", "Braked effects that may begin within an hour")

    def _declare_room(self) -> None:
        room = ("server", "resource")
        self.server_total = self._gauge(
            "server_total", "What stacks may be promised: totals less reserves, times overcommit", *room
        )
        self.server_promised = self._gauge("server_promised", "What is promised to stacks", *room)
        self.server_free = self._gauge(
            "server_free", "What may still be promised; below 0 = too much is", *room
        )
        self.stacks_queued = self._gauge("stacks_queued", "Stacks in the line for room; told by the leader")
        self.disk_free_bytes = self._gauge(
            "disk_free_bytes",
            "Free disk of this host as measured; NaN without a report of the last two hours",
        )

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"cloudfreedom_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"cloudfreedom_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"cloudfreedom_{name}", about, labels, buckets=buckets, registry=self.registry)
