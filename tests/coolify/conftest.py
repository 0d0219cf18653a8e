"""A stand-in and a client for it, under one virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.sandbox.standin import standin

# looptime 0.9 asks the policy for a loop before each test, plain ones too; on Python 3.11 the first such
# question makes a loop that nobody closes, unless one was ever set.
asyncio.set_event_loop(None)


def now() -> float:
    """Seconds on the loop's virtual clock."""
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Rig:
    """Both ends of the wire."""

    standin: standin.StandIn
    coolify: Coolify

    @asynccontextmanager
    async def another(self, token: str) -> AsyncIterator[Coolify]:
        """A client with another token."""
        async with speaking(self.standin, token) as coolify:
            yield coolify

    def times(self, method: str, route: str) -> list[float]:
        """When calls came in, on the virtual clock."""
        return [call.at for call in self.standin.calls if (call.method, call.route) == (method, route)]


@asynccontextmanager
async def speaking(coolify: standin.StandIn, token: str) -> AsyncIterator[Coolify]:
    """A client in process."""
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(coolify.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://coolify.example", headers=headers
    ) as http:
        yield Coolify(http=http, budget=Budget(clock=now))


@pytest.fixture(autouse=True)
def _looptime(request: pytest.FixtureRequest) -> None:
    """Every test here runs under virtual time."""
    assert request.node.get_closest_marker("looptime") or "rig" not in request.fixturenames


@pytest_asyncio.fixture(loop_scope="function")
async def rig() -> AsyncIterator[Rig]:
    """A stand-in with one server and nothing on it."""
    coolify = standin.StandIn(clock=now)
    async with speaking(coolify, coolify.token) as client:
        yield Rig(coolify, client)
