"""What goes and what comes back, as a person types it beside a running daemon."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import httpx
import pytest
import pytest_asyncio
from anyio.from_thread import start_blocking_portal

from listener.cli import deletions
from listener.cli.exits import Exit
from listener.sandbox import people
from listener.sandbox import world as worlds
from listener.sandbox.world import World
from tests import fixtures
from tests.cli.commands import Done, cloudfreedom
from tests.cli.test_world import running

pytestmark = pytest.mark.long

STACKS = "/api/collections/agent_stacks"
SECONDS = 30.0
CLOSED = '@request.auth.id = "nobody"'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own: the brake counts the whole fleet."""
    folder = tmp_path_factory.mktemp("deletions")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(worlds.running(folder)) as started,
    ):
        yield started


@pytest_asyncio.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks as the superuser."""
    async with fixtures.plain(world.pocketbase.url, world.admin.headers["Authorization"]) as http:
        yield http


async def record(admin: httpx.AsyncClient, record_id: str) -> Any:
    """The stack's record, or None."""
    answer = await admin.get(f"{STACKS}/records/{record_id}")
    return answer.json() if answer.status_code == 200 else None


async def shown(admin: httpx.AsyncClient, record_id: str, status: str) -> None:
    """The record shows that status within some seconds."""
    with anyio.fail_after(SECONDS):
        while ((await record(admin, record_id)) or {}).get("status") != status:
            await anyio.sleep(0.1)


async def removed(admin: httpx.AsyncClient, path: str) -> None:
    """The superuser deleted that record for good."""
    await people.ask(admin, "DELETE", f"/api/collections/{path}")


async def board(world: World, *words: str) -> Any:
    """What `deletions --json` prints."""
    done = await cloudfreedom(world.env, "deletions", "--json", *words)
    assert done.code == Exit.DONE, done.text
    return json.loads(done.out)


async def until_stage(world: World, record_id: str, stage: str) -> dict[str, Any]:
    """The deletion as `deletions --json` shows it once it is at that stage."""
    with anyio.fail_after(SECONDS):
        while True:
            for one in (await board(world))["stacks"]:
                if (one["id"], one["stage"]) == (record_id, stage):
                    found: dict[str, Any] = one
                    return found
            await anyio.sleep(0.1)


async def let_go(world: World, record_id: str) -> dict[str, Any]:
    """The deleted stack is stopped and kept, past the brake if others went before it in this hour."""
    with anyio.fail_after(SECONDS):
        while not any(one["id"] == record_id for one in (await board(world))["stacks"]):
            await anyio.sleep(0.1)
    await cloudfreedom(world.env, "approve", "--waiting", "--yes")
    return await until_stage(world, record_id, "kept")


async def service(world: World, uuid: str) -> Any:
    """The service as the stand-in truly has it, with the values of its variables."""
    headers = {"Authorization": f"Bearer {world.env['COOLIFY_TOKEN']}", "Accept": "application/json"}
    async with fixtures.plain(world.coolify_url) as http:
        state = (await http.get("/_standin/state")).json()
        rows = (await http.get(f"/api/v1/services/{uuid}/envs", headers=headers)).json()
    (found,) = [one for one in state["services"] if one["uuid"] == uuid]
    return found | {"values": {row["key"]: row["value"] for row in rows}}


def refused(done: Done, code: str, ends: Exit) -> None:
    """The command told this error, in three parts, and ended with this code."""
    assert (done.code, f"error {code}: " in done.err) == (ends, True), done.text


