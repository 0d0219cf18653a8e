"""The world, ready for a stack; nothing here waits in real time."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.from_thread
import pytest
import pytest_asyncio
import stamina

from listener.compose import catalog as catalogs
from listener.sandbox import pocketbase
from tests.dns.nameserver import serving
from tests.fixtures import Database, database, prepared_database
from tests.handlers import world as worlds
from tests.handlers.named import Named
from tests.handlers.upstream import Upstream

__all__ = ["database", "prepared_database"]

# httpcore 1.0 imports it at every request; where it is not installed, the search is a fifth of the time here.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries of safe requests follow at once."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture(scope="session")
def catalog() -> catalogs.Catalog:
    """The templates beside these tests, under slugs that the data model knows."""
    return catalogs.Catalog.load(worlds.TEMPLATES)


@pytest.fixture(scope="session")
def upstream(prepared_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """One PocketBase for every test of this folder; each begins with an empty one."""
    folder = tmp_path_factory.mktemp("handlers") / "pocketbase"
    shutil.copytree(prepared_database, folder)
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(pocketbase.running(folder)) as server,
    ):
        yield portal.call(Upstream.of, server)


@asynccontextmanager
async def fresh(upstream: Upstream, catalog: catalogs.Catalog) -> AsyncIterator[worlds.World]:
    """A listener that has swept once; one active tenant without stacks."""
    async with (
        upstream.administered() as admin,
        worlds.made(upstream.url, admin, token=upstream.service_token, catalog=catalog) as made,
    ):
        await made.begin()
        yield made


@pytest_asyncio.fixture(loop_scope="function")
async def world(upstream: Upstream, catalog: catalogs.Catalog) -> AsyncIterator[worlds.World]:
    """A world on the shared PocketBase: rows may be changed at will, collections may not."""
    async with fresh(upstream, catalog) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="function")
async def own_world(database: Database, catalog: catalogs.Catalog) -> AsyncIterator[worlds.World]:
    """A world with a PocketBase of its own, whose collections and tiers may be changed."""
    async with fresh(await Upstream.of(database.server), catalog) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="function")
async def scene(world: worlds.World) -> AsyncIterator[Named]:
    """Nothing is known of any domain."""
    async with serving() as names:
        made = Named(world, names)
        made.turn_on()
        yield made
