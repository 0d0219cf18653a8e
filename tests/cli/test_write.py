"""Commands that write what is wanted: on the record, nowhere else, and once."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio

from handlers.status import Status
from listener import errors
from listener.cli import rows, wishes
from listener.cli.exits import Exit
from listener.sandbox.world import World
from tests import fixtures, portal
from tests.cli.commands import Done, cloudfreedom, environment, together
from tests.cli.test_alone import everything
from tests.cli.test_world import records, running
from tests.fixtures import Database

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: whoever writes wishes does not ask Coolify."""


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def waited(world: World, *words: str) -> Done:
    """The command ended well after it waited, without Coolify."""
    done = await cloudfreedom({**world.env, "COOLIFY_URL": NOWHERE}, *words, "--wait", "--timeout", "30")
    assert done.code == Exit.DONE, done.text
    assert "Finished in" in done.out
    return done


@pytest.mark.long
async def test_a_stack_is_suspended_resumed_restarted_held_and_deleted(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "daily")

    async def shows() -> tuple[str, str]:
        (row,) = await records(admin, "agent_stacks", f"id='{record_id}'")
        assert row["action"] == ""
        return row["desired_state"], row["status"]

    assert (await waited(world, "suspend", "daily/bot", "--yes")).out.endswith(
        "Suspended. The data is kept.\n"
    )
    assert await shows() == ("suspended", "suspended")
    again, refused = await together(world.env, "suspend daily/bot", "restart daily/bot")
    assert (again.code, again.out) == (Exit.DONE, "daily/bot is suspended already.\n")
    assert (refused.code, refused.err.split()[1]) == (Exit.REFUSED, "STACK_RESTS:")
    await waited(world, "resume", "daily/bot")
    assert await shows() == ("running", "running")
    restarted = await waited(world, "restart", "daily/bot", "--yes")
    assert "Waiting: deploying" in restarted.out
    held = await waited(world, "hold", "daily/bot", "--reason", "unpaid", "--yes")
    assert held.out.endswith("Suspended by the operator: unpaid\n")
    assert await shows() == ("running", "suspended")
    await waited(world, "hold", "daily/bot", "--clear")
    assert await shows() == ("running", "running")
    deleted = await waited(world, "delete", "daily/bot", "--yes")
    assert "The data is kept for 30 days, until about 20" in deleted.out
    assert "Deleted: stopped, its data is kept until" in deleted.out
    again, back = await together(world.env, f"delete {record_id}", f"resume {record_id}")
    assert again.code == Exit.DONE, again.text
    assert again.out.startswith("daily/bot is deleted already; its data is kept until 20")
    assert (back.code, back.err.split()[1]) == (Exit.REFUSED, "STACK_DELETED:")


@pytest_asyncio.fixture
async def stack(database: Database) -> str:
    """The id of acme/bot, which no listener looks at."""
    row = portal.payload(database.tenant_id, "telegram-bot", "bot")
    return str((await portal.add(database.admin, "agent_stacks", row))["id"])


WRITTEN: dict[str, dict[str, str]] = {
    "suspend bot --yes": {"desired_state": "suspended"},
    "resume bot": {"desired_state": "running"},
    "restart bot --yes": {"action": "restart"},
    "delete bot --yes": {"desired_state": "deleted"},
    "hold bot --reason unpaid --yes": {"hold": "unpaid"},
}


@pytest.mark.parametrize("command", WRITTEN)
async def test_a_command_writes_one_field_of_the_record_and_nothing_else(
    database: Database, alone: dict[str, str], stack: str, *, command: str
) -> None:
    before = await everything(database.admin)
    done = await cloudfreedom({**alone, "COOLIFY_URL": NOWHERE}, *command.split())
    assert done.code == Exit.DONE, done.text
    after = await everything(database.admin)
    (row,), (old,) = after.pop("agent_stacks"), before.pop("agent_stacks")
    assert row == old | WRITTEN[command] | {"updated": row["updated"]}
    assert row["id"] == stack
    assert after == before
    repeated = await cloudfreedom(alone, *command.split())
    assert (repeated.code, "already" in repeated.out) == (Exit.DONE, True), repeated.text
    assert (await everything(database.admin))["agent_stacks"] == [row]


@pytest.mark.long
@pytest.mark.usefixtures("stack")
async def test_wrong_use_writes_nothing(database: Database, alone: dict[str, str]) -> None:
    before = await everything(database.admin)
    commands = (
        "delete bot",
        "suspend bot",
        "restart bot",
        "hold bot --reason unpaid",
        "hold bot --reason=",
        "hold bot --clear --reason unpaid",
        "suspend bot --tenant acme",
        "resume",
    )
    used = await together(alone, *commands)
    assert [done.code for done in used] == [Exit.USAGE] * len(commands)
    assert used[0].err.startswith("error CONFIRMATION_NEEDED: nothing was deleted\n  why: ")
    assert await everything(database.admin) == before


@pytest.mark.parametrize(
    ("typed", "code", "wanted"),
    [("acme/bot", Exit.DONE, "deleted"), ("bot", Exit.FAILED, ""), ("y", Exit.FAILED, "")],
)
async def test_delete_wants_the_name_typed(
    database: Database, alone: dict[str, str], stack: str, *, typed: str, code: Exit, wanted: str
) -> None:
    done = await asked(alone, f"{typed}\n", "delete", "bot")
    assert done.code == code, done.text
    assert "Type acme/bot to delete it" in done.out
    (row,) = await records(database.admin, "agent_stacks", f"id='{stack}'")
    assert row["desired_state"] == wanted