async def test_a_hard_deleted_stack_is_kept_listed_as_gone_and_comes_back_the_same(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "hard")
    before = await record(admin, record_id)
    uuid = before["coolify_service_uuid"]
    was = await service(world, uuid)
    await removed(admin, f"agent_stacks/records/{record_id}")
    one = await let_go(world, record_id)
    assert (one["tenant"], one["stack"], one["record"]) == ("hard", "bot", "gone")
    assert not any((await service(world, uuid))["containers"].values())
    listed = (await cloudfreedom(world.env, "deletions", "--tenant", "hard")).out.splitlines()
    assert listed[0].lower().split() == list(deletions.COLUMNS)
    assert re.match(rf"hard +bot +gone +kept +\S+ +\S+ +(-|stop) +- +{record_id}$", listed[1]), listed
    assert listed[2] == "1 deletion of hard."
    assert re.fullmatch(r"The brake let \d of 3 go within this hour; \d waits?\.", listed[3])
    done = await cloudfreedom(world.env, "undelete", record_id, "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (Exit.DONE, "1 of 1 brought back."), done.text
    await shown(admin, record_id, "running")
    after, now = await record(admin, record_id), await service(world, uuid)
    for name in ("id", "tenant_id", "template", "stack_name", "config", "coolify_service_uuid"):
        assert after[name] == before[name], name
    assert (now["values"], now["containers"]) == (was["values"], was["containers"])
    assert (await board(world, "--tenant", "hard"))["stacks"] == []


async def test_a_tenants_deletions_of_the_last_hour_are_taken_back_whatever_was_deleted(
    world: World, admin: httpx.AsyncClient
) -> None:
    """One record was deleted, and one only wanted deleted; of another tenant nothing comes back."""
    gone = await running(admin, "both")
    row = await record(admin, gone)
    env = row["config"]["env_vars"] | {"TELEGRAM_BOT_TOKEN": people.bot_token(7)}
    body = {
        "tenant_id": row["tenant_id"],
        "template": "telegram-bot",
        "stack_name": "two",
        "status": "pending",
    }
    wanted = (await people.ask(admin, "POST", f"{STACKS}/records", body | {"config": {"env_vars": env}}))[
        "id"
    ]
    await shown(admin, wanted, "running")
    other = await running(admin, "notthis")
    await removed(admin, f"agent_stacks/records/{gone}")
    for one in (wanted, other):
        await people.ask(admin, "PATCH", f"{STACKS}/records/{one}", {"desired_state": "deleted"})
    for one in (gone, wanted, other):
        await let_go(world, one)
    late = await cloudfreedom(world.env, "undelete", "--since", "1h", "--tenant", "both", "--yes", "--json")
    answers = {one["name"]: one for one in json.loads(late.out)}
    assert {name: one["done"] for name, one in answers.items()} == {"both/bot": True, "both/two": True}
    assert answers["both/two"]["result"] == "wanted running again"
    for one in (gone, wanted):
        await shown(admin, one, "running")
    assert (await record(admin, other))["desired_state"] == "deleted"


async def test_all_that_wait_for_the_brake_are_approved_at_once(
    world: World, admin: httpx.AsyncClient
) -> None:
    stacks = [await running(admin, f"many-{number}") for number in range(5)]
    for one in stacks:
        await people.ask(admin, "PATCH", f"{STACKS}/records/{one}", {"desired_state": "deleted"})
    with anyio.fail_after(SECONDS):
        while "DELETION_BRAKED" not in "".join(
            [(await record(admin, one))["error_message"] for one in stacks]
        ):
            await anyio.sleep(0.1)
    refused(await cloudfreedom(world.env, "approve", "--waiting"), "CONFIRMATION_NEEDED", Exit.USAGE)
    done = await cloudfreedom(world.env, "approve", "--waiting", "--yes")
    assert (done.code, bool(re.search(r"^(\d) of \1 approved\.$", done.out, re.MULTILINE))) == (0, True), (
        done.text
    )
    for one in stacks:
        await until_stage(world, one, "kept")
    done = await cloudfreedom(world.env, "approve", "--waiting", "--yes")
    assert (done.code, done.out) == (Exit.DONE, "No deletion waits.\n")


async def test_an_emergency_stop_of_a_tenant_tells_all_its_stacks_and_holds_it(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "abuser")
    words = ("suspend", "--now", "--tenant", "abuser", "--reason", "abuse")
    refused(await cloudfreedom(world.env, *words), "CONFIRMATION_NEEDED", Exit.USAGE)
    assert (await record(admin, record_id))["status"] == "running"
    done = await cloudfreedom(world.env, *words, "--yes")
    assert done.code == Exit.DONE, done.text
    assert "tenant abuser is on hold: abuse" in done.out
    assert "Coolify was told to stop 1 of 1." in done.out
    await shown(admin, record_id, "suspended")
    (tenant,) = (await admin.get("/api/collections/tenants/records?filter=slug='abuser'")).json()["items"]
    assert (tenant["hold"], "abuse" in (await record(admin, record_id))["message"]) == ("abuse", True)
    assert "`cloudfreedom hold --tenant abuser --clear` ends the hold" in done.out
    done = await cloudfreedom(world.env, "hold", "--tenant", "abuser", "--clear")
    assert (done.code, done.out.splitlines()[0]) == (Exit.DONE, "tenant abuser is on hold no more."), (
        done.text
    )
    await shown(admin, record_id, "running")


async def test_a_rule_that_hides_records_is_not_taken_for_their_deletion(
    world: World, admin: httpx.AsyncClient
) -> None:
    record_id = await running(admin, "hidden")
    rule = (await people.ask(admin, "GET", STACKS))["listRule"]
    await people.ask(admin, "PATCH", STACKS, {"listRule": CLOSED})
    try:
        done = await cloudfreedom(world.env, "deletions", "--tenant", "hidden")
        told = await board(world)
    finally:
        await people.ask(admin, "PATCH", STACKS, {"listRule": rule})
    assert record_id not in done.out
    assert re.search(r"^! \d+ records are not gone but hidden by a rule", done.out, re.MULTILINE), done.text
    assert told["hidden"] >= 1
    assert record_id not in {one["id"] for one in told["stacks"]}


@pytest.mark.parametrize(
    ("words", "code", "ends"),
    [
        ("undelete --tenant nobody --yes", "NOTHING_TO_UNDELETE", Exit.FAILED),
        ("undelete nothingofthekind --yes", "STACK_UNKNOWN", Exit.FAILED),
        ("undelete --since yesterday --yes", "SPAN_UNKNOWN", Exit.REFUSED),
        ("suspend --now --tenant nobody --yes", "TENANT_UNKNOWN", Exit.FAILED),
    ],
)
async def test_what_cannot_be_done_is_told_in_three_parts(
    world: World, words: str, code: str, ends: Exit
) -> None:
    done = await cloudfreedom(world.env, *words.split())
    refused(done, code, ends)
    assert "  fix: " in done.err


@pytest.mark.parametrize(
    "words",
    [
        "undelete",
        "undelete one --since 1h",
        "undelete --since 1h --json",
        "approve",
        "approve one --waiting",
        "suspend",
        "suspend one --reason why",
        "suspend one --now --tenant two",
    ],
)
async def test_wrong_use_ends_with_2(world: World, words: str) -> None:
    done = await cloudfreedom(world.env, *words.split())
    assert (done.code, done.out, "Usage:" in done.err) == (Exit.USAGE, "", True), done.text


async def test_undelete_asks_first(world: World, admin: httpx.AsyncClient) -> None:
    record_id = await running(admin, "asks-first")
    await removed(admin, f"agent_stacks/records/{record_id}")
    await let_go(world, record_id)
    refused(await cloudfreedom(world.env, "undelete", record_id), "CONFIRMATION_NEEDED", Exit.USAGE)
    assert await record(admin, record_id) is None


async def test_without_a_leader_an_emergency_stop_prints_the_command_for_the_host(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with worlds.running(tmp_path_factory.mktemp("leaderless")) as world:
        record_id = await running(world.admin, "alone")
        uuid = (await record(world.admin, record_id))["coolify_service_uuid"]
        await world.stop_daemon()
        done = await cloudfreedom(world.env, "suspend", "--now", record_id, "--reason", "abuse", "--yes")
        held = await record(world.admin, record_id)
    command = f"docker ps -q --filter label=com.docker.compose.project={uuid} | xargs -r docker stop"
    assert (done.code, command in done.out) == (Exit.FAILED, True), done.text
    assert "! no listener leads" in done.out
    assert held["hold"] == "abuse"
