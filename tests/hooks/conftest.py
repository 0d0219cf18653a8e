"""The databases of every test here have the hooks in their folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from listener.pocketbase import hooks
from tests import portal
from tests.fixtures import Database
from tests.hooks import offers
from tests.hooks.stage import Stage


@pytest.fixture(scope="session")
def prepared_database(prepared_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared data folder, with our hooks installed."""
    folder = tmp_path_factory.mktemp("hooked") / "prepared"
    shutil.copytree(prepared_database, folder)
    hooks.install(folder / "pb_hooks", force=False)
    return folder


@pytest_asyncio.fixture(loop_scope="function")
async def stage(database: Database) -> Stage:
    """A stack of the tenant, made by the portal's dialog."""
    row = portal.payload(database.tenant_id, "telegram-bot", "cf-telegrambot-acme-1001")
    made = await portal.add(database.owner, "agent_stacks", row)
    return Stage(database, made["id"])


@pytest_asyncio.fixture(loop_scope="function")
async def offered(database: Database) -> Database:
    """A database in which a listener has been."""
    await offers.publish(database.admin)
    return database
