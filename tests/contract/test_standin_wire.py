"""Faults, counters, the rate limit and the control routes of the stand-in."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from tests.contract.stand import stand


async def test_a_fault_without_effect_answers_and_changes_nothing() -> None:
    async with stand() as one:
        one.standin.faults.add("POST", "^/projects$", times=2, reply=503)
        statuses = [(await one.http.post("/projects", json={"name": "one"})).status_code for _ in range(3)]
        assert statuses == [503, 503, 201]
        assert len(one.standin.world.projects) == 1


async def test_a_fault_with_effect_answers_wrongly_after_the_deed() -> None:
    async with stand() as one:
        one.standin.faults.add("POST", "^/projects$", effect=True, reply=500)
        assert (await one.http.post("/projects", json={"name": "one"})).status_code == 500
        assert [project.name for project in one.standin.world.projects] == ["one"]


async def test_a_dropped_answer_is_a_read_error_after_the_deed() -> None:
    async with stand() as one:
        one.standin.faults.add("POST", "^/projects$", effect=True, reply="drop")
        with pytest.raises(httpx.ReadError):
            await one.http.post("/projects", json={"name": "one"})
        assert len(one.standin.world.projects) == 1
        assert [call.status for call in one.standin.calls] == [0]


async def test_garbage_is_no_json() -> None:
    async with stand() as one:
        one.standin.faults.add("GET", "^/projects$", reply="garbage")
        answer = await one.http.get("/projects")
        assert answer.status_code == 200
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            answer.json()


@pytest.mark.looptime
async def test_a_late_answer_comes_after_the_deed() -> None:
    async with stand() as one:
        one.standin.faults.add("POST", "^/projects$", reply=None, delay=60)
        with anyio.move_on_after(30) as scope:
            await one.http.post("/projects", json={"name": "one"})
        assert scope.cancelled_caught
        assert one.standin.calls.count("POST", "/projects") == 1
        assert len(one.standin.world.projects) == 1


async def test_a_fault_may_carry_headers() -> None:
    async with stand() as one:
        one.standin.faults.add("GET", reply=429).headers = {"Retry-After": "7"}
        answer = await one.http.get("/projects")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_calls_are_counted_by_verb_and_template_without_values() -> None:
    async with stand() as one:
        uuid = await one.service()
        await one.http.post(f"/services/{uuid}/envs", json={"key": "FAKE", "value": "fake-secret"})
        await one.http.get(f"/services/{uuid}")
        await one.http.get("/nope")
        calls = one.standin.calls
        assert calls.count("POST", "/services") == 1
        assert calls.count("GET", "/services/{uuid}") == 1
        assert calls.count(route="/services/{uuid}/envs") == 1
        assert calls.count() == len(calls) == 5
        assert "fake-secret" not in repr(list(calls))
        assert next(call for call in calls if call.route.endswith("envs")).keys == ("key", "value")
        calls.reset()
        assert calls.count() == 0


async def test_the_window_is_fixed_from_its_first_request() -> None:
    async with stand(rate_limit=3) as one:
        assert (await one.http.get("/version")).headers["x-ratelimit-remaining"] == "2"
        one.move(50)
        assert [(await one.http.get("/version")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await one.http.get("/version")).headers["retry-after"] == "10"
        one.move(10)
        assert (await one.http.get("/version")).headers["x-ratelimit-remaining"] == "2"


async def test_the_budget_belongs_to_the_user_and_not_to_the_token() -> None:
    async with stand(rate_limit=2) as one:
        user = one.standin.world.add_user(one.standin.team)
        tokens = [one.standin.world.add_token(f"7|fake-{name}", user).text for name in "ab"]
        for token, status in zip([*tokens, tokens[0]], (200, 200, 429), strict=True):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await one.http.get("/version", headers=headers)).status_code == status
        assert (await one.http.get("/version")).status_code == 200


async def test_the_root_user_shares_its_budget_with_its_address() -> None:
    async with stand(rate_limit=2) as one:
        await one.http.get("/version")
        await one.http.get("/health", headers={"Authorization": ""})
        assert (await one.http.get("/version")).status_code == 429


async def test_a_401_is_not_counted() -> None:
    async with stand(rate_limit=1) as one:
        for _ in range(3):
            answer = await one.http.get("/version", headers={"Authorization": "Bearer 9|fake-wrong"})
            assert answer.status_code == 401
        assert (await one.http.get("/version")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/version", "/api/v1/nope", "/api/health", "/_standin/state", "/_standin/nope", "/"]
)
async def test_every_answer_says_that_it_is_a_stand_in(path: str) -> None:
    async with stand() as one:
        answer = await one.http.get(f"http://standin{path}")
        assert answer.headers["x-stand-in"] == "cloudfreedom"


async def _control(one: Any, verb: str, path: str, body: Any = None) -> httpx.Response:
    answer = await one.http.request(verb, f"http://standin/_standin/{path}", json=body)
    assert isinstance(answer, httpx.Response)
    return answer


async def test_knobs_are_read_and_turned_over_http() -> None:
    async with stand() as one:
        assert (await _control(one, "GET", "knobs")).json()["version"] == "4.3.10"
        turned = await _control(one, "POST", "knobs", {"version": "4.4.0", "reachable": False})
        assert turned.json()["version"] == (await one.http.get("/version")).text == "4.4.0"
        assert not one.standin.knobs.reachable
        assert (await _control(one, "POST", "knobs", {"nope": 1})).status_code == 400


async def test_faults_calls_and_hand_are_driven_over_http() -> None:
    async with stand() as one:
        uuid = await one.service("one", description="mark")
        fault = {"method": "GET", "path": "^/version$", "reply": 502, "headers": {"Retry-After": "3"}}
        assert len((await _control(one, "POST", "faults", fault)).json()) == 1
        assert (await one.http.get("/version")).headers["retry-after"] == "3"
        assert (await _control(one, "GET", "faults")).json() == []
        assert (await _control(one, "POST", "faults", {"nope": 1})).status_code == 400
        listed = (await _control(one, "GET", "calls?method=GET")).json()
        assert [call["route"] for call in listed] == ["/version"]
        await _control(one, "POST", "hand", {"do": "edit", "uuid": uuid, "description": "by hand"})
        assert (await _control(one, "POST", "hand", {"do": "fly", "uuid": uuid})).status_code == 400
        assert (await _control(one, "POST", "hand", {"do": "stop", "uuid": "x"})).status_code == 404
        assert one.standin.service(uuid).description == "by hand"
        assert (await _control(one, "DELETE", "calls")).json() == []


async def test_the_state_tells_what_runs_and_what_is_gone() -> None:
    async with stand() as one:
        uuid = await one.running()
        await one.http.delete(f"/services/{uuid}?delete_volumes=0")
        assert (await _control(one, "POST", "jobs")).json() == {"done": True}
        (shown,) = (await _control(one, "GET", "state")).json()["services"]
        assert (shown["name"], shown["deleted"], shown["containers"]) == ("one", True, {"web": False})
        assert shown["deletions"][0]["delete_volumes"] is False
        assert shown["ups"] == 1


async def test_a_drop_over_real_sockets_breaks_the_connection(served: tuple[str, str, str]) -> None:
    url, token, _ = served
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:
        await http.post("/_standin/faults", json={"path": "^/version$", "effect": True, "reply": "drop"})
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/api/v1/version")
        assert (await http.get("/api/v1/version")).status_code == 200
