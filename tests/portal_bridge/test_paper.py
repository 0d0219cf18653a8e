"""What PORTAL.md tells is so: its words, its type, its fields, and its subscription."""

from __future__ import annotations

import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

import pb_schema
from listener import contract
from listener.pocketbase import realtime
from listener.portal import caller, pace
from listener.portal.bridge import LINES
from tests import fixtures, portal
from tests.fixtures import Database
from tests.portal_bridge.stage import STACKS, Stage

FOLDER = Path(str(pb_schema.__file__)).parent
PAPER = (FOLDER / "PORTAL.md").read_text()
FIELDS: dict[str, Any] = yaml.safe_load((FOLDER / "collections.yaml").read_text())["agent_stacks"]["fields"]
STAFF = {"recreate", "rotate_secrets", "backup_now", "approve", "purge"}
"""Actions that tenants may not write."""


def part(title: str) -> str:
    """The text under a heading."""
    return PAPER.partition(f"## {title}")[2].partition("\n## ")[0]


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    rows = text.partition(f"| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def typed() -> dict[str, str]:
    """Field of the TypeScript type -> its type."""
    return dict(re.findall(r"^  (\w+): (.+?);", part("Type"), re.MULTILINE))


def test_the_type_has_every_field_and_no_other() -> None:
    system = {"id", "collectionId", "collectionName", "created", "updated"}
    assert set(typed()) == set(FIELDS) | system


@pytest.mark.parametrize("name", ["desired_state", "action", "status", "health"])
def test_the_type_has_every_word_of_a_select(name: str) -> None:
    words = set(re.findall(r'"(\w*)"', typed()[name]))
    optional = set() if name == "status" else {""}
    assert words == set(FIELDS[name]["values"]) - STAFF | optional


def test_every_status_has_its_buttons() -> None:
    rows = table(part("Status × buttons"), "`status`")
    assert {row[0].strip("`") for row in rows} == set(FIELDS["status"]["values"])


def test_every_button_of_the_table_is_one_that_can_be_written() -> None:
    head = re.search(r"\| `status` \|(.+)\|", part("Status × buttons"))
    assert head
    written = {row[0] for row in table(part("Fields to write"), "Button")}
    assert {name.strip() for name in head[1].split("|")} == written | {"Logs"}


async def test_the_owner_may_write_what_a_button_writes(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    for button, writes in table(part("Fields to write"), "Button"):
        (field,) = re.findall(r'`(\w+): "(\w+)"`', writes)
        answer = await stage.database.owner.patch(f"{STACKS}/{record_id}", json=dict([field]))
        assert (answer.status_code, answer.json()[field[0]]) == (200, field[1]), button


async def test_the_owner_may_not_write_what_the_paper_says_not_to(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    for change in ({"status": "error"}, {"message": "fake"}, {"action": "purge"}, {"hold": "fake"}):
        answer = await stage.database.owner.patch(f"{STACKS}/{record_id}", json=change)
        assert answer.status_code == 404, change


async def test_the_subscription_brings_the_users_own_stacks_and_no_other(database: Database) -> None:
    foreign = await portal.tenant(database.admin, "bolt")
    heard: list[str] = []
    async with fixtures.plain(database.url) as http, anyio.create_task_group() as tasks:
        who = caller.Caller(http=http, authorization=database.owner.headers["Authorization"])
        feed = realtime.Realtime(http=http, session=who, topics=("agent_stacks/*",))
        ready = anyio.Event()

        async def listen() -> None:
            async with aclosing(feed.events()) as events:
                async for event in events:
                    ready.set()
                    if isinstance(event, contract.Change):
                        heard.append(event.key.id)

        tasks.start_soon(listen)
        with anyio.fail_after(10):
            await ready.wait()
            made = []
            for tenant in (foreign, database.tenant_id):
                row = portal.payload(tenant, "telegram-bot", "cf-telegrambot-1")
                made.append((await portal.add(database.admin, "agent_stacks", row))["id"])
            while not heard:
                await anyio.sleep(0.01)
        await anyio.sleep(0.1)
        tasks.cancel_scope.cancel()
    assert heard == made[1:]


def test_the_figures_are_those_of_the_bridge() -> None:
    assert f"the last {LINES} lines" in PAPER
    assert f"logs can be read {pace.EACH} times a minute" in PAPER
