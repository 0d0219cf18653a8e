"""Limits, CORS, and failures: every one is `{"error": …}` with a proper status."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from listener.pocketbase.client import PocketBase
from listener.pocketbase.session import Session
from listener.portal import bridge, door
from tests import fixtures
from tests.portal_bridge import stage as stages
from tests.portal_bridge.stage import PORTAL, Stage, error

WRONG: dict[str, tuple[str, str, Any, int]] = {
    "no such path": ("GET", "/api/stack", None, 404),
    "no such record": ("GET", "/api/stacks/nosuchrecord000/status", None, 404),
    "no record id": ("POST", "/api/stacks/a%20b/stop", None, 404),
    "a path as an id": ("GET", "/api/stacks/..%2Fusers/status", None, 404),
    "wrong method": ("GET", "/api/stacks/deploy", None, 405),
    "wrong method of a record": ("PATCH", "/api/stacks/nosuchrecord000", None, 405),
    "no body": ("POST", "/api/stacks/deploy", None, 400),
    "no object": ("POST", "/api/stacks/deploy", [1], 400),
    "no stack_id": ("POST", "/api/stacks/deploy", {"id": "x"}, 400),
    "no text": ("POST", "/api/stacks/deploy", {"stack_id": 7}, 400),
    "unknown stack_id": ("POST", "/api/stacks/deploy", {"stack_id": "nosuchrecord000"}, 404),
    "too long": ("POST", "/api/stacks/deploy", {"stack_id": "x" * door.LONGEST_BODY}, 413),
}
Upstream = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]
KNOWN = {"token": "fake", "record": {"id": "fakeuser0000000", "collectionName": "users"}}


async def test_a_wrong_call_has_a_readable_error(stage: Stage) -> None:
    for name, (method, path, body, status) in WRONG.items():
        answer = await stage.call(method, path, body=body)
        assert answer.status_code == status, (name, answer.text)
        error(answer)


async def test_a_body_that_is_no_json_is_refused(stage: Stage) -> None:
    headers = {"Authorization": stage.token}
    answer = await stage.portal.post("/api/stacks/deploy", headers=headers, content=b"{stack_id")
    assert answer.status_code == 400
    error(answer)


async def test_pages_of_a_named_origin_may_call(stage: Stage) -> None:
    for method in ("GET", "POST", "DELETE"):
        headers = {
            "Origin": PORTAL,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        answer = await stage.portal.options("/api/stacks/deploy", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PORTAL


async def test_errors_can_be_read_by_pages_of_a_named_origin_too(stage: Stage) -> None:
    answer = await stage.call("GET", "/api/stacks", token="fake")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, PORTAL)


async def test_pages_of_other_origins_may_not(stage: Stage) -> None:
    for origin in ("https://evil.example.org", "null", "http://portal.example.org"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asked = await stage.portal.options("/api/stacks/deploy", headers=headers)
        read = await stage.call("GET", "/api/stacks", origin=origin)
        assert asked.status_code == 400
        assert all("access-control-allow-origin" not in answer.headers for answer in (asked, read))


def before(upstream: Upstream) -> httpx.AsyncClient:
    """A bridge before a PocketBase of the test's own making."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(upstream), base_url="http://pocketbase")
    session = Session(http=http, identity="", password=None, token=None)
    lent = stages.lend("http://pocketbase", PocketBase(http=http, session=session), http)
    pages = httpx.ASGITransport(bridge.app(lent, http, []), raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=pages, base_url="http://bridge", headers={"Authorization": "Bearer fake"}
    )


@pytest.mark.looptime
async def test_a_request_has_an_end(looptime: Any) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with before(never) as http:
        answer = await http.get("/api/stacks")
    assert (answer.status_code, looptime) == (504, door.SECONDS)
    error(answer)


@pytest.mark.looptime
async def test_no_more_than_twenty_requests_are_worked_on_at_once() -> None:
    present, most, statuses = 0, 0, []

    async def counting(_: httpx.Request) -> httpx.Response:
        nonlocal present, most
        present, most = present + 1, max(most, present + 1)
        await anyio.sleep(1.0)
        present -= 1
        return httpx.Response(401)

    async with before(counting) as http:

        async def ask() -> None:
            statuses.append((await http.get("/api/stacks")).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(ask)
    assert most == door.PARALLEL == 20
    assert statuses == [401] * 50


FAILURES: dict[str, tuple[httpx.Response, int]] = {
    "throttled": (httpx.Response(429), 429),
    "down": (httpx.Response(502), 503),
    "unreadable": (httpx.Response(200, text="<html>"), 503),
    "elsewhere": (httpx.Response(404), 502),
}


@pytest.mark.looptime
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failing_pocketbase_is_told_in_general_words(name: str) -> None:
    given, status = FAILURES[name]

    async def failing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(given.status_code, content=given.content, request=request)

    with capture_logs() as told:
        async with before(failing) as http:
            answer = await http.get("/api/stacks")
    assert answer.status_code == status, answer.text
    assert "pocketbase" not in str(error(answer)).lower()
    assert ("retry-after" in answer.headers) == (status == 429)
    ours = [event["event"] for event in told if not event["event"].startswith("stamina.")]
    assert ours == ["portal.failed"] * (status != 429)


async def test_a_hooks_refusal_names_the_field() -> None:
    problem = {"status": 400, "data": {"desired_state": {"code": "validation_too_late"}}}
    refusal = {"data": {"requests": {"0": {"response": problem}}}}

    async def refusing(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "auth-refresh":
                return httpx.Response(200, json=KNOWN)
            case "batch":
                return httpx.Response(400, json=refusal)
            case record_id:
                return httpx.Response(200, json={"id": record_id})

    async with before(refusing) as http:
        answer = await http.delete("/api/stacks/fakestack000000")
    assert answer.status_code == 400
    assert error(answer) == {"error": "This was refused: desired_state: validation_too_late."}


async def test_a_bug_is_an_error_like_any_other() -> None:
    async def odd(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("auth-refresh"):
            return httpx.Response(200, json=KNOWN)
        return httpx.Response(200, json=["no", "row"])

    async with before(odd) as http:
        answer = await http.get("/api/stacks/fakestack000000/status")
    assert answer.status_code == 500
    error(answer)


async def test_it_is_served_over_http_until_it_is_cancelled(stage: Stage) -> None:
    async with anyio.create_task_group() as tasks:
        serve = partial(bridge.serve, stage.lent, at="127.0.0.1:0", origins=(PORTAL,))
        port = await tasks.start(serve)
        headers = {"Authorization": f"Bearer {stage.token}", "Origin": PORTAL}
        async with fixtures.plain(f"http://127.0.0.1:{port}") as http:
            answer = await http.get("/api/stacks", headers=headers)
            content = json.dumps({"stack_id": "x" * door.LONGEST_BODY})
            too_long = await http.post("/api/stacks/deploy", headers=headers, content=content)
        tasks.cancel_scope.cancel()
    assert (answer.status_code, answer.json()) == (200, {"stacks": []})
    assert answer.headers["access-control-allow-origin"] == PORTAL
    assert too_long.status_code == 413


async def test_a_caller_who_hangs_up_in_the_middle_breaks_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sent = b"POST /api/stacks/deploy HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Length: 99\r\n\r\n{"
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(partial(bridge.serve, stage.lent, at="127.0.0.1:0", origins=()))
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(sent % stage.token.encode())
            await anyio.sleep(0.1)
        async with fixtures.plain(f"http://127.0.0.1:{port}", stage.token) as http:
            answer = await http.get("/api/stacks")
        tasks.cancel_scope.cancel()
    assert answer.status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
