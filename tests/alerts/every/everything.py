"""Every case there is, and the place where one is played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from listener.compose import catalog as catalogs
from listener.sandbox import proxy as proxies
from tests.alerts.conftest import Receiver
from tests.alerts.every import of_domains, of_stacks, of_the_whole
from tests.alerts.every.case import Case
from tests.alerts.every.tower import Tower, manned
from tests.handlers import world as worlds
from tests.handlers.upstream import Upstream

CASES: Sequence[Case] = (*of_stacks.CASES, *of_domains.CASES, *of_the_whole.CASES)


@asynccontextmanager
async def place(
    upstream: Upstream, catalog: catalogs.Catalog, *, receiver: Receiver, folder: Path
) -> AsyncIterator[Tower]:
    """A tower over an empty world, whose listener reaches PocketBase through a proxy."""
    port = int(upstream.url.rpartition(":")[2])
    async with (
        upstream.administered() as admin,
        proxies.before(port) as proxy,
        worlds.made(proxy.url, admin, token=upstream.service_token, catalog=catalog) as world,
    ):
        await world.begin()
        async with manned(world, proxy=proxy, receiver=receiver, folder=folder) as tower:
            yield tower
