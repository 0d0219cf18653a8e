"""What only the stand-in has: time that can be moved, containers, jobs, a hand in the pages."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest

from listener.sandbox import standin
from tests.contract.stand import WEB, Stand, encoded, stand


async def test_a_start_passes_through_its_phases() -> None:
    async with stand() as one:
        uuid = await one.service()
        await one.http.post(f"/services/{uuid}/start")
        seen = []
        for seconds in (9, 2, 18, 2, 58, 2):
            one.move(seconds)
            seen.append(await one.status(uuid))
        assert seen == [
            *("exited", "starting:unhealthy", "starting:unhealthy"),
            *("exited", "exited", "running:healthy"),
        ]


async def test_two_accepted_starts_are_two_ups() -> None:
    async with stand() as one:
        uuid = await one.service()
        for _ in range(2):
            assert (await one.http.post(f"/services/{uuid}/start")).status_code == 200
        await one.standin.run_jobs()
        assert one.standin.service(uuid).ups == 2


async def test_a_restart_stops_first() -> None:
    async with stand() as one:
        uuid = await one.running()
        await one.http.post(f"/services/{uuid}/restart")
        one.move(11)
        one.standin.tick()
        assert not one.standin.service(uuid).parts[0].runs
        await one.standin.run_jobs()
        assert one.standin.service(uuid).parts[0].runs


async def test_a_restart_with_latest_does_not_stop_first() -> None:
    async with stand() as one:
        uuid = await one.running()
        await one.http.post(f"/services/{uuid}/restart?latest=1")
        one.move(11)
        assert one.standin.service(uuid).parts[0].runs


async def test_a_stop_during_a_start_ends_with_containers_that_run() -> None:
    async with stand() as one:
        uuid = await one.service()
        await one.http.post(f"/services/{uuid}/start")
        one.move(11)
        assert (await one.http.post(f"/services/{uuid}/stop")).status_code == 200
        one.move(11)
        assert await one.status(uuid) == "exited"
        one.move(9)
        assert one.standin.service(uuid).parts[0].runs


async def test_a_stop_with_ssh_failing_says_exited_while_the_containers_run() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.knobs.ssh = False
        await one.http.post(f"/services/{uuid}/stop")
        await one.standin.run_jobs()
        assert await one.status(uuid) == "exited"
        assert one.standin.service(uuid).parts[0].runs


async def test_a_stop_on_an_unreachable_server_changes_nothing() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.knobs.reachable = False
        assert (await one.http.post(f"/services/{uuid}/stop")).status_code == 200
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"


@pytest.mark.parametrize(
    ("query", "prunes"), [("", 1), ("?docker_cleanup=0", 0), ("?docker_cleanup=false", 0)], ids=str
)
async def test_a_stop_prunes_the_server_unless_told_not_to(query: str, prunes: int) -> None:
    async with stand() as one:
        uuid = await one.running()
        await one.http.post(f"/services/{uuid}/stop{query}")
        await one.standin.run_jobs()
        assert one.standin.server.prunes == prunes


@pytest.mark.parametrize(("query", "kept"), [("", False), ("?delete_volumes=0", True)], ids=str)
async def test_a_deletion_removes_volumes_unless_told_not_to(query: str, *, kept: bool) -> None:
    async with stand() as one:
        uuid = await one.running()
        await one.http.delete(f"/services/{uuid}{query}")
        await one.standin.run_jobs()
        assert one.standin.service(uuid).deleted
        assert one.standin.server.volumes == ({f"{uuid}_data"} if kept else set())


async def test_a_deletion_on_an_unreachable_server_leaves_containers_and_volumes() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.knobs.reachable = False
        await one.http.delete(f"/services/{uuid}")
        await one.standin.run_jobs()
        assert (await one.http.get(f"/services/{uuid}")).status_code == 404
        assert one.standin.service(uuid).parts[0].runs
        assert one.standin.server.volumes == {f"{uuid}_data"}


async def test_a_service_that_never_starts_stays_exited_and_only_the_stand_in_knows_why() -> None:
    async with stand(never_start="^one$") as one:
        uuid = await one.service("one")
        await one.http.post(f"/services/{uuid}/start")
        await one.standin.run_jobs()
        assert await one.status(uuid) == "exited"
        assert one.standin.service(uuid).failure == "docker compose up failed"


async def test_updated_at_moves_with_a_change_and_with_a_start() -> None:
    async with stand() as one:
        uuid = await one.service()
        stamps = [one.standin.service(uuid).updated]
        one.move(5)
        await one.http.patch(f"/services/{uuid}", json={"description": "x"})
        stamps.append(one.standin.service(uuid).updated)
        await one.http.post(f"/services/{uuid}/start")
        one.move(11)
        stamps.append(one.standin.service(uuid).updated)
        assert stamps == sorted(set(stamps))


async def test_a_crash_of_the_parser_on_a_change_keeps_the_text_and_the_old_parse() -> None:
    async with stand() as one:
        uuid = await one.service()
        before = one.standin.service(uuid).compose
        crash = {"services": {"web": {"image": "b", "environment": {"X": "$5"}}}}
        answer = await one.http.patch(f"/services/{uuid}", json={"docker_compose_raw": encoded(crash)})
        assert answer.status_code == 500
        assert one.standin.service(uuid).compose == before


async def test_a_person_edits_clones_and_deletes() -> None:
    async with stand() as one:
        uuid = await one.service("one", description="mark")
        one.standin.hand.edit(uuid, name="renamed", description="other")
        clone = one.standin.hand.clone(uuid)
        names = {service.name for service in one.standin.services()}
        assert names == {"renamed", one.standin.service(clone).name}
        assert one.standin.service(clone).name.startswith("renamed-clone-")
        assert one.standin.service(clone).description == "other"
        one.standin.hand.delete(uuid)
        await one.standin.run_jobs()
        assert [service.uuid for service in one.standin.services()] == [clone]


async def test_a_container_that_dies_shows_after_the_sync() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.hand.kill(uuid)
        assert await one.status(uuid) == "running:healthy"
        one.move(61)
        assert await one.status(uuid) == "exited"


async def test_a_person_starts_and_stops_without_a_look_at_the_status() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.hand.stop(uuid)
        one.standin.hand.stop(uuid)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "exited"
        one.standin.hand.start(uuid)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"


async def test_labels_of_a_container_with_a_domain_get_their_dollars_doubled() -> None:
    async with stand() as one:
        document = {"services": {"web": {"image": "a", "labels": ["x=a$b"]}}}
        uuid = await one.service("one", document, urls=[{"name": "web", "url": "https://a.example.com"}])
        await one.http.post(f"/services/{uuid}/start")
        await one.standin.run_jobs()
        assert "x=a$$b" in (one.standin.service(uuid).compose or "")


@pytest.mark.looptime
async def test_the_stand_in_follows_a_virtual_clock() -> None:
    """An hour of queue takes no time, and the loop's own sleeps move the stand-in's time."""
    server = standin.StandIn(
        turned=standin.Knobs(job_delay=3600.0, latency=2.0), clock=lambda: asyncio.get_running_loop().time()
    )
    headers = {"Authorization": f"Bearer {server.token}"}
    transport = httpx.ASGITransport(server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1", headers=headers) as http:
        one = Stand(http, server, [])
        uuid = await one.service("one", WEB)
        await http.post(f"/services/{uuid}/start")
        assert await one.status(uuid) == "exited"
        await anyio.sleep(3700)
        assert await one.status(uuid) == "running:healthy"
