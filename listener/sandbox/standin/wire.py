"""The app: HTTP on the outside, `Door` on the inside, faults in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from listener.sandbox.standin import answers, calls, door, faults, timeline

if TYPE_CHECKING:
    from listener.sandbox.standin.standin import StandIn

LABEL = (b"x-stand-in", b"cloudfreedom")
_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Labelled:
    """Puts the label and the time on every answer."""

    def __init__(self, app: ASGIApp, time: timeline.Timeline) -> None:
        self._app = app
        self._time = time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", self._time.date().encode())
                message["headers"] = [*message.get("headers", ()), LABEL, date]
            await send(message)

        await self._app(scope, receive, labelled)


class _Broken(Response):
    """Half an answer, then nothing: over HTTP the connection breaks, in process it is `httpx.ReadError`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise httpx.ReadError("the stand-in dropped the connection")


class _Stalled(Response):
    """No answer; the request ends when the client gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        while (await receive())["type"] != "http.disconnect":
            pass


def app(standin: StandIn, entry: door.Door, controls: Sequence[Route]) -> Starlette:
    """Everything below `/_standin` is control, the rest is Coolify's."""

    async def serve(request: Request) -> Response:
        standin.time.tick()
        came = standin.time.now()
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
        if fault is not None and fault.lag and wire.method == "GET" and served.answer.status == 200:
            body = fault.aged(f"{served.user} {request.url}", served.answer.body, now=standin.time.now())
            served = replace(served, answer=replace(served.answer, body=body))
        response = _respond(served.answer, head=wire.method == "HEAD")
        if fault is not None:
            response = _spoiled(fault, response)
        status = 0 if isinstance(response, _Broken | _Stalled) else response.status_code
        _note(standin, wire, served, status, came)
        await anyio.sleep(fault.delay if fault else 0)
        return response

    return Starlette(
        routes=[
            Mount("/_standin", routes=list(controls)),
            Route("/{path:path}", serve, methods=list(_VERBS)),
        ],
        middleware=[Middleware(_Labelled, time=standin.time)],
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
        return _Broken(b"{}", 200, None, "application/json")
    if fault.reply == "half":
        return _Broken(response.body, response.status_code, response.headers)
    if fault.reply == "stall":
        return _Stalled()
    if fault.reply == "garbage":
        return Response(faults.GARBAGE, 200, None, "application/json")
    return Response(fault.body, fault.reply, fault.headers, "application/json")


def _note(standin: StandIn, wire: door.Wire, served: door.Served, status: int, came: float) -> None:
    fields: dict[str, Any] = {"path": wire.path, "status": status, "user": served.user, "keys": served.keys}
    fields["came"] = came
    standin.calls.add(calls.Call(wire.method, served.route, at=standin.time.now(), **fields))
