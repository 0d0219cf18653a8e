"""History, availability and overview, computed by real PocketBase from the rows of the audit."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from handlers.status import stamp
from tests import portal
from tests.fixtures import Database
from tests.pocketbase.conftest import Scene, rows

Row = dict[str, Any]


async def _states(admin: httpx.AsyncClient, stack: str, tenant: str, *states: tuple[str, datetime]) -> None:
    for word, at in states:
        row = {"stack_id": stack, "tenant_id": tenant, "verb": "state", "outcome": "done", "state": word}
        await portal.add(admin, "stack_operations", row | {"ended": stamp(at)})


def _day(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def _months(admin: httpx.AsyncClient, stack: str) -> dict[str, tuple[int, int, float]]:
    found = (await rows(admin, "stack_availability")).values()
    return {
        row["month"]: (row["seconds_up"], row["seconds_counted"], row["percent"])
        for row in found
        if row["stack_id"] == stack
    }


async def test_time_that_was_asked_for_counts_and_is_split_at_the_months(scene: Scene) -> None:
    database = scene.database
    await _states(
        database.admin,
        scene.stack,
        database.tenant_id,
        ("pending", _day(1, 1)),
        ("running", _day(1, 30)),
        ("error", _day(2, 1, 12)),
        ("deploying", _day(2, 2)),
        ("running", _day(2, 3)),
        ("unhealthy", _day(2, 4)),
        ("running", _day(2, 5)),
        ("suspended", _day(2, 6)),
    )
    day = 86_400
    assert await _months(database.admin, scene.stack) == {
        "2026-01": (2 * day, 2 * day, 100.0),
        "2026-02": (5 * day // 2, 4 * day, 62.5),
    }


async def test_the_last_state_lasts_until_now_while_the_record_is_there(scene: Scene) -> None:
    database, hour_ago = scene.database, datetime.now(UTC) - timedelta(hours=1)
    for stack in (scene.stack, "gone00000000001"):
        await _states(database.admin, stack, database.tenant_id, ("running", hour_ago))
    months = (await _months(database.admin, scene.stack)).values()
    assert 3600 <= sum(up for up, _, _ in months) < 3700
    assert await _months(database.admin, "gone00000000001") == {}


async def test_a_state_written_twice_changes_no_figure(scene: Scene) -> None:
    database = scene.database
    twice = (("running", _day(3, 1)), ("running", _day(3, 2)), ("suspended", _day(3, 3)))
    await _states(database.admin, scene.stack, database.tenant_id, *twice)
    assert await _months(database.admin, scene.stack) == {"2026-03": (172_800, 172_800, 100.0)}


async def test_owners_read_the_availability_of_their_own_stacks_only(scene: Scene) -> None:
    database = scene.database
    for stack, tenant in ((scene.stack, database.tenant_id), (scene.other_stack, scene.other_tenant)):
        await _states(database.admin, stack, tenant, ("running", _day(1, 1)), ("suspended", _day(1, 2)))
    (row,) = (await rows(scene.owner, "stack_availability")).values()
    assert (row["stack_id"], row["tenant"], row["month"]) == (scene.stack, database.tenant_id, "2026-01")
    assert len(await rows(database.service, "stack_availability")) == 2


async def _shown(scene: Scene, **fields: str) -> Row:
    assert await scene.patch(scene.database.admin, fields) == 200
    return (await rows(scene.database.service, "stack_overview"))[scene.stack]


@pytest.mark.parametrize(
    ("fields", "minutes", "attention"),
    [
        ({"status": "error"}, 1, 0),
        ({"status": "running", "health": "unhealthy"}, 1, 2),
        ({"status": "pending"}, 6, 3),
        ({"status": "pending"}, 3, 5),
        ({"status": "deploying"}, 11, 4),
        ({"status": "deploying"}, 9, 5),
        ({"status": "suspended", "hold": "invoice"}, 60, 6),
        ({"status": "suspended"}, 60, 7),
        ({"status": "running", "health": "healthy"}, 60, 9),
    ],
)
async def test_the_overview_sorts_by_what_needs_attention(
    scene: Scene, fields: dict[str, str], minutes: int, attention: int
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    await _states(scene.database.admin, scene.stack, scene.database.tenant_id, (fields["status"], at))
    row = await _shown(scene, **fields)
    assert (row["attention"], row["age"]) == (attention, minutes)
    assert row["stack"] == "cf-telegrambot-1"


async def test_what_is_blocked_comes_second_and_what_is_deleted_not_at_all(scene: Scene) -> None:
    ledger = {"id": scene.stack, "blocked": "FOREIGN"}
    await portal.add(scene.database.admin, "listener_ledger", ledger)
    assert (await _shown(scene, status="running"))["attention"] == 1
    assert await scene.patch(scene.database.admin, {"status": "deleted"}) == 200
    assert scene.stack not in await rows(scene.database.service, "stack_overview")


async def test_owners_do_not_see_the_overview(scene: Scene) -> None:
    assert await rows(scene.owner, "stack_overview") == {}


async def test_what_has_no_text_is_not_in_the_timeline(database: Database) -> None:
    row = {"tenant_id": database.tenant_id, "verb": "v", "outcome": "done", "side": "staff"}
    await portal.add(database.admin, "stack_operations", row)
    told = await portal.add(database.admin, "stack_operations", row | {"text": "Stopped."})
    (shown,) = (await rows(database.owner, "stack_timeline")).values()
    assert (shown["id"], shown["at"], shown["by"]) == (told["id"], told["created"], "staff")


def _renewed(scene: Scene, *, minutes_ago: int) -> None:
    """The lease was renewed then."""
    with sqlite3.connect(scene.database.server.data_dir / "pb_data" / "data.db") as file:
        then = stamp(datetime.now(UTC) - timedelta(minutes=minutes_ago))
        file.execute("UPDATE listener_lease SET updated = ?", [then])


async def test_a_lease_that_nobody_renews_is_the_first_row_of_the_overview(scene: Scene) -> None:
    service = scene.database.service
    _renewed(scene, minutes_ago=0)
    assert "listener" not in await rows(service, "stack_overview")
    _renewed(scene, minutes_ago=10)
    row = (await rows(service, "stack_overview"))["listener"]
    assert (row["stack"], row["attention"], row["age"]) == ("NO LISTENER", -1, 10)
