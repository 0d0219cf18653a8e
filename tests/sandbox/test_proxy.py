"""The proxy before a real PocketBase: what it can do to lines, bytes and requests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import anyio
import httpx
import pytest
import pytest_asyncio

from listener.sandbox import pocketbase, proxy
from listener.sandbox.standin import Fault
from listener.sandbox.standin.faults import Reply

BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)
HEALTH = "/api/health"
USERS = "/api/collections/users/records"
NEW = {"email": "a@acme.example", "password": "fake-password", "passwordConfirm": "fake-password"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[pocketbase.Server]:
    """One PocketBase for all tests here."""
    folder: Path = tmp_path_factory.mktemp("proxied")
    async with pocketbase.running(folder) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def way(database: pocketbase.Server) -> AsyncIterator[proxy.Proxy]:
    """A proxy of the test's own."""
    async with proxy.before(int(database.url.rpartition(":")[2])) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def http(way: proxy.Proxy) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks through it and gives up after two seconds."""
    async with httpx.AsyncClient(base_url=way.url, timeout=2.0, verify=False) as client:
        yield client


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def is_made(database: pocketbase.Server, email: str) -> bool:
    """Whether such a user exists: a second one of that address is refused."""
    async with httpx.AsyncClient(base_url=database.url) as direct:
        answer = await direct.post(USERS, json=NEW | {"email": email})
        return answer.status_code == 400


async def test_it_passes_everything_on(http: httpx.AsyncClient, database: pocketbase.Server) -> None:
    async with httpx.AsyncClient(base_url=database.url) as direct:
        assert (await http.get(HEALTH)).json() == (await direct.get(HEALTH)).json()


async def test_a_status_is_answered_in_its_place(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    way.faults.put(Fault("GET", "^/api/health$", reply=503, headers={"Retry-After": "7"}, body='{"a":1}'))
    answer = await http.get(f"{HEALTH}?x=1")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "7", {"a": 1})
    assert (await http.get(HEALTH)).status_code == 200


async def test_requests_that_do_not_match_are_left_alone(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    way.faults.add("POST", "^/api/health$")
    way.faults.add("GET", "^/api/collections")
    assert (await http.get(HEALTH)).status_code == 200
    assert len(way.faults.pending()) == 2


@pytest.mark.parametrize(
    ("reply", "effect"),
    [("drop", False), ("drop", True), ("stall", False), ("stall", True), ("half", True)],
    ids=str,
)
async def test_a_lost_answer_to_a_write_leaves_its_effect_or_none(
    http: httpx.AsyncClient, way: proxy.Proxy, database: pocketbase.Server, reply: Reply, *, effect: bool
) -> None:
    email = f"{reply}-{effect}@acme.example"
    way.faults.add("POST", f"^{USERS}$", effect=effect, reply=reply)
    with pytest.raises(httpx.ReadTimeout if reply == "stall" else BROKEN):
        await http.post(USERS, json=NEW | {"email": email})
    assert await is_made(database, email) is effect
    assert (await http.get(HEALTH)).status_code == 200


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("reply", "answered"),
    [(500, (500, '{"message":"Server Error"}')), ("garbage", (200, '{"uuid":"abc'))],
    ids=["status", "garbage"],
)
async def test_a_false_answer_to_a_write_leaves_its_effect_or_none(
    http: httpx.AsyncClient,
    way: proxy.Proxy,
    database: pocketbase.Server,
    reply: Reply,
    answered: tuple[int, str],
    *,
    effect: bool,
) -> None:
    email = f"{reply}-{effect}@acme.example"
    way.faults.add("POST", f"^{USERS}$", effect=effect, reply=reply)
    answer = await http.post(USERS, json=NEW | {"email": email})
    assert (answer.status_code, answer.text) == answered
    assert await is_made(database, email) is effect
    assert (await http.get(HEALTH)).status_code == 200


async def test_a_delayed_answer_is_the_true_one(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    way.faults.add("GET", HEALTH, reply=None, delay=0.3)
    began = time.monotonic()
    assert (await http.get(HEALTH)).status_code == 200
    assert time.monotonic() - began >= 0.3


async def test_slow_bytes_come_late(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    way.slow = 0.3
    began = time.monotonic()
    assert (await http.get(HEALTH)).status_code == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("skew", [-7200.0, 90.0], ids=str)
async def test_a_wrong_clock_shows_in_the_date(
    http: httpx.AsyncClient, way: proxy.Proxy, skew: float
) -> None:
    way.skew = skew
    date = parsedate_to_datetime((await http.get(HEALTH)).headers["date"]).timestamp()
    assert date - time.time() == pytest.approx(skew, abs=2)


async def test_refused_connections_are_never_made(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    assert (await http.get(HEALTH)).status_code == 200
    await way.refuse()
    with pytest.raises((*BROKEN, httpx.ConnectError)):
        await http.get(HEALTH)
    with pytest.raises(httpx.ConnectError):
        await http.get(HEALTH)
    await way.open()
    assert (await http.get(HEALTH)).status_code == 200


async def test_a_cut_breaks_the_stream(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    async with http.stream("GET", "/api/realtime") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        way.cut()
        with pytest.raises(BROKEN):
            [line async for line in lines]
    assert (await http.get(HEALTH)).status_code == 200


async def test_only_streams_go_deaf_if_told_so(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    await http.get(HEALTH)
    async with http.stream("GET", "/api/realtime") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        assert way.deafen(streams_only=True) == 1
        assert (await http.get(HEALTH)).status_code == 200
        with anyio.move_on_after(0.2) as scope:
            while await anext(lines) is not None:
                pass
        assert scope.cancelled_caught


async def test_deaf_lines_stay_open_and_later_ones_work(http: httpx.AsyncClient, way: proxy.Proxy) -> None:
    await http.get(HEALTH)
    assert way.deafen() == 1
    with pytest.raises(httpx.ReadTimeout):
        await http.get(HEALTH)
    assert (await http.get(HEALTH)).status_code == 200


async def test_without_pocketbase_a_line_breaks(http: httpx.AsyncClient, database: pocketbase.Server) -> None:
    await database.kill()
    try:
        with pytest.raises(BROKEN):
            await http.get(HEALTH)
    finally:
        await database.start()
    assert (await http.get(HEALTH)).status_code == 200
