"""What a list is worth, and whom the session lets in."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import anyio
import httpx
import pytest
from pydantic import SecretStr

from listener import errors
from listener.pocketbase import client, session
from tests.pocketbase import proxy, proxy_world

BAD_PASSWORD = "wrong-on-purpose"


async def token_of(world: proxy_world.World, collection: str, body: dict[str, str]) -> str:
    granted = await world.ask("POST", f"/api/collections/{collection}/auth-with-password", body)
    return str(granted["token"])


async def test_a_list_of_more_than_one_page_skips_nothing_when_rows_vanish_meanwhile() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        names = [f"row{number:05}" for number in range(1500)]
        await world.add(*({"id": name, "name": name} for name in names))
        vanished: list[str] = []

        async def delete_the_first_rows_one_by_one() -> None:
            for name in names[:100]:
                await world.ask("DELETE", client.path("things", name))
                vanished.append(name)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(delete_the_first_rows_one_by_one)
            for _ in range(2):
                rows = await hands.pocketbase.list("things", fields="name")
                seen = [row["id"] for row in rows]
                assert seen == sorted(set(seen))
                assert set(names[100:]) <= set(seen)
        assert len(vanished) == 100
        assert len(await hands.pocketbase.list("things")) == 1400


async def test_a_filter_goes_with_every_page() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add(*({"id": f"row{n:05}", "size": n % 2} for n in range(1200)))
        assert len(await hands.pocketbase.list("things", filter="size = 1 || size = 7")) == 600
        first = await hands.pocketbase.page_first("things", "size = 1")
        assert first is not None
        assert first["id"] == "row00001"
        assert await hands.pocketbase.page_first("things", "size = 9") is None


async def test_a_text_with_quotes_is_one_literal() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "one", "name": 'it\'s "one"'}, {"id": "two", "name": "two"})
        name = client.quoted('it\'s "one"')
        assert [row["id"] for row in await hands.pocketbase.list("things", filter=f"name = {name}")] == [
            "one"
        ]


async def test_a_row_is_read_by_id_and_a_missing_one_is_none() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "one", "name": "first"})
        row = await hands.pocketbase.get("things", "one")
        assert row is not None
        assert row["name"] == "first"
        assert await hands.pocketbase.get("things", "two") is None


async def test_a_dead_token_without_a_password_raises_where_pocketbase_answers_an_empty_list() -> None:
    async with (
        proxy_world.world() as world,
        proxy_world.hands(world.server.url, password=None, token="not-a-token") as hands,
    ):
        await world.add({"id": "one"})
        answer = await hands.http.get(client.path("things"), headers={"Authorization": "not-a-token"})
        assert answer.json()["items"] == []
        with pytest.raises(errors.Global, match=r"CREDENTIALS_REFUSED.*POCKETBASE_PASSWORD"):
            await hands.pocketbase.list("things")


async def test_a_dead_token_is_replaced_by_a_login_and_the_list_is_whole() -> None:
    async with (
        proxy_world.world() as world,
        proxy_world.hands(world.server.url, token="not-a-token") as hands,
    ):
        await world.add({"id": "one"})
        assert len(await hands.pocketbase.list("things")) == 1
        await world.change_password("another-fake-password")
        await world.change_password(proxy_world.PASSWORD)
        assert len(await hands.pocketbase.list("things")) == 1
        assert hands.session.logins == 2


async def test_a_list_is_not_believed_when_the_token_died_while_it_was_read() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "one"})

        async def sweep() -> None:
            async with hands.pocketbase.proven():
                await world.change_password(proxy_world.PASSWORD)
                assert await hands.pocketbase.list("things") == []

        with pytest.raises(errors.UpstreamUnavailable, match="IDENTITY_CHANGED"):
            await sweep()
        assert len(await hands.pocketbase.list("things")) == 1


async def test_several_lists_share_two_proofs() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.session.prove()
        hands.sent.clear()
        async with hands.pocketbase.proven(), anyio.create_task_group() as tasks:
            for collection in ("things", "listener_ledger", "listener_lease"):
                tasks.start_soon(hands.pocketbase.list, collection)
        assert len([line for line in hands.sent if line.endswith("auth-refresh")]) == 2
        assert len(hands.sent) == 5


async def test_a_superuser_is_refused() -> None:
    async with proxy_world.world() as world:
        token = str(world.admin.headers["Authorization"])
        async with proxy_world.hands(world.server.url, token=token) as hands:
            with pytest.raises(errors.Global, match="WRONG_COLLECTION"):
                await hands.pocketbase.list("things")


async def test_a_portal_user_is_refused() -> None:
    async with proxy_world.world() as world:
        person = {"email": "person@example.org", "password": "fake-password-1"}
        await world.ask("POST", client.path("people"), person | {"passwordConfirm": "fake-password-1"})
        login = {"identity": person["email"], "password": person["password"]}
        token = await token_of(world, "people", login)
        async with proxy_world.hands(world.server.url, token=token) as hands:
            with pytest.raises(errors.Global, match="WRONG_COLLECTION"):
                await hands.session.prove()


async def test_a_wrong_password_names_the_variables_and_never_the_password() -> None:
    async with (
        proxy_world.world() as world,
        proxy_world.hands(world.server.url, password=BAD_PASSWORD) as hands,
    ):
        with pytest.raises(errors.Global, match=r"CREDENTIALS_REFUSED.*POCKETBASE_IDENTITY") as caught:
            await hands.session.prove()
        assert BAD_PASSWORD not in str(caught.value)


async def test_callers_at_the_same_time_share_one_login() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "one"})
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(hands.pocketbase.get, "things", "one")
        assert hands.session.logins == 1


@pytest.mark.looptime
async def test_a_token_is_renewed_at_half_its_life_by_pocketbases_clock() -> None:
    issued = datetime.fromtimestamp(proxy_world.EXPIRES - 1000, UTC)
    headers = {"Date": format_datetime(issued, usegmt=True)}
    async with proxy_world.scripted(lambda _: httpx.Response(404), headers=headers) as hands:
        await hands.session.headers()
        asked = len(hands.sent)
        await anyio.sleep(499)
        await hands.session.headers()
        assert len(hands.sent) == asked
        await anyio.sleep(2)
        await hands.session.headers()
        assert hands.sent[asked:] == ["POST /api/collections/listeners/auth-refresh"]


async def test_an_impersonation_token_needs_no_password() -> None:
    async with proxy_world.world() as world:
        account = (await world.ask("GET", client.path("listeners")))["items"][0]["id"]
        lent = await world.ask("POST", f"/api/collections/listeners/impersonate/{account}", {"duration": 60})
        async with proxy_world.hands(world.server.url, password=None, token=lent["token"]) as hands:
            assert await hands.pocketbase.list("things") == []
            assert (await hands.session.headers())["Authorization"] == lent["token"]


async def test_a_renamed_listeners_collection_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.session.prove()
        await world.change_collection("listeners", name="former_listeners")
        with pytest.raises(errors.Global, match="IDENTITY_COLLECTION_MISSING"):
            await hands.pocketbase.list("things")


@pytest.mark.parametrize(
    "change", [{"name": "former_things"}, {"listRule": None}], ids=["renamed", "no-rule"]
)
async def test_a_collection_that_cannot_be_listed_is_a_global_fault(change: dict[str, str | None]) -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.change_collection("things", **change)
        with pytest.raises(errors.Global, match=r"COLLECTION_UNREADABLE.*'things'"):
            await hands.pocketbase.list("things")


async def test_a_filter_on_a_missing_field_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        with pytest.raises(errors.Global, match="QUERY_REFUSED"):
            await hands.pocketbase.list("things", filter="nonsense = 1")


async def test_the_rate_limiter_is_throttling_not_refusal() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.ask("PATCH", "/api/settings", {"rateLimits": {"enabled": True}})

        async def read_too_much() -> None:
            for _ in range(320):
                await hands.pocketbase.get("things", "one")

        with pytest.raises(errors.Throttled) as caught:
            await read_too_much()
        assert caught.value.after == 2.0


async def test_a_read_survives_a_lost_answer() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await world.add({"id": "one"})
        line.lose = b"GET /api/collections/things"
        assert len(await hands.pocketbase.list("things")) == 1
        assert line.lost == 1


@pytest.mark.parametrize("status", [200, 302], ids=["page", "redirect"])
async def test_a_server_that_is_no_pocketbase_is_not_believed(status: int) -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(status, html="<html>"))
    async with httpx.AsyncClient(base_url="http://pocketbase.invalid", transport=mock) as http:
        password = SecretStr(proxy_world.PASSWORD)
        who = session.Session(http=http, identity="listener", password=password, token=None)
        with pytest.raises(errors.ListenerError, match="check POCKETBASE_URL"):
            await who.prove()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"], ids=["no-json", "no-object", "no-items"])
async def test_a_list_that_cannot_be_read_is_not_an_empty_one(body: bytes) -> None:
    async with proxy_world.scripted(lambda _: httpx.Response(200, content=body)) as hands:
        with pytest.raises(errors.UpstreamUnavailable, match="POCKETBASE_UNREADABLE"):
            await hands.pocketbase.list("things")


async def test_a_redirect_is_the_addresss_fault_not_the_schemas() -> None:
    moved = httpx.Response(301, headers={"Location": "https://elsewhere.example/"})
    async with proxy_world.scripted(lambda _: moved) as hands:
        with pytest.raises(errors.Global, match=r"POCKETBASE_UNEXPECTED.* 301 .*check POCKETBASE_URL"):
            await hands.pocketbase.list("things")


async def test_where_nobody_listens_the_text_says_what_to_look_at_and_who_tries_again() -> None:
    async with proxy_world.hands("http://127.0.0.1:1") as hands:
        wanted = "PocketBase runs and POCKETBASE_URL is right; the listener tries again"
        with pytest.raises(errors.UpstreamUnavailable, match=wanted):
            await hands.pocketbase.list("things")


async def test_a_401_is_asked_again_with_a_proven_token() -> None:
    answers = iter([httpx.Response(401), httpx.Response(200, json={"id": "a"})])
    async with proxy_world.scripted(lambda _: next(answers)) as hands:
        assert await hands.pocketbase.get("things", "a") == {"id": "a"}
