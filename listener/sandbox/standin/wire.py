"""The app: HTTP on the outside, `Door` on the inside, faults in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anyio
import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listener.sandbox.standin import answers, calls, door, faults

if TYPE_CHECKING:
    from listener.sandbox.standin.standin import StandIn

LABEL = (b"x-stand-in", b"cloudfreedom")
_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Labelled:
    """Puts the label on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), LABEL]
            await send(message)

        await self._app(scope, receive, labelled)


class _Dropped(Response):
    """Half an answer, then nothing: over HTTP the connection breaks, in process it is `httpx.ReadError`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise httpx.ReadError("the stand-in dropped the connection")


def app(standin: StandIn, entry: door.Door, controls: Sequence[Route]) -> Starlette:
    """Everything below `/_standin` is control, the rest is Coolify's."""

    async def serve(request: Request) -> Response:
        standin.time.tick()
        if standin.knobs.latency:
            await anyio.sleep(standin.knobs.latency)
            standin.time.tick()
        wire = door.Wire(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers=request.headers,
            body=await request.body(),
            address=request.client.host if request.client else "",
        )
        fault = standin.faults.take(wire.method, wire.path.removeprefix("/api/v1"))
        served = entry.serve(wire) if fault is None or fault.effect else entry.name(wire)
        response = _respond(served.answer, head=wire.method == "HEAD")
        if fault is not None:
            response = _spoiled(fault, response)
        _note(standin, wire, served, 0 if isinstance(response, _Dropped) else response.status_code)
        await anyio.sleep(fault.delay if fault else 0)
        return response

    return Starlette(
        routes=[
            Mount("/_standin", routes=list(controls)),
            Route("/{path:path}", serve, methods=list(_VERBS)),
        ],
        middleware=[Middleware(_Labelled)],
    )


def _respond(answer: answers.Answer, *, head: bool) -> Response:
    if isinstance(answer.body, str):
        return Response(
            "" if head else answer.body, answer.status, answer.headers, "text/html; charset=utf-8"
        )
    if head:
        return Response("", answer.status, answer.headers, "application/json")
    return JSONResponse(answer.body, answer.status, answer.headers)


def _spoiled(fault: faults.Fault, response: Response) -> Response:
    if fault.reply is None:
        return response
    if fault.reply == "drop":
        return _Dropped()
    if fault.reply == "garbage":
        return Response(b'{"uuid":"abc', 200, None, "application/json")
    return Response(fault.body, fault.reply, fault.headers, "application/json")


def _note(standin: StandIn, wire: door.Wire, served: door.Served, status: int) -> None:
    fields: dict[str, Any] = {"path": wire.path, "status": status, "user": served.user, "keys": served.keys}
    standin.calls.add(calls.Call(wire.method, served.route, at=standin.time.now(), **fields))
