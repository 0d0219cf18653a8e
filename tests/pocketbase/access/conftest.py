"""One PocketBase per shape of database, started when first asked for, and a world of the test's own on it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import anyio
import pytest
import pytest_asyncio
from anyio.from_thread import start_blocking_portal

from listener.sandbox import pocketbase
from tests import fixtures
from tests.pocketbase.access import world as worlds
from tests.pocketbase.conftest import apply


class Shapes:
    """Shapes that run until the session ends; their processes belong to a loop in a thread of its own."""

    def __init__(self, folders: dict[bool, Path], stack: ExitStack) -> None:
        self._folders = folders
        self._stack = stack
        self._portal = stack.enter_context(start_blocking_portal())
        self._running: dict[tuple[bool, bool], worlds.Shape] = {}

    def get(self, *, user_id: bool, narrow: bool) -> worlds.Shape:
        """The one shape that has these traits."""
        known = self._running.get((user_id, narrow))
        return known or self._running.setdefault((user_id, narrow), self._start(user_id, narrow))

    def _start(self, user_id: bool, narrow: bool) -> worlds.Shape:
        prepared = self._folders[user_id]
        folder = prepared.with_name("narrowed" if narrow else "widened")
        shutil.copytree(prepared, folder)
        running = self._portal.wrap_async_context_manager(pocketbase.running(folder))
        server = self._stack.enter_context(running)
        tokens = fixtures.tokens(folder)
        if narrow:
            self._portal.call(_narrow, server.url, tokens["root"])
        return worlds.Shape(server.url, user_id, narrow, tokens)


async def _narrow(url: str, token: str) -> None:
    async with fixtures.plain(url, token) as admin:
        await apply(admin, rules=True)


@pytest.fixture(scope="session")
def shapes(portals: dict[bool, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shapes]:
    """All shapes, none of them started."""
    folders = {user_id: tmp_path_factory.mktemp("access") / "peopled" for user_id in portals}
    for user_id, folder in folders.items():
        shutil.copytree(portals[user_id], folder)
        anyio.run(partial(worlds.people, folder, user_id=user_id))
    with ExitStack() as stack:
        yield Shapes(folders, stack)


SHAPES = {
    "user_id-narrowed": (True, True),
    "owners-narrowed": (False, True),
    "user_id-widened": (True, False),
    "owners-widened": (False, False),
}
"""Whether tenants have `user_id` (else the tests say who owns what in `owners`), and the narrowed rules."""
SHAPED = ("tenants", "agent_stacks", "stack_timeline", "stack_availability")
"""Collections whose rules are not the same in every shape."""
LONG = [
    pytest.param(shape, True, id=f"{name}-everything", marks=pytest.mark.long)
    for name, shape in SHAPES.items()
]
SHAPES_AND_LONG = pytest.mark.parametrize(
    ("world", "everything"),
    [
        pytest.param((True, True), True, id="user_id-narrowed-everything"),
        *(pytest.param(shape, False, id=name) for name, shape in list(SHAPES.items())[1:]),
        *LONG[1:],
    ],
    indirect=["world"],
)
"""Every collection in the first shape, those of `SHAPED` in the others; with more time, everything."""
FIRST_AND_LONG = pytest.mark.parametrize(
    ("world", "everything"),
    [pytest.param((True, True), False, id="user_id-narrowed"), *LONG],
    indirect=["world"],
)
"""Those of `SHAPED` in the first shape; with more time, everything."""


@pytest_asyncio.fixture(loop_scope="function", params=SHAPES.values(), ids=SHAPES.keys())
async def world(request: pytest.FixtureRequest, shapes: Shapes) -> AsyncIterator[worlds.World]:
    """All four shapes; a test that speaks of some asks by `parametrize("world", ..., indirect=True)`."""
    user_id, narrow = request.param
    async with worlds.opened(shapes.get(user_id=user_id, narrow=narrow)) as opened:
        yield opened


NARROWED = pytest.mark.parametrize(
    "world",
    [
        pytest.param((True, True), id="user_id"),
        pytest.param((False, True), id="owners", marks=pytest.mark.long),
    ],
    indirect=True,
)
"""After `schema apply --rules`; both shapes differ in how their rules spell the owner only."""
