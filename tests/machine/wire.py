"""Both wires of the listener: what is seen on them, and what goes wrong there."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Seen = Callable[[httpx.Request, httpx.Response | None], None]
"""Told of each request before it is sent (without an answer), and once more with its true answer."""
REFUSED = {
    "status": 400,
    "message": "Batch transaction failed.",
    "data": {"requests": {"0": {"response": {"status": 400, "data": {"fence": {"code": "invalid"}}}}}},
}
"""As PocketBase 0.40.6 answers a batch whose first item is refused."""


@dataclass
class Fault:
    """The next `times` requests whose method and path match get this reply."""

    pattern: str
    reply: Any
    """A status, `drop` (the connection breaks) or `garbage` (200, half a JSON text)."""
    effect: bool
    times: int = 1

    def meets(self, request: httpx.Request) -> bool:
        """It is this request's turn to fail."""
        if self.times <= 0 or not re.search(self.pattern, f"{request.method} {request.url.path}"):
            return False
        self.times -= 1
        return True

    def answer(self) -> httpx.Response:
        """What is received in place of the true answer."""
        if self.reply == "drop":
            raise httpx.ReadError("the wire broke")
        if self.reply == "garbage":
            return httpx.Response(200, content=b'{"half')
        return httpx.Response(self.reply, json=REFUSED if self.reply == 400 else {"status": self.reply})


@dataclass
class Mood:
    """How the way to PocketBase is just now."""

    faults: list[Fault] = field(default_factory=list)
    is_guest: bool = False
    """The token is dead: PocketBase takes us for a guest."""

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.faults.clear()
        self.is_guest = False


class Tap(httpx.AsyncBaseTransport):
    """A transport that shows every request and its true answer, and spoils what is to be spoiled."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        seen: Seen,
        pause: Callable[[httpx.Request], Awaitable[None]],
        mood: Mood,
    ) -> None:
        self._inner = inner
        self._seen = seen
        self._pause = pause
        self._mood = mood

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, or what is left of it."""
        await self._pause(request)
        self._seen(request, None)
        if self._mood.is_guest:
            request.headers.pop("Authorization", None)
        fault = next((one for one in self._mood.faults if one.meets(request)), None)
        if fault is not None and not fault.effect:
            return fault.answer()
        answer = await self._inner.handle_async_request(request)
        if request.method != "GET":
            await answer.aread()
            self._seen(request, answer)
        return answer if fault is None else fault.answer()

    async def aclose(self) -> None:
        """The inner transport is closed."""
        await self._inner.aclose()


def items(request: httpx.Request) -> list[tuple[str, str, str, dict[str, Any]]]:
    """The writes of a batch: method, collection, id, body."""
    found = []
    for item in json.loads(request.content)["requests"]:
        path = item["url"].partition("?")[0].split("/")
        found.append(
            (item["method"], path[3], path[5] if len(path) > 5 else item["body"]["id"], item["body"])
        )
    return found
