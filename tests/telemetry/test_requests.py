"""Requests to the upstreams, as they are counted: every one, answered or not."""

from __future__ import annotations

import math
from functools import partial

import anyio
import httpx
import pytest

from listener import errors, transport, upstreams
from listener.coolify.budget import Budget
from listener.sandbox import world
from listener.telemetry import endpoint
from listener.telemetry.metrics import Metrics


def counting(metrics: Metrics, port: int) -> httpx.AsyncClient:
    """A client whose requests count as PocketBase's."""
    counted = partial(upstreams._count, metrics, upstreams.Skew(), "pocketbase")
    return transport.client(f"http://127.0.0.1:{port}", counted=counted)


def counts(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """By label values in the order of their names, what was counted."""
    found = {}
    for sample in next(iter(getattr(metrics, name).collect())).samples:
        if sample.name.endswith(("_total", "_count")):
            found[tuple(sample.labels[label] for label in sorted(sample.labels))] = sample.value
    return found


async def test_an_answer_is_counted_by_its_code_and_timed() -> None:
    metrics = Metrics()
    pages = endpoint.app(
        metrics=Metrics(), alive=lambda: False, readiness=lambda: endpoint.Readiness("leader")
    )
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(partial(endpoint.serve, pages, host="127.0.0.1", port=0))
        async with counting(metrics, port) as http:
            for path in ("/readyz", "/readyz", "/healthz"):
                await http.get(path)
            await http.post("/readyz")
        tasks.cancel_scope.cancel()
    assert counts(metrics, "rest_client_requests_total") == {
        ("200", "GET", "pocketbase"): 2,
        ("503", "GET", "pocketbase"): 1,
        ("405", "POST", "pocketbase"): 1,
    }
    assert counts(metrics, "rest_client_request_duration_seconds") == {
        ("GET", "pocketbase"): 3,
        ("POST", "pocketbase"): 1,
    }


async def test_a_request_without_an_answer_is_counted_each_time_it_is_tried() -> None:
    metrics = Metrics()
    async with counting(metrics, world.free_port()) as http:
        with pytest.raises(errors.UpstreamUnavailable):
            await transport.send(http, "GET", "/", upstream="POCKETBASE", safe=True)
    assert counts(metrics, "rest_client_requests_total") == {
        ("<error>", "GET", "pocketbase"): transport.SAFE_ATTEMPTS
    }


def test_the_budget_is_unknown_until_coolify_told_it() -> None:
    metrics, now = Metrics(), [0.0]
    budget = Budget(clock=lambda: now[0])
    upstreams._expose(metrics, budget)
    told = metrics.registry.get_sample_value
    assert math.isnan(told("cloudfreedom_coolify_budget_remaining") or 0.0)
    budget.told({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "150"})
    assert told("cloudfreedom_coolify_budget_limit") == 200
    assert told("cloudfreedom_coolify_budget_remaining") == budget.remaining
    assert told("cloudfreedom_coolify_budget_wait_seconds") == 0
    budget.refused({"retry-after": "30"})
    assert told("cloudfreedom_coolify_budget_remaining") == 0
    now[0] = 10.0
    assert told("cloudfreedom_coolify_budget_wait_seconds") == 20