def shown(*, tenant: dict[str, Any] | None = None, **fields: Any) -> rows.Stack:
    """A stack whose record has these fields, of a tenant with those."""
    owner = {"id": "t", "slug": "acme", "status": "active", **(tenant or {})}
    row = {
        "id": "s",
        "tenant_id": "t",
        "stack_name": "bot",
        "status": "running",
        "expand": {"tenant_id": owner},
    }
    return rows.stack(row | fields)


def test_resuming_what_a_hold_or_the_tenant_keeps_down_says_so() -> None:
    held = wishes.resume(shown(desired_state="suspended", hold="unpaid"))
    assert held.told == "is to run. It stays suspended: it is on hold: unpaid."
    assert held.fields == {"desired_state": "running"}
    tenant = wishes.resume(shown(desired_state="running", tenant={"status": "inactive"}))
    assert tenant.told == "is to run already. It stays suspended: its tenant is inactive."
    freed = wishes.hold("")(shown(hold="unpaid", tenant={"hold": "fraud"}))
    assert (freed.fields, freed.vain) == ({"hold": ""}, "its tenant is on hold: fraud")
    assert wishes.hold("")(shown(desired_state="suspended", hold="unpaid")).ends is Status.SUSPENDED


@pytest.mark.usefixtures("stack")
async def test_waiting_for_what_cannot_run_is_refused_and_writes_nothing(
    database: Database, alone: dict[str, str]
) -> None:
    path = f"/api/collections/tenants/records/{database.tenant_id}"
    assert (await database.admin.patch(path, json={"status": "suspended"})).is_success
    before = await everything(database.admin)
    done = await cloudfreedom(alone, "resume", "bot", "--wait")
    assert (done.code, done.err.split()[1]) == (Exit.REFUSED, "STACK_WOULD_REST:"), done.text
    assert "its tenant is suspended" in done.err
    assert await everything(database.admin) == before


REFUSED: dict[str, tuple[rows.Stack, str]] = {
    "a deleted one": (shown(desired_state="deleted", status="deleted"), "STACK_DELETED"),
    "a suspended one": (shown(desired_state="suspended"), "STACK_RESTS"),
    "one on hold": (shown(hold="unpaid"), "STACK_RESTS"),
    "one that has another action": (shown(action="redeploy"), "ACTION_PENDING"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_restart_is_refused_for(name: str) -> None:
    stack, code = REFUSED[name]
    with pytest.raises(errors.Terminal) as caught:
        wishes.restart(stack)
    assert caught.value.code == code
    assert all((caught.value.what, caught.value.why, caught.value.fix))


@pytest.mark.parametrize(
    "wish", [wishes.suspend, wishes.resume, wishes.hold("unpaid")], ids=["suspend", "resume", "hold"]
)
def test_nothing_brings_a_deleted_stack_back_by_the_way(wish: Any) -> None:
    with pytest.raises(errors.Refusal, match="was deleted"):
        wish(shown(desired_state="deleted"))


async def test_a_tenants_stacks_are_asked_for_at_once_with_how_many_run(
    database: Database, alone: dict[str, str], stack: str
) -> None:
    rows = [portal.payload(database.tenant_id, "telegram-bot", name) for name in ("two", "three")]
    rows[1] |= {"desired_state": "suspended"}
    others = [(await portal.add(database.admin, "agent_stacks", row))["id"] for row in rows]
    typed = await asked(alone, "acme\n", "delete", "--tenant", "acme")
    assert typed.code == Exit.DONE, typed.text
    assert "Deleting stops 3 stacks of tenant acme, 0 running. The data is kept for 30 days" in typed.out
    wanted = await records(database.admin, "agent_stacks", "id!=''")
    assert {row["id"]: row["desired_state"] for row in wanted} == dict.fromkeys((stack, *others), "deleted")
    gone, unknown = await together(alone, "suspend --tenant acme --yes", "suspend --tenant nobody --yes")
    assert (gone.code, gone.out) == (
        Exit.DONE,
        "Tenant acme has no stack for which that means anything.\n",
    )
    assert "TENANT_UNKNOWN" in unknown.err


@pytest.mark.parametrize(("typed", "code", "wanted"), [("y", Exit.DONE, "suspended"), ("n", Exit.FAILED, "")])
async def test_suspending_asks_first(
    database: Database, alone: dict[str, str], stack: str, *, typed: str, code: Exit, wanted: str
) -> None:
    done = await asked(alone, f"{typed}\n", "suspend", "bot")
    assert done.code == code, done.text
    question = "Suspend acme/bot (telegram-bot, pending)? What runs is stopped, the data is kept"
    assert question in done.out
    (row,) = await records(database.admin, "agent_stacks", f"id='{stack}'")
    assert row["desired_state"] == wanted


async def asked(env: dict[str, str], typed: str, *words: str) -> Done:
    """How the command ends on a terminal where this is typed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "listener.cli.main", *words]
    try:
        os.write(ours, typed.encode())
        done = await anyio.run_process(
            command, env=environment(env), stdin=theirs, stderr=subprocess.STDOUT, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return Done(done.returncode, done.stdout.decode(), "")
