"""One side was put back to an earlier day: nothing is done before a person accepts, then all is put right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from handlers import ledger, records, restored
from listener.engine.highwater import HighWater
from tests.handlers.world import World

META = "/api/collections/listener_meta/records/main"
RESTART = "POST /services/{uuid}/restart"


class Host:
    """The watch of this host, before every effect of each process that `begin`s here."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.fence = 1000
        self.watch: restored.Watch

    async def begin(self) -> None:
        """A new process."""
        await self.world.restart()
        self.hold()

    def hold(self) -> None:
        """The present process asks the watch before each effect."""
        mark = HighWater(self.folder, inst="0a1b2c3d", fence=lambda: self.fence, clock=self.world.clock)
        self.watch = restored.Watch(
            eyes=self.world.parts.eyes, mark=mark, writer=self.world.parts.writer, leads=lambda: True
        )
        self.world.parts.withheld.append(self.watch.holds)

    async def live(self, seconds: float) -> None:
        """That time passes in steps, with the watch's rounds and the finder's among them."""
        world = self.world
        for _ in range(int(seconds // 100)):
            await self.watch.round()
            if not self.watch.holds():
                if not world.parts.eyes.is_caught_up:
                    await world.sweep()
                for key in await world.parts.finder.round():
                    world.parts.turns.add(key, world.clock.seconds)
            await world.live(100)

    async def signs(self) -> tuple[str, ...]:
        """What says that something was put back."""
        return (await self.watch.report(self.fence)).signs

    async def accept(self) -> None:
        """A person accepts, once the signs were told."""
        await self.watch.round()
        stamp = self.world.clock.now().strftime("%Y-%m-%d %H:%M:%S.000Z")
        await self.world.admin.patch(META, json={"accepted_at": stamp})
        await self.watch.round()
        assert not self.watch.holds()


@pytest_asyncio.fixture(loop_scope="function")
async def host(world: World, tmp_path: Path) -> Host:
    await world.admin.patch(META, json={"accepted_at": "2020-01-01 00:00:00.000Z"})
    made = Host(world, tmp_path)
    made.hold()
    return made


async def fleet(world: World, count: int) -> list[str]:
    """So many stacks that run."""
    found = [await world.stack() for _ in range(count)]
    await world.settle()
    return found


async def forget(world: World, stacks: list[str]) -> None:
    """PocketBase is older than these stacks."""
    for stack in stacks:
        await world.admin.delete(f"/api/collections/{records.STACKS}/records/{stack}")
        await world.admin.delete(f"/api/collections/{ledger.COLLECTION}/records/{stack}")


async def statuses(world: World, stacks: list[str]) -> set[str]:
    return {(await world.row(stack))["error_message"].partition(" ")[0] for stack in stacks}


async def test_nothing_is_held_back_on_an_ordinary_day(world: World, host: Host) -> None:
    stacks = await fleet(world, 5)
    await host.begin()
    with structlog.testing.capture_logs() as log:
        await host.live(400)
        for stack in stacks[:3]:
            world.coolify.world.forget(world.service(stack))
        await host.live(400)
    assert [line for line in log if line["event"].startswith("restore")] == []
    assert await statuses(world, stacks[:3]) == {"SERVICE_MISSING"}


async def test_coolify_put_back_blocks_nothing_and_makes_nothing_before_it_is_accepted(
    world: World, host: Host
) -> None:
    old = await fleet(world, 2)
    world.coolify.world.save()
    new = await fleet(world, 4)
    await host.begin()
    await host.live(100)
    world.coolify.calls.reset()
    world.coolify.world.put_back()
    with structlog.testing.capture_logs() as log:
        await world.poll()
        assert host.watch.holds()
        await host.live(600)
    (found,) = [line for line in log if line["event"] == "restore.found"]
    assert (found["signs"], "Coolify lacks 4 of 6" in found["report"][0]) == (("services",), True)
    assert (world.effects(), await statuses(world, new)) == ([], {""})
    await host.begin()
    await host.live(300)
    assert (host.watch.holds(), await host.signs()) == (True, ("services",))
    await host.accept()
    await host.live(400)
    assert (await statuses(world, new), await statuses(world, old)) == ({"SERVICE_MISSING"}, {""})
    assert world.effects() == []
    await host.begin()
    await host.live(200)
    assert not host.watch.holds()


async def test_a_new_coolify_is_an_empty_one(world: World, host: Host) -> None:
    stacks = await fleet(world, 4)
    await host.begin()
    world.coolify.calls.reset()
    world.coolify.world.clear()
    await host.live(600)
    assert (await host.signs(), world.effects(), await statuses(world, stacks)) == (("services",), [], {""})
    await host.accept()
    await host.live(1300)
    assert (await statuses(world, stacks), world.effects()) == ({"SERVICE_MISSING"}, [])
    body = {"verb": "recreate", "target": stacks[0], "actor": "ada", "state": "open"}
    asked = (await world.admin.post("/api/collections/listener_requests/records", json=body)).json()["id"]
    world.touch("listener_requests", asked)
    await host.live(900)
    assert ((await world.row(stacks[0]))["status"], len(world.services(stacks[0]))) == ("running", 1)


async def test_services_that_are_there_again_need_no_acceptance(world: World, host: Host) -> None:
    await fleet(world, 4)
    world.coolify.world.save()
    world.coolify.world.clear()
    await world.poll()
    await host.watch.round()
    assert host.watch.holds()
    world.coolify.world.put_back()
    await world.poll()
    assert not host.watch.holds()


async def test_markers_that_pocketbase_does_not_know_hold_a_start_until_accepted(
    world: World, host: Host
) -> None:
    old, new = await fleet(world, 2), await fleet(world, 4)
    services = {stack: world.service(stack).uuid for stack in new}
    await forget(world, new)
    await host.begin()
    world.coolify.calls.reset()
    await world.poll()
    assert host.watch.holds()
    await host.live(600)
    assert (await host.signs(), world.effects()) == (("markers",), [])
    assert {row.id for row in world.parts.eyes.ledger.rows(records.STACKS)} == set(old)
    await host.begin()
    await world.poll()
    assert host.watch.holds()
    await host.accept()
    await host.live(300)
    found = {row.id: row.service_uuid for row in world.parts.eyes.ledger.rows(records.STACKS) if row.orphan}
    assert (found, world.effects()) == (services, [])


async def test_another_installations_services_hold_a_start_no_longer_than_they_are_read(
    world: World, host: Host
) -> None:
    new = await fleet(world, 4)
    for stack in new:
        service = world.service(stack)
        service.description = service.description.replace("inst=0a1b2c3d", "inst=99999999")
    await forget(world, new)
    await host.begin()
    await world.poll()
    assert host.watch.holds()
    await host.watch.round()
    assert (host.watch.holds(), await host.signs()) == (False, ())


async def test_a_lower_fence_holds_everything_over_restarts_until_accepted(world: World, host: Host) -> None:
    (stack,) = await fleet(world, 1)
    await host.begin()
    await host.watch.round()
    host.fence = 40
    assert host.watch.holds()
    await host.watch.round()
    host.fence = 5000
    await host.begin()
    world.coolify.calls.reset()
    await world.edit(stack, action="restart")
    await host.live(300)
    assert (host.watch.holds(), await host.signs(), world.effects()) == (True, ("fence",), [])
    await host.accept()
    await host.live(300)
    assert world.effects() == [RESTART]
    await host.begin()
    assert not host.watch.holds()


async def test_an_older_acceptance_accepts_nothing(world: World, host: Host) -> None:
    await fleet(world, 4)
    world.coolify.world.clear()
    await world.poll()
    await host.watch.round()
    await host.watch.round()
    assert host.watch.holds()
    await world.admin.patch(META, json={"accepted_at": "2001-01-01 00:00:00.000Z"})
    await host.watch.round()
    assert host.watch.holds()


async def test_a_list_that_fails_is_no_missing_service(world: World, host: Host) -> None:
    await fleet(world, 4)
    world.coolify.world.clear()
    world.coolify.faults.add("GET", "resources$", reply=500, times=9)
    await world.poll()
    assert not host.watch.holds()


async def put_back(world: World, host: Host, rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    """PocketBase has these rows again, under an older fence."""
    for (collection, record), row in rows.items():
        kept = {
            name: value for name, value in row.items() if name not in ("created", "updated", "purge_after")
        }
        answer = await world.admin.patch(f"/api/collections/{collection}/records/{record}", json=kept)
        assert answer.is_success, answer.text
    host.fence -= 900


async def rows_of(world: World, stacks: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """What PocketBase holds of these stacks now."""
    found = {}
    for stack in stacks:
        for collection in (records.STACKS, ledger.COLLECTION):
            row = await world.admin.get(f"/api/collections/{collection}/records/{stack}")
            found[collection, stack] = row.json()
    return found


def values(world: World, stack: str) -> dict[str, str | None]:
    """The variables that the stack's service has."""
    return {one.key: one.value for one in world.service(stack).variables}


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "MODEL"])
async def test_edits_that_a_put_back_pocketbase_forgot_are_undone_in_coolify_and_nothing_else_is_touched(
    world: World, host: Host, name: str
) -> None:
    same, edited = await fleet(world, 2)
    await host.begin()
    await host.watch.round()
    kept = await rows_of(world, [same, edited])
    before = values(world, edited)
    config = kept[records.STACKS, edited]["config"]
    changed = {"env_vars": {**config["env_vars"], name: "fake-newer-value"}}
    await world.edit(edited, config=changed)
    await world.settle()
    assert values(world, edited) != before
    await put_back(world, host, kept)
    await host.begin()
    await host.watch.round()
    await host.live(300)
    world.coolify.calls.reset()
    await host.accept()
    await host.live(600)
    assert values(world, edited) == before
    touched = {call.path for call in world.coolify.calls if call.method != "GET"}
    assert touched
    assert all(f"/services/{world.service(edited).uuid}" in path for path in touched), touched
    assert await statuses(world, [same, edited]) == {""}
