"""An answer is compared with what was sent, and a lost one is looked up before it counts."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from listener import errors
from listener.pocketbase import written
from listener.pocketbase.writer import Write
from tests.pocketbase import proxy, proxy_world
from tests.pocketbase.proxy_world import BATCH, create, ids, patch


async def test_a_refusal_names_collection_and_fields_and_no_value() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "a"})
        with pytest.raises(errors.UpstreamRefusal) as caught:
            await hands.writer.commit([patch("a", size="fake-secret-value", name="x" * 6000)])
        text = str(caught.value)
        assert "things/a" in text
        assert "name: validation_max_text_constraint" in text
        assert "fake-secret" not in text


async def test_a_lost_answer_counts_as_done_when_the_rows_are_there() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        line.lose = b"POST /api/batch"
        body = {"name": "once", "at": "2026-01-01T00:00:00Z", "config": {"a": [1, {"b": None}]}}
        rows = await hands.writer.commit([create("a", **body), patch("a", size=3, name="twice")])
        assert line.lost == 1
        assert [row["size"] for row in rows] == [3, 3]
        assert hands.sent.count(BATCH) == 1
        assert await ids(world) == ["a"]


async def test_a_lost_answer_of_a_shared_batch_is_looked_up_by_each_group() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await hands.session.prove()
        line.lose = b"row9"
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(hands.writer.commit, [create(f"row{number}")])
        assert line.lost == 1
        assert hands.sent.count(BATCH) <= 2
        assert len(await ids(world)) == 10


async def test_an_answer_that_never_comes_counts_as_done_too() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await hands.session.prove()
        hands.http.timeout = httpx.Timeout(5.0, read=0.3)

        async def speak_again_when_the_row_is_there() -> None:
            while await ids(world) != ["a"]:
                await anyio.sleep(0.01)
            await anyio.sleep(0.4)
            line.swallow = False

        line.swallow = True
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak_again_when_the_row_is_there)
            (row,) = await hands.writer.commit([create("a", name="once")])
        assert row["name"] == "once"
        assert hands.sent.count(BATCH) == 1


async def test_a_lost_answer_is_ambiguous_while_pocketbase_is_away() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await hands.session.prove()
        hands.http.timeout = httpx.Timeout(5.0, read=0.1)
        line.swallow = True
        with pytest.raises(errors.Ambiguous):
            await hands.writer.commit([create("a")])


async def test_a_write_that_was_never_sent_is_unavailable() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.session.prove()
        await world.server.kill()
        with pytest.raises(errors.UpstreamUnavailable):
            await hands.writer.commit([create("a")])


async def test_a_second_create_of_the_same_row_is_done_and_of_another_row_refused() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.writer.commit([create("a", name="once")])
        await hands.writer.commit([create("a", name="once")])
        with pytest.raises(errors.UpstreamRefusal, match="id: validation_"):
            await hands.writer.commit([create("a", name="another")])


async def test_a_field_that_pocketbase_drops_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        with pytest.raises(errors.Global, match=r"FIELD_DROPPED.*things\.healf"):
            await hands.writer.commit([create("a", name="x", healf="healthy")])


async def test_batches_switched_off_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.ask("PATCH", "/api/settings", {"batch": {"enabled": False}})
        with pytest.raises(errors.Global, match=r"BATCH_DISABLED.*schema apply"):
            await hands.writer.commit([create("a")])


async def test_a_dead_token_costs_one_login_and_the_write_is_done() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "a"})
        await hands.session.prove()
        await world.change_password(proxy_world.PASSWORD)
        (row,) = await hands.writer.commit([patch("a", name="written")])
        assert row["name"] == "written"
        assert hands.session.logins == 2


@pytest.mark.parametrize(
    ("sent", "saved", "is_held"),
    [
        pytest.param(
            {"at": "2026-01-01T01:00:00.1234+01:00"}, {"at": "2026-01-01 00:00:00.123Z"}, True, id="date"
        ),
        pytest.param(
            {"at": "2026-01-01T00:00:01Z"}, {"at": "2026-01-01 00:00:00.000Z"}, False, id="other-date"
        ),
        pytest.param({"size": 1}, {"size": 1.0}, True, id="number"),
        pytest.param(
            {"size": 0, "name": None, "config": []}, {"size": 0, "name": "", "config": None}, True, id="empty"
        ),
        pytest.param({"name": None}, {"name": "x"}, False, id="not-emptied"),
        pytest.param({"owners": ["b", "a", "a"]}, {"owners": ["a", "b"]}, True, id="relations"),
        pytest.param({"owner": ["a"]}, {"owner": "a"}, True, id="single-relation"),
        pytest.param({"owners": ["a"]}, {"owners": ["a", "b"]}, False, id="other-relations"),
        pytest.param({"config": {"a": [1, 2]}}, {"config": {"a": [2, 1]}}, False, id="json-keeps-order"),
        pytest.param({"fence+": 1, "holder": "h"}, {"fence": 9, "holder": "h"}, True, id="amount"),
        pytest.param({"name": "x"}, {"size": 1}, False, id="missing"),
        pytest.param({"name": "x"}, None, False, id="no-row"),
    ],
)
def test_a_row_is_compared_as_pocketbase_tidies_it(
    sent: dict[str, Any], saved: dict[str, Any] | None, *, is_held: bool
) -> None:
    assert written.holds(Write("PATCH", "things", "a", sent), saved) is is_held


@pytest.mark.parametrize("rule", [None, 'name = "nobody"'], ids=["for-superusers-only", "fits-nobody"])
async def test_a_rule_that_shuts_us_out_is_a_global_fault_and_not_the_records(rule: str | None) -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "a"})
        await world.change_collection("things", updateRule=rule)
        with pytest.raises(errors.Global, match="COLLECTION_UNWRITABLE"):
            await hands.writer.commit([patch("a", name="x")])


async def test_a_batch_that_fails_without_a_culprit_is_tried_again_later() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.ask("PATCH", "/api/settings", {"batch": {"enabled": True, "maxRequests": 2}})
        with pytest.raises(errors.Ambiguous, match="BATCH_FAILED"):
            await hands.writer.commit([create("a"), create("b"), create("c")])
        async with anyio.create_task_group() as tasks:
            for name in ("a", "b", "c", "d"):
                tasks.start_soon(hands.writer.commit, [create(name)])
        assert await ids(world) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'[{"status": 200}]'], ids=["no-json", "too-short", "no-rows"]
)
async def test_an_answer_that_cannot_be_read_is_a_lost_answer(body: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/batch":
            return httpx.Response(200, content=body)
        return httpx.Response(404)

    async with proxy_world.scripted(answer) as hands:
        with pytest.raises(errors.Ambiguous, match="POCKETBASE_NO_ANSWER"):
            await hands.writer.commit([create("a")])
    assert hands.sent[-1] == "GET /api/collections/things/records/a"


async def test_a_hook_that_fails_after_saving_refuses_nothing() -> None:
    hook = 'onRecordAfterUpdateSuccess((e) => { e.next(); throw new BadRequestError("late") }, "things")'
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        (world.server.hooks_dir / "late.pb.js").write_text(hook)
        await world.server.restart()
        await world.add({"id": "a"})
        (row,) = await hands.writer.commit([patch("a", name="saved")])
        assert row["name"] == "saved"
