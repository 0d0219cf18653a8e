"""A PocketBase of the machine's own: it changes rules, which the other tests' may not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio.from_thread
import pytest

from listener.sandbox import pocketbase
from tests.handlers.conftest import _no_waiting, catalog, prepared_database
from tests.handlers.upstream import Upstream

pytest.register_assert_rewrite("tests.machine.calm")

__all__ = ["_no_waiting", "catalog", "prepared_database"]


@pytest.fixture(scope="module")
def home(prepared_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """One PocketBase for every example of a file."""
    folder = tmp_path_factory.mktemp("machine") / "pocketbase"
    shutil.copytree(prepared_database, folder)
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(pocketbase.running(folder)) as server,
    ):
        yield portal.call(Upstream.of, server)
