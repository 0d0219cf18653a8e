"""The portal's own calls go on working after `schema apply --rules`: all that `PORTAL.md` names."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from tests import portal
from tests.pocketbase.access.conftest import NARROWED
from tests.pocketbase.access.ears import listening
from tests.pocketbase.access.world import Row, World, path

pytestmark = NARROWED

PAPER = resources.files("pb_schema").joinpath("PORTAL.md").read_text(encoding="utf-8")
BUTTONS = re.findall(r"^\| \w+ \| `(\w+): \"(\w+)\"`", PAPER, re.MULTILINE)
"""Field and value of each button of the table."""
(ACTIONS,) = re.findall(r"^  action: (.*);", PAPER, re.MULTILINE)
READ = ("status", "message", "health", "desired_state", "hold", "purge_after", "error_message")

DIALOGS: tuple[Row, ...] = (
    portal.payload("", "telegram-bot", "dialog-1"),
    portal.payload("", "openclaw-agent", "dialog-2"),
    portal.payload("", "base-llm", "dialog-3"),
    {"template": "base-llm", "stack_name": "dialog-4", "status": "pending", "config": {"env_vars": {}}},
    {
        "template": "base-llm",
        "stack_name": "dialog-5",
        "status": "pending",
        "domain": None,
        "desired_state": "running",
    },
)
"""As the dialog posts them: all keys, an untouched dialog, no domain."""


@pytest.mark.parametrize("row", DIALOGS, ids=lambda row: row["stack_name"])
async def test_the_dialog_creates_its_stacks_and_shows_them(world: World, row: Row) -> None:
    owner = world.people["owner"]
    made = await portal.add(owner, "agent_stacks", row | {"tenant_id": world.tenants["acme"]})
    params = {"sort": "-created", "expand": "tenant_id", "perPage": "500"}
    shown = (await owner.get(path("agent_stacks"), params=params)).json()["items"]
    await world.root.delete(path("agent_stacks", made["id"]))
    assert shown[0]["id"] == made["id"]
    assert {one["expand"]["tenant_id"]["slug"] for one in shown} == {"acme"}
    assert set(READ) <= made.keys()


async def test_every_button_and_every_edit_is_stored_on_a_stack_in_any_state(world: World) -> None:
    owner, actions = world.people["owner"], re.findall(r'"(\w*)"', ACTIONS)
    assert (len(BUTTONS), len(actions)) == (6, 5)
    writes: list[Row] = [{field: value} for field, value in BUTTONS]
    writes += [{"action": action} for action in actions]
    writes += [{"config": {"env_vars": {"API_KEY": "fake-new"}}}, {"domain": "new.example.org"}]
    writes += [{"domain": ""}, {"resource_limits": {"memory": "256M"}}, {"resource_limits": None}]
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        for status in ("pending", "running", "error", "suspended", "deleting", "deleted"):
            shown = {
                "status": status,
                "hold": "h",
                "message": "m",
                "coolify_service_uuid": "u",
                "action": "purge",
            }
            assert (await world.root.patch(path("agent_stacks", id_), json=shown)).status_code == 200
            for body in writes:
                answer = await owner.patch(path("agent_stacks", id_), json=body)
                assert answer.status_code == 200, (status, body)
                assert body.items() <= answer.json().items()


async def test_the_form_that_sends_the_whole_row_back_is_stored(world: World) -> None:
    owner = world.people["owner"]
    shown: Row = {
        "status": "running",
        "health": "healthy",
        "hold": "h",
        "last_deploy": "2026-01-01 00:00:00.000Z",
    }
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        assert (await world.root.patch(path("agent_stacks", id_), json=shown)).status_code == 200
        form: dict[str, Any] = (await owner.get(path("agent_stacks", id_))).json()
        answer = await owner.patch(path("agent_stacks", id_), json=form | {"domain": "new.example.org"})
        assert answer.status_code == 200
        assert answer.json() | {"updated": ""} == form | {"domain": "new.example.org", "updated": ""}


async def test_the_portals_own_error_is_refused_as_the_paper_says(world: World) -> None:
    assert '`status: "error"` is refused\n(404)' in PAPER
    body = {"status": "error", "error_message": "Provisioner unavailable"}
    async with world.added("agent_stacks", world.specimen("agent_stacks", "acme")) as id_:
        answer = await world.people["owner"].patch(path("agent_stacks", id_), json=body)
        assert answer.status_code == 404
        assert (await world.row("agent_stacks", id_))["status"] == "pending"


async def test_history_and_catalogue_are_read_as_the_paper_says(world: World) -> None:
    owner = world.people["owner"]
    (operation,) = [row for row in (await world.all("stack_timeline")).values() if row["stack_id"] == "acme"]
    params = {"filter": 'stack_id = "acme"'}
    (found,) = (await owner.get(path("stack_timeline"), params=params)).json()["items"]
    assert found == operation
    assert {"verb", "outcome", "begun", "ended"} <= found.keys()
    assert not {"actor", "reason", "detail", "fence"} & found.keys()
    (template,) = (await owner.get(path("agent_templates"))).json()["items"]
    assert {"title", "description", "parameters"} <= template.keys()


async def test_the_owner_watches_his_stack_from_create_to_delete(world: World) -> None:
    async with listening(world, {"owner": ["agent_stacks/*"]}) as ears:
        made = await portal.add(world.people["owner"], "agent_stacks", world.specimen("agent_stacks", "acme"))
        await world.people["owner"].patch(path("agent_stacks", made["id"]), json={"desired_state": "deleted"})
        await world.people["service"].patch(path("agent_stacks", made["id"]), json={"status": "deleted"})
        answer = await world.people["owner"].delete(path("agent_stacks", made["id"]))
        assert answer.status_code == 204
        events = (("create", 1), ("update", 2), ("delete", 1))
        await ears.heard(
            {"owner": Counter({("agent_stacks/*", action, made["id"]): n for action, n in events})}
        )
