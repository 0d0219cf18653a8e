"""The backup that `schema apply` has PocketBase make of itself before it changes anything."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from listener.cli.exits import Exit
from listener.pocketbase import backups
from listener.sandbox import pocketbase
from tests import fixtures, portal
from tests.cli.commands import cloudfreedom
from tests.fixtures import Database

FOREIGN = ("nightly.zip", "cf_before_schema_mine.zip")


@pytest_asyncio.fixture
async def scene(database: Database) -> AsyncIterator[tuple[dict[str, str], httpx.AsyncClient]]:
    """The settings for schema commands of a PocketBase that lacks one collection, and its superuser."""
    answer = await database.admin.delete("/api/collections/stack_alerts")
    assert answer.status_code == 204, answer.text
    yield _env(database.server), database.admin


async def test_a_change_is_preceded_by_a_backup(scene: tuple[dict[str, str], httpx.AsyncClient]) -> None:
    env, admin = scene
    done = await cloudfreedom(env, "schema", "apply")
    assert done.code == Exit.DONE, done.text
    (made,) = await _keys(admin)
    assert re.fullmatch(r"cf_before_schema_\d{8}_\d{6}\.zip", made)
    assert done.out.splitlines()[0].startswith(f"Backup {made} is made")
    assert "+ stack_alerts" in done.out


async def test_nothing_to_do_makes_no_backup(database: Database) -> None:
    done = await cloudfreedom(_env(database.server), "schema", "apply", "--rules")
    assert done.code == Exit.DONE, done.text
    assert await _keys(database.admin) == []


async def test_no_backup_leaves_it_out(scene: tuple[dict[str, str], httpx.AsyncClient]) -> None:
    env, admin = scene
    done = await cloudfreedom(env, "schema", "apply", "--no-backup")
    assert (done.code, await _keys(admin)) == (Exit.DONE, [])
    assert "+ stack_alerts" in done.out


@pytest.mark.long
async def test_the_narrowed_rules_are_preceded_by_a_backup(tmp_path: Path) -> None:
    async with pocketbase.running(tmp_path / "portal") as server, fixtures.superuser(server) as admin:
        await portal.build(admin, user_id=True)
        env = _env(server)
        assert (await cloudfreedom(env, "schema", "apply", "--no-backup")).code == Exit.DONE
        done = await cloudfreedom(env, "schema", "apply", "--rules")
        assert done.code == Exit.DONE, done.text
        assert len(await _keys(admin)) == 1


async def test_the_last_five_of_ours_are_kept_and_others_are_not_touched(
    scene: tuple[dict[str, str], httpx.AsyncClient],
) -> None:
    env, admin = scene
    ours = [f"cf_before_schema_2026010{day}_120000.zip" for day in range(1, 7)]
    for name in (*FOREIGN, *ours):
        await backups.make(admin, name)
    done = await cloudfreedom(env, "schema", "apply")
    assert done.code == Exit.DONE, done.text
    left = await _keys(admin)
    assert set(FOREIGN) <= set(left)
    assert sorted(set(left) - set(FOREIGN))[:-1] == ours[2:]
    assert f"Backup {ours[0]} is removed" in done.out


@pytest.mark.long
async def test_a_failed_backup_stops_the_apply(
    scene: tuple[dict[str, str], httpx.AsyncClient],
) -> None:
    env, admin = scene
    await _break_backups(admin)
    done = await cloudfreedom(env, "schema", "apply")
    assert done.code == Exit.REFUSED, done.text
    assert done.err.startswith("error BACKUP_FAILED: ")
    assert ("why: " in done.err, "--no-backup" in done.err) == (True, True)
    assert (await admin.get("/api/collections/stack_alerts")).status_code == 404
    forced = await cloudfreedom(env, "schema", "apply", "--no-backup")
    assert forced.code == Exit.DONE, forced.text
    assert (await admin.get("/api/collections/stack_alerts")).status_code == 200


async def _break_backups(admin: httpx.AsyncClient) -> None:
    """Backups go to an S3 that nobody listens at."""
    s3 = {
        "enabled": True, "bucket": "fake", "region": "fake", "endpoint": "http://127.0.0.1:1",
        "accessKey": "fake", "secret": "fake", "forcePathStyle": True,
    }  # fmt: skip
    answer = await admin.patch("/api/settings", json={"backups": {"s3": s3}})
    assert answer.status_code == 200, answer.text


async def _keys(admin: httpx.AsyncClient) -> list[str]:
    return sorted(one["key"] for one in (await admin.get("/api/backups")).json())


def _env(server: pocketbase.Server) -> dict[str, str]:
    return {
        "POCKETBASE_URL": server.url,
        "POCKETBASE_PASSWORD": "fake-service-password",
        "POCKETBASE_SUPERUSER_EMAIL": server.superuser_email,
        "POCKETBASE_SUPERUSER_PASSWORD": server.superuser_password.get_secret_value(),
    }
