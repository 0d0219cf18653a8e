"""The door of the bridge: limits, who calls, and every failure as `{"error": …}` with a proper status."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from listener import errors
from listener.pocketbase import batch
from listener.pocketbase.client import PocketBase
from listener.portal.caller import Caller

PARALLEL = 20
"""Requests worked on at once; more wait for their turn, within `SECONDS`."""
SECONDS = 30.0
"""A request's whole time, waiting included."""
LONGEST_BODY = 64 * 1024
"""Bytes."""

Endpoint = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a proven caller."""

    database: PocketBase
    """PocketBase as the caller sees it."""
    user_id: str
    stack_id: str
    """Of the path; empty when the path names none."""
    body: bytes = field(repr=False)


class Door:
    """Lets in one caller at a time per place, and nobody whom PocketBase does not know."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._places = anyio.Semaphore(PARALLEL)

    def endpoint(self, answer: Callable[[Call], Awaitable[dict[str, Any]]]) -> Endpoint:
        """An endpoint that answers proven callers, within the limits, with this JSON."""

        async def answered(request: Request) -> Response:
            try:
                with anyio.fail_after(SECONDS):
                    async with self._places:
                        return _json(await answer(await self._call(request)))
            except TimeoutError:
                raise HTTPException(504, "This took too long. Try again.") from None

        return answered

    async def _call(self, request: Request) -> Call:
        caller = Caller(http=self._http, authorization=request.headers.get("authorization", ""))
        await caller.prove()
        return Call(
            PocketBase(http=self._http, session=caller),
            user_id=caller.user_id,
            stack_id=request.path_params.get("stack_id", ""),
            body=await _body(request),
        )


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"The request is longer than {LONGEST_BODY // 1024} KiB.")
    return body


async def _said(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, error.headers)


async def _left(_: Request, __: Exception) -> Response:
    return _json({"error": "The request is not complete."}, 400)


async def _failed(_: Request, error: Exception) -> Response:
    """What a failure upstream means for the caller; the operator reads why in the log."""
    assert isinstance(error, errors.ListenerError)
    match error:
        case batch.Refused(status=400):
            return _json({"error": f"This was refused: {error.why}."}, 400)
        case batch.Refused():
            return _json({"error": "You may not change this stack."}, 403)
        case errors.Throttled(after=after):
            headers = {"Retry-After": str(math.ceil(after))}
            return _json({"error": "Too many requests. Try again in a moment."}, 429, headers)
    log.warning("portal.failed", code=error.code, error=str(error))
    if isinstance(error, errors.Transient):
        return _json({"error": "The platform does not answer. Try again in a moment."}, 503)
    return _json({"error": "The platform cannot do this now. Its operator can see why."}, 502)


async def _broken(_: Request, __: Exception) -> Response:
    return _json({"error": "Something unexpected happened."}, 500)


HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _said,
    ClientDisconnect: _left,
    errors.ListenerError: _failed,
    Exception: _broken,
}
"""Kind of failure -> the answer to it."""


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Records hold secrets, so no cache keeps an answer."""
    return JSONResponse(content, status, headers={"Cache-Control": "no-store", **(headers or {})})
