"""PocketBase's stream of changes, kept alive for ever: a doorbell, not a log.

PocketBase 0.40.6 delivers at most once, unordered, without replay or keep-alive, ends every stream after
5 idle or 30 busy minutes with a clean end, and turns a stream deaf without a word when the account's
password changes. So: every connect is a `Gap`, events carry names only, and the engine calls `reconnect`
when its heartbeat does not come back.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import TypeVar

import anyio
import httpx
import httpx_sse
import structlog
from pydantic import BaseModel, Field, ValidationError

from listener import contract, errors
from listener.pocketbase import lease
from listener.pocketbase.session import Session

CONNECTED = "feed.connected"
LOST = "feed.lost"
REFUSED = "feed.refused"

ADDRESS = "/api/realtime"
ENDED = "ended by PocketBase"

OPEN_SECONDS = 20.0
"""From connecting to subscribed, the proof of identity included."""
SILENCE_SECONDS = 330.0
"""PocketBase itself ends an idle stream after 300 s; a longer silence is a dead line."""
TIMEOUTS = httpx.Timeout(connect=5.0, read=SILENCE_SECONDS, write=10.0, pool=10.0)
BACKOFF_FIRST = 0.2
BACKOFF_LAST = 15.0
STEADY_SECONDS = 5.0
"""A stream that lived so long, or brought an event, begins the backoff anew."""

Event = contract.Change | contract.Gap | contract.Pulse

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_Messages = AsyncGenerator[httpx_sse.ServerSentEvent, None]

log = structlog.get_logger()


class _Hello(BaseModel):
    client_id: str = Field(alias="clientId")


class _Record(BaseModel):
    id: str
    tenant_id: object = ""
    """Only a hint, of whatever type: an event is never lost for it."""


class _News(BaseModel):
    action: str
    record: _Record


class _LeaseRow(BaseModel):
    fence: int
    holder: str


class _LeaseNews(BaseModel):
    record: _LeaseRow


class _LostError(Exception):
    """The stream is over; the text says why."""


class Realtime:
    """A `contract.Feed` over `topics` (`collection/*`), which reconnects by itself and never gives up.

    `http` is for this stream only and has room for two connections, the stream's and the subscribe's, which
    must come from one address (PocketBase 0.38.2 and later compare them).
    """

    def __init__(self, *, http: httpx.AsyncClient, session: Session, topics: Sequence[str]) -> None:
        self._http = http
        self._session = session
        self._topics = list(topics)
        self._scope: anyio.CancelScope | None = None
        self._asked = ""
        self._outage = ""

    async def events(self) -> AsyncGenerator[Event, None]:
        """Changes as they come, a `Gap` after each subscribe, a `Pulse` for each event of the lease.

        Never ends and never raises. Iterate inside `contextlib.aclosing`, and only hand the events on:
        the connection is closed when the generator is, and what is not read waits in PocketBase's memory.
        """
        failures = 0
        reason = "first connect"
        while True:
            began = anyio.current_time()
            delivered = False
            try:
                async with aclosing(self._stream(reason)) as stream:
                    async for event in stream:
                        delivered = delivered or not isinstance(event, contract.Gap)
                        yield event
            except (_LostError, errors.ListenerError, httpx.HTTPError, httpx_sse.SSEError) as error:
                reason = _reason(error)
                self._note(error, reason)
            if delivered or anyio.current_time() - began > STEADY_SECONDS:
                failures = 0
            await anyio.sleep(_backoff(failures))
            failures += 1

    def reconnect(self, reason: str) -> None:
        """The present connection is given up at once, even inside a read that would block for minutes."""
        self._asked = reason
        if self._scope is not None:
            self._scope.cancel()

    async def _stream(self, reason: str) -> AsyncGenerator[Event, None]:
        self._asked = ""
        async with AsyncExitStack() as stack:
            messages = await self._within_reach(self._open(stack), seconds=OPEN_SECONDS)
            log.info(CONNECTED, reason=reason)
            self._outage = ""
            yield contract.Gap(reason)
            while True:
                message = await self._within_reach(anext(messages, None))
                if message is None:
                    raise _LostError(ENDED)
                event = _event(message)
                if event is not None:
                    yield event

    async def _open(self, stack: AsyncExitStack) -> _Messages:
        """The messages of a stream that is subscribed with a token proven just now."""
        source = await stack.enter_async_context(
            httpx_sse.aconnect_sse(
                self._http, "GET", ADDRESS, headers={"Accept-Encoding": "identity"}, timeout=TIMEOUTS
            )
        )
        if source.response.status_code != 200:
            raise _LostError(f"HTTP {source.response.status_code} on connect")
        messages = source.aiter_sse()
        stack.push_async_callback(messages.aclose)
        hello = await anext(messages, None)
        if hello is None:
            raise _LostError(ENDED)
        await self._session.prove()
        answer = await self._http.post(
            ADDRESS,
            json={"clientId": _parsed(_Hello, hello).client_id, "subscriptions": self._topics},
            headers=await self._session.headers(),
        )
        if answer.status_code != 204:
            raise _LostError(f"HTTP {answer.status_code} on subscribe")
        return messages

    async def _within_reach(self, work: Awaitable[T], *, seconds: float = math.inf) -> T:
        """The result of `work`, unless `reconnect` is called or the time is up before."""
        with anyio.CancelScope(deadline=anyio.current_time() + seconds) as self._scope:
            if self._asked:
                self._scope.cancel()
            return await work
        raise _LostError(self._asked or f"not subscribed within {seconds:.0f} s")

    def _note(self, error: Exception, reason: str) -> None:
        """An outage is told once, and once more what PocketBase holds against us."""
        if not self._outage:
            (log.info if reason == ENDED else log.warning)(LOST, reason=reason)
            self._outage = LOST
        if isinstance(error, errors.Global) and self._outage != error.code:
            log.error(REFUSED, code=error.code, what=error.what, why=error.why, fix=error.fix)
            self._outage = error.code


def _event(message: httpx_sse.ServerSentEvent) -> Event | None:
    collection, _, rest = message.event.partition("/")
    if rest != "*":
        return None
    if collection == lease.COLLECTION:
        row = _parsed(_LeaseNews, message).record
        return contract.Pulse(fence=row.fence, holder=row.holder)
    news = _parsed(_News, message)
    record = news.record
    key, group = contract.Key(collection, record.id), str(record.tenant_id or "")
    return contract.Change(key, deleted=news.action == "delete", group=group)


def _parsed(model: type[M], message: httpx_sse.ServerSentEvent) -> M:
    try:
        return model.model_validate_json(message.data)
    except ValidationError as error:
        raise _LostError(f"unreadable message {message.event!r}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, errors.ListenerError):
        return error.code
    return str(error) if isinstance(error, _LostError) else type(error).__name__


def _backoff(failures: int) -> float:
    ceiling = min(BACKOFF_LAST, BACKOFF_FIRST * 2 ** min(failures, 10))
    return random.uniform(0, ceiling)  # noqa: S311 - jitter, not a secret
