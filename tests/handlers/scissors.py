"""Cuts a run off before or after one of its effects, on either upstream, and hears what it wrote."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal

import anyio
import anyio.lowlevel
import httpx

from listener import contract

QUIET = ("/auth-refresh", "/auth-with-password")
"""Requests that change nothing although they are POST."""
RECORD = re.compile(r"/api/collections/(tenants|agent_stacks)/records/(\w+)")

Kind = Literal["crash", "cancel"]
"""The process is gone, or only the run (a deadline, a drain) and memory stays."""


class Crash(BaseException):
    """The process is gone: no error handling of the listener sees this."""


@dataclass
class Scissors:
    """Counts the effects asked for by the listener; the one numbered `at` is cut."""

    at: int | None = None
    """Counted from 0; None cuts nothing."""
    after: bool = False
    """The effect happens before the cut."""
    kind: Kind = "crash"
    scope: anyio.CancelScope | None = None
    """The present run."""
    effects: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    """Paths that were read."""
    echoes: set[contract.Key] = field(default_factory=set)
    """Records that were written and come back as events."""

    def set(self, at: int | None, *, after: bool = False, kind: Kind = "crash") -> None:
        """Counting begins anew."""
        self.at, self.after, self.kind = at, after, kind
        self.effects.clear()
        self.reads.clear()

    @property
    def has_cut(self) -> bool:
        """The effect to cut was reached."""
        return self.at is not None and len(self.effects) > self.at

    def meets(self, request: httpx.Request) -> bool:
        """This request is an effect, and the one to cut."""
        if request.method == "GET":
            self.reads.append(request.url.path)
        if request.method == "GET" or request.url.path.endswith(QUIET):
            return False
        self.effects.append(f"{request.method} {request.url.path}")
        return len(self.effects) - 1 == self.at

    async def cut(self) -> None:
        """The run, or the process, ends here."""
        if self.kind == "cancel" and self.scope is not None:
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()
        raise Crash(self.effects[-1])

    def hear(self, request: httpx.Request) -> None:
        """The records that a batch wrote."""
        if request.url.path != "/api/batch":
            return
        for item in json.loads(request.content)["requests"]:
            if (found := RECORD.match(item["url"])) and item["method"] == "PATCH":
                self.echoes.add(contract.Key(found[1], found[2]))


class Blades(httpx.AsyncBaseTransport):
    """A transport with the scissors in it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, scissors: Scissors) -> None:
        self._inner = inner
        self._scissors = scissors

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, unless this is where it ends."""
        is_cut = self._scissors.meets(request)
        if is_cut and not self._scissors.after:
            await self._scissors.cut()
        answer = await self._inner.handle_async_request(request)
        if answer.status_code == 200:
            self._scissors.hear(request)
        if is_cut:
            await answer.aread()
            await answer.aclose()
            await self._scissors.cut()
        return answer

    async def aclose(self) -> None:
        """The inner transport is closed."""
        await self._inner.aclose()
