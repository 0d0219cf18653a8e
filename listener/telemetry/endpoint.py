"""`/healthz` (the process lives), `/readyz` (it does its part), `/metrics`."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import anyio
import uvicorn
from anyio.abc import TaskStatus
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .metrics import Metrics

DATE = 1.0
"""Seconds for which the date in the answers' headers is kept."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Leader or standby, and what is missing; ready when nothing is. Both by name, with a line on each."""

    role: str
    problems: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Reasons for which nothing has an effect just now. They are meant, or end by themselves."""
    now: Mapping[str, float | None] = field(default_factory=dict)
    """`heard_seconds` and `swept_seconds` ago (None = not yet), `waiting` keys, and the lease's `fence`."""


def app(*, metrics: Metrics, alive: Callable[[], bool], readiness: Callable[[], Readiness]) -> Starlette:
    """The three pages; 200 is yes, 503 is no, and the body says why."""

    async def healthz(_: Request) -> Response:
        lives = alive()
        return _page({"alive": lives}, good=lives)

    async def readyz(_: Request) -> Response:
        state = readiness()
        body = {
            "ready": not state.problems,
            "role": state.role,
            "problems": dict(state.problems),
            "withheld": dict(state.withheld),
            "now": dict(state.now),
        }
        return _page(body, good=not state.problems)

    async def scrape(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", scrape)])


def _page(body: Mapping[str, object], *, good: bool) -> Response:
    """JSON with a line for each thing that it says."""
    text = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
    return Response(text, media_type="application/json", status_code=200 if good else 503)


async def serve(
    pages: Starlette, *, host: str, port: int, task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serves until cancelled, then closes within a second. Started with the port (0 asks for a free one).

    Raises `OSError` when the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    config = uvicorn.Config(
        pages, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    with socket.create_server((host, port), family=family) as listening:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_exit, server, listening)
            task_status.started(listening.getsockname()[1])
            try:
                await anyio.sleep_forever()
            finally:
                server.leave()


async def _until_exit(server: _Server, listening: socket.socket) -> None:
    """Shielded: uvicorn closes its connections only when it ends by itself, which `leave` asks for."""
    with anyio.CancelScope(shield=True):
        await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Leaves signals to the engine, and looks once a second; uvicorn does ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = anyio.Event()

    def leave(self) -> None:
        """It ends by itself, at once."""
        self.should_exit = True
        self._leaving.set()

    async def main_loop(self) -> None:
        """Until `leave`; each look keeps the date of answers."""
        while not await self.on_tick(0):
            with anyio.move_on_after(DATE):
                await self._leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
