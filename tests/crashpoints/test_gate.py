"""What the proof rests on: the gate carries out what it says, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.crashpoints import gate as gates
from tests.crashpoints.gate import Fate, Gate
from tests.crashpoints.place import Knife

BATCH = b'{"requests": [{"method": "PATCH", "url": "/api/collections/agent_stacks/records/abc"}]}'
RENEWAL = BATCH.replace(b"agent_stacks", b"listener_lease")


class Echo:
    """An app that answers with what it got, and remembers it."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        self.got.append(f"{request.method} {request.url.path}")
        return Response(await request.body())


@asynccontextmanager
async def _served() -> AsyncIterator[tuple[Echo, Gate]]:
    """An app, and a gate before it."""
    echo, port = Echo(), world.free_port()
    async with anyio.create_task_group() as tasks, gates.before(port, upstream="Echo") as gate:
        await tasks.start(partial(endpoint.serve, echo.app, host="127.0.0.1", port=port))
        yield echo, gate
        tasks.cancel_scope.cancel()


async def test_whole_requests_and_answers_pass() -> None:
    async with _served() as (echo, gate), httpx.AsyncClient(base_url=gate.url) as http:
        big = "x" * 200_000
        assert (await http.post("/one", content=big)).text == big
        assert (await http.get("/two")).status_code == 200
    assert echo.got == ["POST /one", "GET /two"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_cut_request_is_carried_out_or_not_and_never_answered(after: bool) -> None:
    kills: list[int] = []
    async with _served() as (echo, gate), httpx.AsyncClient(base_url=gate.url) as http:
        knife = Knife(lambda: kills.append(len(echo.got)))
        gate.judge = knife.judge
        knife.set(lambda seen: len(seen) == 2, after=after)
        for path in ("/looked", "/first"):
            await (http.get(path) if path == "/looked" else http.post(path))
        with pytest.raises(httpx.TransportError):
            await http.post("/second")
    carried_out = ["GET /looked", "POST /first", "POST /second"][: 2 + after]
    assert (echo.got, kills, knife.has_cut.is_set()) == (carried_out, [len(carried_out)], True)


async def test_a_refused_request_is_answered_and_not_carried_out() -> None:
    async with _served() as (echo, gate), httpx.AsyncClient(base_url=gate.url) as http:
        gate.judge = lambda _: Fate(forwarded=False, reply=b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
        assert [(await http.post("/one")).status_code for _ in range(2)] == [503, 503]
    assert echo.got == []


@pytest.mark.parametrize(
    ("method", "path", "body", "is_effect"),
    [
        ("GET", "/api/v1/services", b"", False),
        ("POST", "/api/collections/listeners/auth-refresh", b"", False),
        ("POST", "/api/batch", RENEWAL, False),
        ("POST", "/api/batch", BATCH, True),
        ("DELETE", "/api/v1/services/x", b"", True),
    ],
    ids=["read", "login", "renewal", "batch", "delete"],
)
def test_an_effect_is_no_read_no_login_and_no_renewal(
    method: str, path: str, body: bytes, is_effect: bool
) -> None:
    assert gates.Request("X", method, path, body).is_effect is is_effect


def test_a_point_is_named_without_ids_and_with_what_a_batch_writes() -> None:
    assert str(gates.Request("PocketBase", "POST", "/api/batch", BATCH)) == (
        "PocketBase POST /api/batch (PATCH agent_stacks)"
    )
    path = "/api/v1/services/abcdefghijklmnopqrstuvwx/stop?docker_cleanup=0"
    assert str(gates.Request("Coolify", "POST", path, b"")) == "Coolify POST /api/v1/services/{id}/stop"
