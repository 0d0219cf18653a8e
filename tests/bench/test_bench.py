"""What the figures rest on."""

from __future__ import annotations

import json
from functools import partial

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listener.sandbox import world
from listener.telemetry import endpoint
from tests.bench import measures, tally


def test_percentiles_are_values_that_were_measured() -> None:
    seconds = [number / 1000 for number in range(100, 0, -1)]
    assert measures.spread(seconds) == ("51.0", "96.0", "100.0", "100.0")
    assert measures.spread([0.002]) == ("2.0", "2.0", "2.0", "2.0")


@pytest.fixture
def echo() -> Starlette:
    """An app that answers with the body it got."""

    async def answer(request: Request) -> Response:
        return Response(await request.body())

    methods = ["GET", "POST", "PATCH"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


async def test_a_tally_counts_requests_by_path_without_ids_and_renewals_apart(echo: Starlette) -> None:
    port = world.free_port()
    async with anyio.create_task_group() as tasks, tally.before(port) as counter:
        await tasks.start(partial(endpoint.serve, echo, host="127.0.0.1", port=port))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{counter.port}") as http:
            item = {"method": "PATCH", "url": "/api/collections/listener_ledger/records/abc"}
            big = json.dumps({"requests": [item, {**item, "body": "x" * 200_000}]})
            assert (await http.post("/api/batch", content=big)).text == big
            await http.post("/api/batch", content='{"url": "/api/collections/listener_lease/records/main"}')
            await http.get("/api/collections/tenants/records/abcdefghij12345?expand=a")
        assert counter.renewals == 1
        assert counter.requests == {"POST /api/batch": 1, "GET /api/collections/tenants/records/{id}": 1}
        assert counter.writes == {"PATCH listener_ledger": 2}
        tasks.cancel_scope.cancel()
