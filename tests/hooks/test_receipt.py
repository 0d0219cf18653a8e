"""A save is answered on the record at once: the listener takes over, or has not been seen for a while."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests import portal
from tests.fixtures import Database
from tests.hooks.test_admission import STACKS, TENANTS, bot

LEASE = "/api/collections/listener_lease/records/main"
NOW = r"Accepted \d\d:\d\d, the listener takes over\."
UNSEEN = (
    r"Saved, but the listener has not been seen since (\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d)\. It goes on when"
)


async def test_a_save_says_that_the_listener_takes_over_or_since_when_it_is_away(offered: Database) -> None:
    made = (await offered.owner.post(STACKS, json=bot("one", tenant_id=offered.tenant_id))).json()
    assert re.match(UNSEEN, made["message"]), made["message"]
    await offered.admin.patch(LEASE, json={"holder": "somebody"})
    path = f"{STACKS}/{made['id']}"
    changed = (await offered.owner.patch(path, json={"desired_state": "suspended"})).json()
    assert re.fullmatch(NOW, changed["message"]), changed["message"]
    at = datetime.strptime(changed["message"][9:14], "%H:%M").replace(tzinfo=UTC)
    now = datetime.now(UTC)
    assert abs((now - now.replace(hour=at.hour, minute=at.minute)).total_seconds()) < 120
    tenant = (await offered.admin.patch(f"{TENANTS}/{offered.tenant_id}", json={"hold": "unpaid"})).json()
    assert re.fullmatch(NOW, tenant["listener_message"]), tenant["listener_message"]


async def test_a_save_of_nothing_and_one_of_the_listener_leave_the_message(offered: Database) -> None:
    made = (await offered.owner.post(STACKS, json=bot("one", tenant_id=offered.tenant_id))).json()
    path = f"{STACKS}/{made['id']}"
    await offered.service.patch(path, json={"message": "Running."})
    same = await offered.admin.patch(path, json={"stack_name": "one", "message": "forged"} | {"updated": ""})
    assert same.status_code in (200, 400)
    assert (await offered.admin.get(path)).json()["message"] == "Running."
    assert (await offered.service.patch(path, json={"desired_state": "suspended"})).json()[
        "message"
    ] == "Running."


@pytest.mark.parametrize("minutes", [0, 330, -210])
async def test_the_time_is_that_of_the_sites_zone(offered: Database, minutes: int) -> None:
    await offered.admin.patch("/api/collections/listener_meta/records/main", json={"zone_minutes": minutes})
    await offered.admin.patch(LEASE, json={"holder": "somebody"})
    tenant = await portal.tenant(offered.admin, f"zone-{abs(minutes)}")
    message = (await offered.admin.post(STACKS, json=bot("one", tenant_id=tenant))).json()["message"]
    here = datetime.now(UTC) + timedelta(minutes=minutes)
    assert message[9:14] in {here.strftime("%H:%M"), (here - timedelta(minutes=1)).strftime("%H:%M")}
