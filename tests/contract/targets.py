"""The things that answer: the stand-in in process, and any Coolify over HTTP."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx

from listener.sandbox import standin
from tests.contract import cases, runner

SHARE = 0.8
"""Of a user's budget of requests a minute, at most this much is used."""
ABILITIES = {
    "readonly": ("read",),
    "write": ("write",),
    "deploy": ("deploy",),
    "sensitive": ("read", "read:sensitive"),
}


@asynccontextmanager
async def in_process() -> AsyncIterator[runner.Target]:
    """A new stand-in whose jobs wait until they are run; a pause runs them."""
    stand = standin.StandIn(turned=standin.Knobs(job_delay=3600.0))
    tokens = {"root": stand.token, "wrong": "9|fake-wrong"}
    for name, abilities in ABILITIES.items():
        tokens[name] = stand.world.add_token(f"2|fake-{name}", stand.user, abilities).text
    other = stand.world.add_user(stand.world.add_team("Other"))
    tokens["otherteam"] = stand.world.add_token("3|fake-otherteam", other).text
    member = stand.world.add_user(stand.team, role="member")
    tokens["member"] = stand.world.add_token("4|fake-member", member).text
    tokens["expired"] = stand.world.add_token("5|fake-expired", stand.user, expired=True).text
    two = stand.world.add_server(stand.team, "two-destinations", destinations=2)
    build = stand.world.add_server(stand.team, "build-server")
    build.build_server = True
    extra = {"two": two.uuid, "second": two.destinations[1].uuid, "build": build.uuid}

    async def control(step: cases.Step) -> None:
        stand.knobs.turn(step.turn)
        if step.run_jobs:
            await stand.run_jobs()
        if step.hand:
            stand.hand.act(**{"verb" if key == "do" else key: value for key, value in step.hand.items()})

    transport = httpx.ASGITransport(stand.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://standin") as http:
        yield runner.Target(http, stand.server.uuid, tokens, stand.run_jobs, control, extra, lasting=False)


class _Budgeted(httpx.AsyncBaseTransport):
    """Stays under the budget that the answers announce, and waits out a 429."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._sent: deque[float] = deque()
        self._limit = 200

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while True:
            await self._wait()
            answer = await self._inner.handle_async_request(request)
            self._limit = int(answer.headers.get("x-ratelimit-limit", self._limit))
            if answer.status_code != 429:
                return answer
            await answer.aclose()
            await anyio.sleep(float(answer.headers.get("retry-after", 60)))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _wait(self) -> None:
        now = time.monotonic()
        while self._sent and self._sent[0] < now - 60:
            self._sent.popleft()
        if len(self._sent) >= self._limit * SHARE:
            await anyio.sleep(self._sent[0] + 60 - now)
        self._sent.append(time.monotonic())


@asynccontextmanager
async def over_http(url: str, token: str, server: str, *, pause: float = 2.0) -> AsyncIterator[runner.Target]:
    """A Coolify at an address, with one token that has all abilities and one server."""

    async def wait() -> None:
        await anyio.sleep(pause)

    async with httpx.AsyncClient(transport=_Budgeted(), base_url=url, timeout=60.0) as http:
        yield runner.Target(http, server, {"root": token, "wrong": "9|fake-wrong"}, wait)
