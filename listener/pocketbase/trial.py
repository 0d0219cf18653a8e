"""One stream of PocketBase's, tried from outside: how far it comes, and when it ends. Nothing is written.

The same calls as `realtime`, without its patience: where that one tries again, this one tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import httpx
import httpx_sse

from listener.pocketbase import lease, realtime
from listener.pocketbase.session import Session

HELLO = "PB_CONNECT"
OPEN_SECONDS = 6.0
"""PocketBase sends its first message at once; what is later than this was held back on the way."""
OWN_END = 295.0
"""Seconds after which PocketBase itself ends a stream (300 idle, 1800 busy): an earlier end is another's."""


@dataclass(slots=True)
class Trial:
    """How one stream went. Times are seconds from connecting; infinite = it did not happen."""

    status: int = 0
    """Of the answer to the connect; 0 when none came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    hello: float = math.inf
    """PocketBase's first message, which comes without anything being asked."""
    subscribed: int = 0
    """Status of the answer to the subscribe."""
    pulse: float = math.inf
    """The first renewal of the lease that came back."""
    ended: float = math.inf
    """It was over before we left."""
    why: str = ""
    """What ended it, when that was no clean end."""


async def tried(http: httpx.AsyncClient, session: Session, *, wait: float, hold: float = 0.0) -> Trial:
    """A stream that was left with its first pulse, or `wait` seconds after subscribing; never before `hold`.

    Raises what `Session.headers` raises.
    """
    found, began = Trial(), anyio.current_time()
    with anyio.move_on_after(OPEN_SECONDS) as scope:
        try:
            await _followed(http, session, found, scope, wait=wait, hold=hold)
        except (httpx.HTTPError, httpx_sse.SSEError) as error:
            found.ended, found.why = anyio.current_time() - began, type(error).__name__
    return found


async def _followed(
    http: httpx.AsyncClient,
    session: Session,
    found: Trial,
    scope: anyio.CancelScope,
    *,
    wait: float,
    hold: float,
) -> None:
    began = since = anyio.current_time()
    asked = httpx_sse.aconnect_sse(
        http, "GET", realtime.ADDRESS, headers={"Accept-Encoding": "identity"}, timeout=realtime.TIMEOUTS
    )
    async with asked as source, aclosing(source.aiter_sse()) as messages:
        found.status, found.headers = source.response.status_code, source.response.headers
        if found.status != 200:
            return
        async for message in messages:
            if message.event == HELLO:
                found.hello = anyio.current_time() - began
                found.subscribed = await _subscribed(http, session, message)
                if found.subscribed != 204:
                    return
                since = anyio.current_time()
                scope.deadline = since + max(wait, hold)
            elif message.event.startswith(lease.COLLECTION):
                found.pulse = min(found.pulse, anyio.current_time() - began)
                scope.deadline = since + hold
        found.ended = anyio.current_time() - began


async def _subscribed(http: httpx.AsyncClient, session: Session, hello: httpx_sse.ServerSentEvent) -> int:
    """The answer's status; the topic is the lease, whose every renewal is an event."""
    body = {"clientId": hello.json().get("clientId"), "subscriptions": [f"{lease.COLLECTION}/*"]}
    answer = await http.post(realtime.ADDRESS, json=body, headers=await session.headers())
    return answer.status_code
