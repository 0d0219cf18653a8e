"""What the stand-in does on purpose that no Coolify does: to answers, to clocks, to its queue."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx
import pytest

from listener.sandbox.standin import Fault, JobFault
from listener.sandbox.standin.faults import Job
from tests.contract.stand import Stand, stand


async def control(one: Stand, verb: str, path: str, body: Any = None) -> httpx.Response:
    return await one.http.request(verb, f"http://standin/_standin/{path}", json=body)


async def test_half_an_answer_comes_after_the_deed_and_breaks_off() -> None:
    async with stand() as one:
        one.standin.faults.add("POST", "^/projects$", reply="half")
        with pytest.raises(httpx.ReadError):
            await one.http.post("/projects", json={"name": "one"})
        assert [project.name for project in one.standin.world.projects] == ["one"]


async def test_half_an_answer_over_real_sockets_is_shorter_than_it_says(served: tuple[str, str, str]) -> None:
    url, token, _ = served
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        await http.post("/_standin/faults", json={"path": "^/servers$", "reply": "half"})
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            await http.get("/api/v1/servers")


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
async def test_a_stall_ends_when_the_client_gives_up(served: tuple[str, str, str], *, effect: bool) -> None:
    url, token, _ = served
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        fault = {"method": "POST", "path": "^/projects$", "reply": "stall", "effect": effect}
        await http.post("/_standin/faults", json=fault)
        name = f"stalled-{effect}"
        with pytest.raises(httpx.ReadTimeout):
            await http.post("/api/v1/projects", json={"name": name}, timeout=0.2)
        made = [project["name"] for project in (await http.get("/_standin/state")).json()["projects"]]
        assert (name in made) is effect
        assert (await http.get("/api/v1/version")).status_code == 200


@pytest.mark.looptime
async def test_a_stall_in_process_lasts_for_ever() -> None:
    async with stand() as one:
        one.standin.faults.add(reply="stall")
        with anyio.move_on_after(3600) as scope:
            await one.http.get("/version")
        assert scope.cancelled_caught


async def test_a_lagging_list_repeats_itself_and_then_is_new() -> None:
    async with stand() as one:
        one.standin.faults.put(Fault(path="^/projects$", times=9, reply=None, lag=5.0))
        await one.project("one")
        await one.http.get("/projects")
        await one.project("two")
        one.move(4.9)
        assert [row["name"] for row in (await one.http.get("/projects")).json()] == ["one"]
        one.move(0.1)
        assert [row["name"] for row in (await one.http.get("/projects")).json()] == ["one", "two"]


async def test_a_lagging_list_still_counts_against_the_limit() -> None:
    async with stand() as one:
        one.standin.faults.put(Fault(path="^/projects$", times=9, reply=None, lag=5.0))
        left = [(await one.http.get("/projects")).headers["x-ratelimit-remaining"] for _ in range(2)]
        assert left == ["199", "198"]


async def test_a_clock_that_is_wrong_shows_in_date_and_stamps() -> None:
    async with stand() as one:
        date = parsedate_to_datetime((await one.http.get("/version")).headers["date"])
        one.standin.knobs.skew = 7200.0
        skewed = parsedate_to_datetime((await one.http.get("/version")).headers["date"])
        assert (skewed - date).total_seconds() == pytest.approx(7200, abs=1)
        await one.project()
        assert one.standin.world.projects[0].created[:19] == skewed.strftime("%Y-%m-%dT%H:%M:%S")


async def test_each_answer_over_real_sockets_has_one_date(served: tuple[str, str, str]) -> None:
    async with httpx.AsyncClient(base_url=served[0]) as http:
        assert len((await http.get("/api/health")).headers.get_list("date")) == 1


async def test_a_limit_that_is_turned_down_refuses_what_exceeds_it() -> None:
    async with stand() as one:
        await one.http.get("/version")
        one.standin.knobs.rate_limit = 1
        answer = await one.http.get("/version")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        one.standin.knobs.rate_limit = 200
        assert (await one.http.get("/version")).status_code == 200


async def test_a_stuck_job_begins_when_it_is_released_and_not_before() -> None:
    async with stand() as one:
        uuid = await one.service()
        fault = one.standin.jobs.spoil(JobFault("hold", job="start"))
        await one.http.post(f"/services/{uuid}/start")
        one.move(3600)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "exited"
        one.standin.jobs.lift(fault.number)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"


async def test_a_fault_meets_the_jobs_that_are_in_the_queue_already() -> None:
    async with stand() as one:
        uuid = await one.service()
        await one.http.post(f"/services/{uuid}/start")
        one.standin.jobs.spoil(JobFault("lose"))
        await one.standin.run_jobs()
        assert one.standin.service(uuid).ups == 0


async def test_reordered_jobs_begin_with_the_newest() -> None:
    """A stop that was asked for after the start runs before it: the service runs in the end."""
    async with stand() as one:
        uuid = await one.running()
        fault = one.standin.jobs.spoil(JobFault("reorder", times=2))
        await one.http.post(f"/services/{uuid}/restart")
        await one.http.post(f"/services/{uuid}/stop")
        await one.standin.run_jobs()
        assert one.standin.service(uuid).ups == 1
        one.standin.jobs.lift(fault.number)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"


@pytest.mark.parametrize("verb", ["stop", "restart"], ids=str)
async def test_a_lost_job_changes_nothing(verb: Job) -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.jobs.spoil(JobFault("lose", job=verb))
        assert (await one.http.post(f"/services/{uuid}/{verb}")).status_code == 200
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"
        assert one.standin.service(uuid).ups == 1
        assert one.standin.jobs.spoiled() == []


async def test_a_lost_sync_lets_the_status_go_on_lying() -> None:
    async with stand() as one:
        uuid = await one.running()
        one.standin.jobs.spoil(JobFault("lose", job="sync"))
        one.standin.hand.kill(uuid)
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"
        assert not one.standin.service(uuid).parts[0].runs


async def test_only_the_jobs_of_that_service_are_met() -> None:
    async with stand() as one:
        one.standin.jobs.spoil(JobFault("lose", service="^two$", times=9))
        uuids = [await one.service(name) for name in ("one", "two")]
        for uuid in uuids:
            await one.http.post(f"/services/{uuid}/start")
        await one.standin.run_jobs()
        assert [await one.status(uuid) for uuid in uuids] == ["running:healthy", "exited"]


async def test_faults_of_jobs_are_driven_over_http() -> None:
    async with stand() as one:
        uuid = await one.service()
        (shown,) = (await control(one, "POST", "jobs/faults", {"does": "hold"})).json()
        await one.http.post(f"/services/{uuid}/start")
        one.move(11)
        (held,) = (await control(one, "GET", "jobs/faults")).json()
        assert (held["times"], held["held"]) == (0, 1)
        assert (await control(one, "DELETE", f"jobs/faults?number={shown['number']}")).json() == []
        await one.standin.run_jobs()
        assert await one.status(uuid) == "running:healthy"


async def test_one_fault_of_several_is_removed_by_its_number() -> None:
    async with stand() as one:
        numbers = [(await control(one, "POST", "faults", {})).json()[-1]["number"] for _ in range(2)]
        (left,) = (await control(one, "DELETE", f"faults?number={numbers[0]}")).json()
        assert left["number"] == numbers[1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"reply": "explode"}),
        ("faults", {"times": "x"}),
        ("faults", {"path": "["}),
        ("faults", {"number": 7}),
        ("faults", [1]),
        ("jobs/faults", {}),
        ("jobs/faults", {"does": "hold", "job": "nap"}),
        ("jobs/faults", {"does": "hold", "service": "["}),
        ("jobs/faults", {"does": "hold", "held": []}),
    ],
    ids=str,
)
async def test_a_fault_that_makes_no_sense_is_refused(path: str, body: Any) -> None:
    async with stand() as one:
        assert (await control(one, "POST", path, body)).status_code == 400
        assert (await control(one, "GET", path)).json() == []
