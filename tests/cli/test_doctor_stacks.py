"""Beside a running daemon: what keeps it from acting, and stacks that need a person, with what ends it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio
import pytest
import pytest_asyncio

from listener.cli.doctor import report, stacks
from listener.cli.exits import Exit
from listener.sandbox import people, waits
from tests.cli import remedies
from tests.cli.commands import cloudfreedom
from tests.cli.test_doctor import examined
from tests.faults import stage as stages
from tests.faults.stage import STACKS, Stage

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]
OPERATIONS = "/api/collections/stack_operations/records"
LEASE = "/api/collections/listener_lease/records/main"
LEDGER = "/api/collections/listener_ledger/records"


@dataclass
class Ward:
    """One world for all tests here, and the doctor in it."""

    stage: Stage
    patch: pytest.MonkeyPatch

    @property
    def env(self) -> dict[str, str]:
        """The settings of whoever is on the host."""
        direct = {"POCKETBASE_URL": self.stage.world.pocketbase.url}
        return {**self.stage.world.env, **direct, "LISTENER_BEAT_SECONDS": "1"}

    async def lines(self, check: str, about: str = "") -> list[report.Line]:
        """The check's lines that need something, of those that name this."""
        found = (await examined(self.patch, self.env))[check]
        return [one for one in found if one.mark is not report.Mark.GOOD and about in one.text]

    async def until_told(self, check: str, about: str, text: str) -> report.Line:
        """The one line about it, once it says this."""
        with anyio.fail_after(30):
            while True:
                found = [one for one in await self.lines(check, about) if text in one.text]
                if found:
                    (line,) = found
                    return line
                await anyio.sleep(0.2)

    async def until_green(self, check: str, about: str) -> None:
        """Nothing is said against it any more."""
        with anyio.fail_after(30):
            while await self.lines(check, about):
                await anyio.sleep(0.2)

    async def obey(self, line: report.Line) -> None:
        """The remedy was carried out as it stands."""
        await remedies.obeyed(self.env, line)

    async def hand(self, record_id: str, do: str, **more: str) -> None:
        """Somebody does this to the stack's service in Coolify."""
        uuid = (await self.stage.service(record_id))["uuid"]
        body = {"do": do, "uuid": uuid, **more}
        await people.ask(self.stage.standin, "POST", "/_standin/hand", body)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A world with a daemon."""
    async with stages.opened(tmp_path_factory.mktemp("doctor")) as opened:
        yield opened


@pytest.fixture
def ward(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Ward:
    """The world, and the doctor of this test."""
    return Ward(stage, monkeypatch)


async def named(ward: Ward) -> tuple[str, str]:
    """The id and the name of a new stack that runs."""
    (record_id,) = await ward.stage.create()
    await ward.stage.until_shown([record_id], "running")
    return record_id, f"acme/{(await ward.stage.record(record_id))['stack_name']}"


async def test_a_service_that_was_deleted_is_recreated_by_what_is_printed(ward: Ward) -> None:
    record_id, name = await named(ward)
    await ward.hand(record_id, "delete")
    line = await ward.until_told("blocked stacks", name, "SERVICE_MISSING, the service is gone")
    assert line.fix == f"`cloudfreedom recreate {name}`"
    await ward.obey(line)
    await ward.until_green("blocked stacks", name)
    await ward.stage.until_shown([record_id], "running")


async def test_a_description_that_was_edited_is_put_back_and_retried(ward: Ward) -> None:
    record_id, name = await named(ward)
    before = (await ward.stage.service(record_id))["description"]
    await ward.hand(record_id, "edit", description="mine")
    await anyio.sleep(2 * waits.SHORT.poll)
    await ward.stage.change(record_id, desired_state="suspended")
    line = await ward.until_told("blocked stacks", name, "SERVICE_FOREIGN, ")
    assert f"“{before}”" in line.fix
    await ward.hand(record_id, "edit", description=before)
    await ward.obey(line)
    await ward.until_green("blocked stacks", name)
    await ward.stage.until_shown([record_id], "suspended")


async def test_a_refused_stack_names_the_edit_that_helps(ward: Ward) -> None:
    (record_id,) = await ward.stage.create(config={"env_vars": {}})
    name = f"acme/{(await ward.stage.record(record_id))['stack_name']}"
    line = await ward.until_told("blocked stacks", name, "VARIABLE_MISSING, ")
    told = (await ward.stage.record(record_id))["error_message"].split(" · ")
    assert line.fix == f"{told[-1]}; `cloudfreedom explain {name}` says more"
    await ward.stage.change(record_id, config={"env_vars": ward.stage.variables()})
    await ward.until_green("blocked stacks", name)


async def test_an_older_stack_is_adopted_by_what_is_printed(ward: Ward) -> None:
    record_id, name = await named(ward)
    service = await ward.stage.service(record_id)
    await ward.stage.world.stop_daemon()
    await ward.hand(record_id, "edit", name="old-bot", description="of the provisioner")
    await people.ask(ward.stage.admin, "DELETE", f"{LEDGER}/{record_id}")
    await ward.stage.world.start_daemon()
    line = await ward.until_told("older stacks", name, f"names service old-bot ({service['uuid']})")
    assert line.fix == f"`cloudfreedom adopt {name}`"
    await ward.obey(line)
    await ward.until_green("older stacks", name)


async def test_an_older_stack_without_a_service_gets_a_new_one(ward: Ward) -> None:
    (record_id,) = await ward.stage.create(status="running", coolify_service_uuid="gone0000000000000000gone")
    name = f"acme/{(await ward.stage.record(record_id))['stack_name']}"
    line = await ward.until_told("older stacks", name, "which is not in Coolify")
    assert line.fix == f"`cloudfreedom recreate {name}`"
    await ward.obey(line)
    await ward.until_green("older stacks", name)
    await ward.stage.until_shown([record_id], "running")


async def test_a_stack_that_nobody_makes_runs_once_a_listener_does(ward: Ward) -> None:
    await ward.stage.world.stop_daemon()
    (record_id,) = await ward.stage.create()
    name = f"acme/{(await ward.stage.record(record_id))['stack_name']}"
    assert await ward.lines("stuck stacks", name) == []
    await grown_old(ward, record_id, minutes=12)
    (line,) = await ward.lines("stuck stacks", name)
    assert line.text.startswith(f"{name}: pending for 12 minutes")
    assert line.fix == stacks.NOBODY
    (lead,) = await ward.lines("leader")
    assert remedies.commands(lead) == remedies.commands(line) == [["run"]]
    await ward.stage.world.start_daemon()  # which is that command, as a process
    await ward.until_green("stuck stacks", name)
    assert await ward.lines("leader") == []
    await ward.stage.until_shown([record_id], "running")


async def test_a_stack_whose_start_hangs_is_looked_at_again_by_what_is_printed(ward: Ward) -> None:
    await people.ask(ward.stage.standin, "POST", "/_standin/jobs/faults", {"does": "hold", "times": 9})
    (record_id,) = await ward.stage.create()
    await ward.stage.until_shown([record_id], "deploying")
    name = f"acme/{(await ward.stage.record(record_id))['stack_name']}"
    await grown_old(ward, record_id, minutes=12)
    (line,) = await ward.lines("stuck stacks", name)
    assert line.text.startswith(f"{name}: deploying for 12 minutes")
    await people.ask(ward.stage.standin, "DELETE", "/_standin/jobs/faults")
    await ward.obey(line)
    await ward.until_green("stuck stacks", name)
    await ward.stage.until_shown([record_id], "running")


async def test_a_command_that_nobody_carries_out_is_named(ward: Ward) -> None:
    record_id, _ = await named(ward)
    await ward.stage.world.stop_daemon()
    body = {"verb": "retry", "target": record_id, "arguments": {}, "actor": "ada", "state": "open"}
    path = "/api/collections/listener_requests/records"
    await people.ask(ward.stage.admin, "POST", path, body)
    about = f"retry {record_id}"
    line = await ward.until_told("stuck stacks", about, "commands that nobody carries out: ")
    assert remedies.commands(line) == [["run"]]
    await ward.stage.world.start_daemon()
    await ward.until_green("stuck stacks", about)


async def test_an_orphan_is_let_go_by_what_is_printed(ward: Ward) -> None:
    record_id, _ = await named(ward)
    service = (await ward.stage.service(record_id))["name"]
    await ward.stage.world.stop_daemon()
    for path in (f"{STACKS}/{record_id}", f"{LEDGER}/{record_id}"):
        await people.ask(ward.stage.admin, "DELETE", path)
    await ward.stage.world.start_daemon()
    line = await ward.until_told("orphans", service, "without a record")
    assert remedies.commands(line) == [["orphans", "approve", record_id]]
    await ward.obey(line)
    await ward.until_green("orphans", service)


async def test_what_looks_restored_goes_on_after_the_word_that_is_printed(ward: Ward) -> None:
    world = ward.stage.world
    await world.stop_daemon()
    await world.start_daemon()  # by now the fence is 2 at least, whatever ran before
    await people.ask(ward.stage.admin, "PATCH", LEASE, {"fence": 1})
    told = await ward.until_told("this listener", "", "restored: ")
    (line,) = await ward.lines("restored")
    assert remedies.commands(told) == remedies.commands(line) == [["accept"]]
    await ward.obey(line)
    await ward.until_green("this listener", "")
    await ward.until_green("restored", "")


async def test_what_stops_everything_is_told_until_it_is_mended(ward: Ward) -> None:
    await ward.stage.switch_api(on=False)
    line = await ward.until_told("this listener", "", "stopped by ")
    assert line.mark is report.Mark.FAILURE
    await ward.stage.switch_api(on=True)
    await ward.until_green("this listener", "")


async def test_a_pause_is_told_with_what_ends_it(ward: Ward) -> None:
    done = await cloudfreedom(ward.env, "pause", "--reason", "fake-reason")
    assert done.code == Exit.DONE, done.text
    line = await ward.until_told("this listener", "", "staff paused it")
    assert line.mark is report.Mark.WARNING
    await ward.obey(line)
    await ward.until_green("this listener", "")


async def test_a_listener_that_only_observes_says_which_setting_it_is(ward: Ward) -> None:
    world = ward.stage.world
    await world.stop_daemon()
    world.env["LISTENER_OBSERVE_ONLY"] = "1"
    await world.start_daemon()
    line = await ward.until_told("this listener", "", "nothing has an effect: ")
    await world.stop_daemon()
    setting = re.match(r"unset (\w+), then restart it$", line.fix)
    assert setting is not None, line.fix
    world.env[setting[1]] = ""  # the daemon inherits what this test has set
    await world.start_daemon()
    await ward.until_green("this listener", "")


async def grown_old(ward: Ward, record_id: str, *, minutes: int) -> None:
    """The audit says that the stack's state is so old."""
    ended = (datetime.now(UTC) - timedelta(minutes=minutes, seconds=5)).isoformat(sep=" ")
    rows = [row for row in await ward.stage.rows("stack_operations") if row["stack_id"] == record_id]
    for row in rows:
        await people.ask(ward.stage.admin, "PATCH", f"{OPERATIONS}/{row['id']}", {"ended": ended})
    if not any(row["state"] for row in rows):
        body = {"stack_id": record_id, "verb": "state", "outcome": "done", "state": "pending", "ended": ended}
        await people.ask(ward.stage.admin, "POST", OPERATIONS, body)
