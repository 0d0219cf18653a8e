"""The shared list: paced, asked for once by many, and honest about its age."""

from __future__ import annotations

import itertools

import anyio
import pytest

from listener import errors
from listener.coolify.view import View
from listener.sandbox.standin import state
from tests.coolify.conftest import Rig, now

pytestmark = pytest.mark.looptime

LIST = ("GET", "/servers/{uuid}/resources")


def looking(rig: Rig, *known: str) -> View:
    """A view of every server of the team and of these."""
    return View(coolify=rig.coolify, clock=now, pace=5.0, servers_every=600.0, known_servers=lambda: known)


def put(rig: Rig, name: str, server: state.Server | None = None) -> state.Service:
    """A service on a server."""
    rows = rig.standin.world
    project = rows.add_project(rig.standin.team, "p", "")
    host = server or rig.standin.server
    return rows.add_service(project.environments[0], host, host.destinations[0], name)


async def test_before_the_first_list_nothing_is_known(rig: Rig) -> None:
    snapshot = looking(rig).snapshot
    assert not snapshot.is_complete
    assert snapshot.listed_at(rig.standin.server.uuid) == float("-inf")


async def test_a_list_names_every_service_of_every_server(rig: Rig) -> None:
    two = rig.standin.world.add_server(rig.standin.team, "two")
    services = [put(rig, "cf-a-1"), put(rig, "cf-b-2", two)]
    snapshot = await looking(rig).younger_than(now())
    assert snapshot.is_complete
    assert {uuid: entry.server_uuid for uuid, entry in snapshot.services.items()} == {
        one.uuid: one.server.uuid for one in services
    }
    assert set(snapshot.servers) == {rig.standin.server.uuid, two.uuid}


async def test_a_record_finds_its_services_by_the_end_of_their_name_oldest_first(rig: Rig) -> None:
    first = put(rig, "cf-a-web-rec1")
    await anyio.sleep(2)
    second = put(rig, "cf-a-web-rec1")
    put(rig, "cf-a-web-rec1-clone-ab12")
    put(rig, "cf-a-rec1x")
    snapshot = await looking(rig).younger_than(now())
    assert [entry.uuid for entry in snapshot.of_record("rec1")] == [first.uuid, second.uuid]


async def test_many_who_ask_at_once_share_one_list(rig: Rig) -> None:
    rig.standin.knobs.latency = 0.1
    view, found = looking(rig), []

    async def ask() -> None:
        found.append(await view.younger_than(now()))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert rig.standin.calls.count(*LIST) == 1
    assert len({id(snapshot) for snapshot in found}) == 1


async def test_lists_keep_their_pace(rig: Rig) -> None:
    view = looking(rig)
    for _ in range(40):
        await view.younger_than(now())
        await anyio.sleep(0.5)
    times = rig.times(*LIST)
    assert len(times) == 4
    assert min(b - a for a, b in itertools.pairwise(times)) >= 5.0


async def test_the_pace_follows_what_a_list_costs(rig: Rig) -> None:
    rig.standin.knobs.latency = 1.0
    view = looking(rig)
    await view.younger_than(now())
    assert view.pace == pytest.approx(20.0)


async def test_waiting_for_the_budget_is_not_what_a_list_costs(rig: Rig) -> None:
    rig.standin.knobs.rate_limit = 2
    view = looking(rig)
    await rig.coolify.version()
    began = now()
    await view.younger_than(now())
    assert now() - began > 55
    assert view.pace == 5.0


async def test_a_list_bears_the_time_it_was_asked_for(rig: Rig) -> None:
    rig.standin.knobs.latency = 3.0
    view = looking(rig)
    before = now()
    snapshot = await view.younger_than(before)
    assert snapshot.requested_at == snapshot.listed_at(rig.standin.server.uuid) == before
    assert now() - before == pytest.approx(6.0)


async def test_an_older_list_is_enough_where_nothing_happened_since(rig: Rig) -> None:
    view = looking(rig)
    first = await view.younger_than(now())
    await anyio.sleep(100)
    assert await view.younger_than(first.requested_at - 1) is first


async def test_a_renewal_is_younger_than_its_call_whatever_the_pace(rig: Rig) -> None:
    view = looking(rig)
    await view.renew()
    await anyio.sleep(1)
    called = now()
    assert (await view.renew()).requested_at >= called
    assert rig.standin.calls.count(*LIST) == 2


