"""Three pages over a real socket."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import httpx
import pytest

from listener.telemetry import endpoint
from listener.telemetry.metrics import Metrics

READY = endpoint.Readiness("leader", now={"heard_seconds": 0.5, "swept_seconds": None, "waiting": 0})


def yes() -> bool:
    return True


def ready() -> endpoint.Readiness:
    return READY


@asynccontextmanager
async def pages(
    alive: Callable[[], bool] = yes, readiness: Callable[[], endpoint.Readiness] = ready
) -> AsyncIterator[httpx.AsyncClient]:
    metrics = Metrics()
    metrics.lease_fence.set(12)
    app = endpoint.app(metrics=metrics, alive=alive, readiness=readiness)
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(partial(endpoint.serve, app, host="127.0.0.1", port=0))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield http
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(("alive", "status"), [(True, 200), (False, 503)], ids=["alive", "stuck"])
async def test_healthz_says_whether_the_workers_go_round(alive: bool, status: int) -> None:
    async with pages(alive=lambda: alive) as http:
        answer = await http.get("/healthz")
    assert (answer.status_code, answer.json()) == (status, {"alive": alive})


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (READY, 200),
        (endpoint.Readiness("standby"), 200),
        (endpoint.Readiness("leader", withheld={"observe_only": "it is set"}), 200),
        (endpoint.Readiness("leader", {"no fresh sweep": "not swept yet", "no live feed": "late"}), 503),
    ],
    ids=["leader", "standby", "observer", "incomplete"],
)
async def test_readyz_names_the_role_and_what_is_missing(state: endpoint.Readiness, status: int) -> None:
    async with pages(readiness=lambda: state) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == status
    assert answer.json() == {
        "ready": not state.problems,
        "role": state.role,
        "problems": dict(state.problems),
        "withheld": dict(state.withheld),
        "now": dict(state.now),
    }
    for name, line in {**state.problems, **state.withheld}.items():
        assert f'"{name}": "{line}"' in (text.strip(" ,") for text in answer.text.splitlines())


async def test_metrics_are_served_as_text() -> None:
    async with pages() as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "cloudfreedom_lease_fence 12.0" in answer.text


async def test_signals_stay_with_the_engine() -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with pages():
        assert signal.getsignal(signal.SIGTERM) is before


async def test_a_cancelled_server_closes_its_port() -> None:
    async with pages() as http:
        address = str(http.base_url)
        assert (await http.get("/healthz")).status_code == 200
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{address}/healthz")


async def test_a_taken_address_is_an_error_with_a_name() -> None:
    async with pages() as http:
        serve = endpoint.serve(
            endpoint.app(metrics=Metrics(), alive=yes, readiness=ready),
            host="127.0.0.1",
            port=int(http.base_url.port or 0),
        )
        with pytest.raises(OSError, match="in use"):
            await serve
