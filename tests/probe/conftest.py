"""A Traefik with TLS, one without, and a probe that trusts its authority; blocking is an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from blockbuster import blockbuster_ctx

from listener.probe.probe import SECONDS, Probe

from .authority import Authority
from .traefik import Traefik, serving

# looptime 0.9 asks the policy for a loop before each test, plain ones too; on Python 3.11 the first such
# question makes a loop that nobody closes, unless one was ever set.
asyncio.set_event_loop(None)


def now() -> float:
    """Seconds on the loop's clock."""
    return asyncio.get_running_loop().time()


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx("listener"):
        yield


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests: keys cost time."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def probe(authority: Authority) -> Probe:
    """As the product makes it, but for whom it trusts."""
    return Probe(clock=now, trust=authority.trust(), seconds=SECONDS)


@pytest_asyncio.fixture(loop_scope="function")
async def traefik(authority: Authority) -> AsyncIterator[Traefik]:
    """With TLS."""
    async with serving(Traefik(authority, is_tls=True)) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="function")
async def plain(authority: Authority) -> AsyncIterator[Traefik]:
    """Without TLS."""
    async with serving(Traefik(authority, is_tls=False)) as it:
        yield it