@pytest.mark.parametrize("reply", [500, 404, "drop"], ids=str)
async def test_a_server_that_fails_keeps_its_services_with_their_age(rig: Rig, reply: int) -> None:
    two = rig.standin.world.add_server(rig.standin.team, "two")
    mine, other = put(rig, "cf-a-1"), put(rig, "cf-b-2", two)
    view = looking(rig)
    first = await view.younger_than(now())
    rig.standin.faults.add("GET", f"^/servers/{two.uuid}/", times=3, reply=reply)
    other.name = "renamed"
    await anyio.sleep(600)
    asked = now()
    second = await view.younger_than(asked - 1)
    assert (second.is_complete, set(second.unknown)) == (False, {two.uuid})
    assert set(second.services) == {mine.uuid, other.uuid}
    assert second.services[other.uuid].name == "cf-b-2"
    assert (second.listed_at(two.uuid), second.listed_at(mine.server.uuid)) == (first.requested_at, asked)
    rig.standin.faults.clear()
    await anyio.sleep(600)
    assert (await view.younger_than(now() - 1)).services[other.uuid].name == "renamed"


async def test_a_server_only_the_ledger_knows_is_asked_too(rig: Rig) -> None:
    snapshot = await looking(rig, "gone-server", "").younger_than(now())
    assert snapshot.unknown == {"gone-server"}
    assert not snapshot.is_complete


async def test_servers_are_asked_for_every_ten_minutes(rig: Rig) -> None:
    view = looking(rig)
    for _ in range(25):
        await view.renew()
        await anyio.sleep(60)
    times = rig.times("GET", "/servers")
    assert [round(b - a) for a, b in itertools.pairwise(times)] == [600, 600]


async def test_without_the_servers_there_is_no_list(rig: Rig) -> None:
    view = looking(rig)
    rig.standin.faults.add("GET", "^/servers$", times=3, reply=500)
    with pytest.raises(errors.UpstreamUnavailable):
        await view.younger_than(now())
    assert not view.snapshot.is_complete


async def lists_while_stirred(rig: Rig, view: View, *, seconds: float) -> list[float]:
    """When lists came, by the seconds since a job was queued, with somebody asking all the time."""
    await view.younger_than(now())
    await anyio.sleep(60)
    queued = now()
    view.stir()
    while now() < queued + seconds:
        await view.younger_than(now())
        await anyio.sleep(0.01)
    return [round(at - queued, 1) for at in rig.times(*LIST)[1:]]


async def test_after_a_job_lists_come_at_once_and_then_ever_more_seldom(rig: Rig) -> None:
    found = await lists_while_stirred(rig, looking(rig), seconds=18)
    assert found == pytest.approx([0.0, 0.5, 1.8, 4.9, 9.9, 14.9], abs=0.1)


async def test_lists_after_a_job_draw_no_more_in_advance_than_they_may(rig: Rig) -> None:
    rig.standin.knobs.latency = 0.4
    found = await lists_while_stirred(rig, looking(rig), seconds=25)
    assert found == pytest.approx([0.4, 0.9, 4.4, 12.4, 20.4], abs=0.1)


async def test_many_jobs_on_end_ask_for_no_more_than_a_twentieth_of_the_time_for_long(rig: Rig) -> None:
    rig.standin.knobs.latency = 0.05
    view = looking(rig)
    await view.younger_than(now())
    for _ in range(600):
        view.stir()
        await view.younger_than(now())
        await anyio.sleep(0.1)
    spent = 0.05 * rig.standin.calls.count(*LIST)
    assert spent <= (now() + 20.0) / 20.0 + 0.1


async def test_where_requests_are_few_a_job_changes_no_pace(rig: Rig) -> None:
    rig.standin.knobs.rate_limit = 20
    for _ in range(6):
        await rig.coolify.version()
    view = looking(rig)
    await view.younger_than(now())
    view.stir()
    assert view.interval(60.0) == 60.0
    for _ in range(40):
        await anyio.sleep(0.1)
        await view.younger_than(now())
    assert rig.standin.calls.count(*LIST) == 1


async def test_the_interval_is_short_after_a_job_until_all_is_calm(rig: Rig) -> None:
    view, told = looking(rig), []
    view.on_stir(lambda: told.append(now()))
    await view.renew()
    assert view.interval(60.0) == 60.0
    view.stir()
    assert len(told) == 1
    assert view.interval(60.0) == pytest.approx(0.2)
    await anyio.sleep(1)
    await view.renew()
    assert view.interval(60.0) == pytest.approx(0.5)
    view.calm()
    assert view.interval(60.0) == 60.0


async def test_a_list_that_fails_makes_the_next_one_later_all_the_same(rig: Rig) -> None:
    view = looking(rig)
    view.stir()
    rig.standin.faults.add("GET", "^/servers$", times=3, reply=500)
    with pytest.raises(errors.UpstreamUnavailable):
        await view.younger_than(now())
    assert view.interval(60.0) == pytest.approx(0.5)
