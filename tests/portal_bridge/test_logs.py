"""Logs show no secret of their stack, are read at a bearable pace, and tell when there are none."""

from __future__ import annotations

import logging
from urllib.parse import quote

import httpx
import pytest
from structlog.testing import capture_logs

from listener.portal import pace
from listener.telemetry import masking
from tests.portal_bridge.stage import BOT_TOKEN, KEPT, ROUTER_KEY, Stage, error

PRINTED = (
    f"starting with {ROUTER_KEY}\n"
    f"GET https://api.telegram.org/bot{BOT_TOKEN}/getMe\n"
    f"GET https://router.example.org/?key={quote(ROUTER_KEY, safe='')} 200\n"
    "yesterday's key was sk-fake-fake-fake-fake\n"
    f"first sign-in with {KEPT}\n"
)


async def test_what_a_stack_prints_of_its_secrets_is_masked(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id)
    stage.prints(PRINTED)
    logs = (await stage.call("GET", f"/api/stacks/{record_id}/logs")).json()["logs"]
    assert logs.splitlines() == [
        "starting with ***",
        "GET https://api.telegram.org/bot***/getMe",
        "GET https://router.example.org/?key=*** 200",
        "yesterday's key was ***",
        "first sign-in with ***",
    ]


MASKED = {
    "a value": ({"A": "fake-value"}, "is fake-value.", "is ***."),
    "each line of a value": ({"A": "fake-one\nfake-two"}, "fake-two, fake-one", "***, ***"),
    "the longer first": ({"A": "fake-1", "B": "fake-1-and-more"}, "fake-1-and-more", "***"),
    "a number": ({"A": 12345678}, "12345678", "***"),
    "six characters": ({"A": "fake-6"}, "fake-6", "***"),
    "five characters stay": ({"A": "fake5"}, "fake5", "fake5"),
    "nothing given": (None, "text", "text"),
    "no object": (["fake-value"], "fake-value", "fake-value"),
}


@pytest.mark.parametrize("name", MASKED)
def test_masking(name: str) -> None:
    values, text, wanted = MASKED[name]
    assert masking.masked(text, {"env_vars": values}) == wanted
    assert masking.masked("text", values) == "text"


async def test_neither_tokens_nor_secrets_reach_our_own_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id)
    stage.prints(PRINTED)
    with capture_logs() as told:
        for method, rest in (("GET", "/status"), ("GET", "/logs"), ("POST", "/stop"), ("DELETE", "")):
            assert (await stage.call(method, f"/api/stacks/{record_id}{rest}")).status_code == 200
        stage.coolify.faults.add("GET", "/services/", times=9, reply=503)
        assert (await stage.call("GET", f"/api/stacks/{record_id}/logs")).status_code == 503
    assert told[-1]["event"] == "portal.failed"
    text = f"{told}{caplog.text}"
    assert [secret for secret in (stage.token, BOT_TOKEN, ROUTER_KEY) if secret in text] == []


async def test_a_stack_that_does_not_run_has_no_logs(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    uuid = await stage.serviced(record_id)
    await stage.lent.coolify.stop(uuid)
    await stage.coolify.run_jobs()
    answer = await stage.call("GET", f"/api/stacks/{record_id}/logs")
    assert answer.status_code == 409
    error(answer)


@pytest.mark.parametrize("status", [400, 404])
async def test_a_container_that_ends_meanwhile_has_no_logs(stage: Stage, status: int) -> None:
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id)
    stage.coolify.faults.add("GET", "/logs$", reply=status).body = '{"message":"Container is not running."}'
    answer = await stage.call("GET", f"/api/stacks/{record_id}/logs")
    assert answer.status_code == 409
    error(answer)


async def test_a_service_that_is_gone_has_no_logs(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    uuid = await stage.serviced(record_id)
    stage.coolify.faults.add("GET", f"/services/{uuid}$", reply=404)
    answer = await stage.call("GET", f"/api/stacks/{record_id}/logs")
    assert answer.status_code == 409


async def test_an_impatient_reader_is_told_to_wait(stage: Stage) -> None:
    record_id = await stage.stack(status="running")
    await stage.serviced(record_id)
    answers = [await stage.call("GET", f"/api/stacks/{record_id}/logs") for _ in range(pace.EACH + 1)]
    assert [answer.status_code for answer in answers] == [*[200] * pace.EACH, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= pace.WINDOW
    error(answers[-1])


def test_one_reader_leaves_enough_for_the_others_and_all_leave_enough_for_the_listener() -> None:
    now = [0.0]
    readings = pace.Pace(clock=lambda: now[0])
    assert [readings.take("ada") for _ in range(pace.EACH)] == [0.0] * pace.EACH
    now[0] = 10.0
    assert readings.take("ada") == pace.WINDOW - 10.0
    left = pace.EVERYBODY - pace.EACH
    assert [readings.take(f"user-{number}") for number in range(left)] == [0.0] * left
    assert readings.take("late") == pace.WINDOW - 10.0
    now[0] = pace.WINDOW
    assert (readings.take("ada"), readings.take("late")) == (0.0, 0.0)


async def test_coolify_is_asked_for_one_container_and_so_many_lines(stage: Stage) -> None:
    asked: list[httpx.URL] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json={"logs": None})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://coolify") as http:
        client = type(stage.lent.coolify)(http=http, budget=stage.lent.coolify.budget)
        assert await client.logs("fakeuuid", "bot", lines=7) == ""
    assert [str(url) for url in asked] == [
        "http://coolify/api/v1/services/fakeuuid/logs?sub_service_name=bot&lines=7"
    ]
