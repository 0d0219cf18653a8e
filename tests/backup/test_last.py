"""The last copy of a deleted stack, and copies that somebody asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handlers import status
from listener.cli.exits import Exit
from tests.backup import conftest as stage
from tests.backup.hosted import Host

pytestmark = pytest.mark.long


@pytest.mark.parametrize("is_record_there", [True, False])
async def test_the_last_copy_of_a_deleted_stack_is_proven_and_the_leader_is_told(
    host: Host, tmp_path: Path, is_record_there: bool
) -> None:
    """Also when the record was deleted in PocketBase; and one that must stop is at rest anyway."""
    seen = status.stamp(datetime.now(UTC) - timedelta(hours=3))
    chat, _ = await host.stack(
        "chat", stage="retained", deletion_seen=seen, applied_spec={"stack_name": "chat"}
    )
    await host.show(chat, status="deleted", last_backup=status.stamp(datetime.now(UTC) - timedelta(hours=1)))
    await host.patch(chat, desired_state="deleted")
    if not is_record_there:
        await host.remove("agent_stacks", chat)
    stopping = {"TEMPLATES_DIR": stage.stopping(tmp_path)}
    done = await host.backup("run", **stopping)
    assert (done.code, done.out.splitlines()[-1]) == (Exit.DONE, "1 of 1 stacks copied."), done.text
    (row,) = json.loads(host.restic("snapshots", "--json"))
    (asked,) = await host.rows("listener_requests")
    assert (asked["verb"], asked["target"], asked["state"]) == ("backup_proven", chat, "open")
    assert asked["arguments"]["snapshot"] == row["short_id"]
    assert status.stamp(datetime.fromisoformat(asked["arguments"]["at"])) > seen
    if is_record_there:
        assert (await host.record(chat))["info"]["proven"]
    await host.ledger(chat, applied_spec={"last_copy": asked["arguments"]})
    assert (await host.backup("run", **stopping)).out == "0 of 0 stacks copied.\n"


async def test_a_copy_that_is_not_proven_is_told_to_nobody(host: Host, tmp_path: Path) -> None:
    """The last copy of a deleted stack does not come back from the repository."""
    chat, _ = await host.stack("chat", stage="retained", deletion_seen=status.stamp(datetime.now(UTC)))
    await host.patch(chat, desired_state="deleted")
    done = await host.backup("run", PATH=stage.forgetful(tmp_path))
    assert done.code == Exit.FAILED, done.text
    assert (await host.record(chat))["info"]["state"] == "failed"
    assert await host.rows("listener_requests") == []


async def test_a_drill_of_a_deleted_stack_tells_the_leader_too(host: Host) -> None:
    chat, _ = await host.stack("chat")
    bot, _ = await host.stack("bot")
    assert (await host.backup("run")).code == Exit.DONE
    await host.ledger(chat, stage="retained")
    assert [(await host.backup("drill", one)).code for one in (chat, bot)] == [Exit.DONE, Exit.DONE]
    assert [(one["verb"], one["target"]) for one in await host.rows("listener_requests")] == [
        ("backup_proven", chat)
    ]


async def test_only_what_is_asked_for_is_copied_now_and_only_once(host: Host) -> None:
    await host.stack("chat")
    asked = status.stamp(datetime.now(UTC))
    bot, _ = await host.stack("bot", applied_spec={"backup_asked": asked})
    assert (await host.backup("run", "--asked")).out.splitlines()[-1] == "1 of 1 stacks copied."
    assert (await host.record(bot))["info"]["state"] == "done"
    assert (await host.backup("run", "--asked")).out == ""
    assert (await host.backup("run", "--asked", "--prune")).code == Exit.USAGE
