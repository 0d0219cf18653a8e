"""A daemon beside an older fleet changes nothing in Coolify, and says on each record what the matter is."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from listener.cli.exits import Exit
from tests.cli.commands import Done
from tests.fleet import fleet as fleets
from tests.fleet.fleet import DISPLAY, MISSING, ROUTER_ONLY, RUNNING, WRONG

pytestmark = pytest.mark.asyncio(loop_scope="module")
TENANT_DISPLAY = {"listener_status", "listener_message", "coolify_project_uuid", "updated"}


@dataclass
class Story:
    """What was seen while the daemon came, swept, was accepted, and swept again."""

    found: dict[str, Any]
    watched: dict[str, Any]
    accepted: dict[str, Any]
    deeds: list[Counter[str]]
    plan: Done
    accept: Done
    services: list[list[Any]]
    ids: dict[str, str]
    uuids: dict[str, str]

    def text(self, name: str) -> str:
        """What staff reads on the stack's record in the end."""
        return str(self.accepted[self.ids[name]]["error_message"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """The story, told once."""
    folder: Path = tmp_path_factory.mktemp("watched")
    async with fleets.left_behind(folder) as fleet:
        found, services = await _rows(fleet), [await fleet.services()]
        await fleet.world.start_daemon()
        await fleet.until_logged("plan.withheld")
        await fleet.sweep()
        await fleet.sweep()
        watched, deeds = await _rows(fleet), [await fleet.deeds()]
        plan = await fleet.cloudfreedom("plan", "--first-contact")
        accept = await fleet.cloudfreedom("accept", "--yes")
        await fleet.until_told()
        await fleet.sweep()
        await fleet.sweep()
        services.append(await fleet.services())
        deeds.append(await fleet.deeds())
        yield Story(found, watched, await _rows(fleet), deeds, plan, accept, services, fleet.ids, fleet.uuids)


async def _rows(fleet: fleets.Fleet) -> dict[str, Any]:
    return {row["id"]: row for name in ("agent_stacks", "tenants") for row in await fleet.rows(name)}


async def test_coolify_is_only_read_before_and_after_accept(story: Story) -> None:
    assert story.deeds == [Counter(), Counter()]
    assert story.services[0] == story.services[1]
    assert all(all(one["containers"].values()) for one in story.services[1])


async def test_no_record_changes_before_accept(story: Story) -> None:
    assert story.watched == story.found


async def test_after_accept_only_display_fields_change(story: Story) -> None:
    for record_id, row in story.accepted.items():
        changed = {field for field, value in row.items() if value != story.found[record_id][field]}
        display = DISPLAY if "stack_name" in row else TENANT_DISPLAY
        assert changed <= display, (row, changed)
    assert {story.accepted[story.ids[name]]["status"] for name in (*RUNNING, *WRONG)} == {"running"}


async def test_a_tenant_that_only_uses_the_router_is_not_touched_at_all(story: Story) -> None:
    for slug in ROUTER_ONLY:
        assert story.accepted[story.ids[slug]] == story.found[story.ids[slug]]


@pytest.mark.parametrize(
    ("name", "what", "command"),
    [
        *((name, "which was there before the listener and shows running", "adopt") for name in RUNNING),
        ("coda-gone", f"names service {MISSING}, which is not in Coolify", "recreate"),
        ("coda-theirs", "which belongs to stack {acme-1}", "recreate"),
        ("coda-application", "which is in Coolify as application, not as a service", "recreate"),
    ],
)
async def test_each_record_says_what_is_the_matter_and_which_command_helps(
    story: Story, name: str, what: str, command: str
) -> None:
    message = story.accepted[story.ids[name]]["message"]
    assert message.startswith("Blocked: this stack was not made by the listener.")
    assert what.replace("{acme-1}", story.ids["acme-1"]) in story.text(name)
    assert story.uuids[name] in story.text(name)
    assert "nothing is created, started or stopped" in story.text(name)
    assert f"run `cloudfreedom {command}`" in story.text(name)


async def test_a_plan_of_first_contact_says_of_each_stack_what_its_record_will_say(story: Story) -> None:
    assert story.plan.code == Exit.DONE, story.plan.text
    lines = story.plan.out.splitlines()
    for name in (*RUNNING, *WRONG):
        place = next(n for n, line in enumerate(lines) if f"/cf-{name}: " in line)
        assert lines[place].startswith(f"! {name.partition('-')[0]}/cf-{name}: Blocked: ")
        assert lines[place + 1].strip() == story.text(name)
    assert f"0 to create, 0 to update, 0 to delete, {len(RUNNING) + len(WRONG)} blocked." in story.plan.out
    assert "none of this is done until `cloudfreedom accept`" in story.plan.out


async def test_accepting_says_how_many_stay_blocked(story: Story) -> None:
    assert story.accept.code == Exit.DONE, story.accept.text
    count = len(RUNNING) + len(WRONG)
    text = f"{count} stacks are not in the listener's ledger; {count} of them stay blocked."
    assert text in story.accept.out
