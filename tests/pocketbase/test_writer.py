"""Groups stand or fall together, share batches, and hurt nobody else."""

from __future__ import annotations

import anyio
import pytest
from structlog.testing import capture_logs

from listener import errors
from listener.pocketbase import batch, client
from listener.pocketbase import writer as writers
from listener.pocketbase.writer import Write
from tests import fixtures
from tests.pocketbase import proxy, proxy_world
from tests.pocketbase.proxy_world import BATCH, create, ids, patch


async def test_a_group_is_kept_whole_or_not_at_all() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        rows = await hands.writer.commit([create("a", name="A"), create("b", size=2), patch("a", size=1)])
        assert [(row["id"], row["size"]) for row in rows] == [("a", 0), ("b", 2), ("a", 1)]
        with pytest.raises(errors.UpstreamRefusal, match="WRITE_REFUSED") as caught:
            await hands.writer.commit([create("c"), patch("missing", name="never")])
        assert caught.value.status == 404
        assert await ids(world) == ["a", "b"]


async def test_put_creates_or_patches_and_delete_answers_an_empty_row() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        for name in ("first", "second"):
            (row,) = await hands.writer.commit([Write("PUT", "things", "a", {"name": name})])
            assert row["name"] == name
        assert await hands.writer.commit([Write("DELETE", "things", "a")]) == [{}]
        assert await ids(world) == []


async def test_fifty_commits_at_once_need_three_batches_at_most() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        rows: dict[str, str] = {}

        async def commit(name: str) -> None:
            (rows[name],) = (row["name"] for row in await hands.writer.commit([create(name, name=name)]))

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(commit, f"row{number:02}")
        assert rows == {name: name for name in await ids(world)}
        assert len(rows) == 50
        assert hands.sent.count(BATCH) <= 3


async def test_a_write_never_waits_for_company() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        for number in range(20):
            await hands.writer.commit([create(f"row{number:02}")])
        assert hands.sent.count(BATCH) == 20


async def test_a_refused_group_does_not_spoil_those_that_shared_its_batch() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        refused: list[str] = []

        async def commit(number: int) -> None:
            name = f"row{number:02}"
            poison = [patch("missing", name="x")] if number % 7 == 3 else []
            try:
                await hands.writer.commit([create(name), *poison])
            except errors.UpstreamRefusal:
                refused.append(name)

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(commit, number)
        assert sorted(refused) == ["row03", "row10", "row17", "row24"]
        assert len(await ids(world)) == 26
        assert hands.sent.count(BATCH) < 15


async def test_what_cannot_be_encoded_fails_before_it_meets_others() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        with pytest.raises(ValueError, match="Out of range float"):
            await hands.writer.commit([create("a", size=float("nan"))])
        assert hands.sent == []
        assert await ids(world) == []


async def test_an_optional_write_is_left_out_when_its_record_is_gone() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        status = Write("PATCH", "things", "deleted", {"name": "running"}, optional=True)
        with capture_logs() as logs:
            rows = await hands.writer.commit([status, create("audit", name="kept")])
        assert [row.get("name") for row in rows] == [None, "kept"]
        assert await hands.writer.commit([status]) == [{}]
        assert [line["event"] for line in logs] == [writers.LEFT_OUT]


async def test_a_required_write_is_refused_in_spite_of_optional_ones() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "a"})
        status = Write("PATCH", "things", "a", {"name": "running"}, optional=True)
        with pytest.raises(errors.UpstreamRefusal):
            await hands.writer.commit([status, patch("missing", name="x")])


async def test_the_ledger_is_written_by_the_holder_of_the_lease_only() -> None:
    note = Write("PUT", "listener_ledger", "a", {"note": "x"})
    async with proxy_world.world() as world:
        async with proxy_world.hands(world.server.url) as hands:
            assert (await hands.writer.commit([note]))[0]["note"] == "x"
            await world.ask("PATCH", client.path("listener_lease", "main"), {"holder": "host-2"})
            with pytest.raises(errors.LeaseLost, match="host-2"):
                await hands.writer.commit([Write("PUT", "listener_ledger", "a", {"note": "x"})])
            with pytest.raises(errors.LeaseLost):
                await hands.writer.commit([create("b"), Write("PUT", "listener_ledger", "b", {"note": "y"})])
            assert await ids(world) == []
        async with proxy_world.hands(world.server.url, holder="") as hands:
            with pytest.raises(errors.LeaseLost):
                await hands.writer.commit([note])
            assert hands.sent == []


async def test_a_condition_goes_alone_and_its_loser_is_refused() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.add({"id": "a", "action": "restart"})
        await hands.session.prove()
        consume = Write("PATCH", "things", "a", {"action": "", "name": "done"}, {"if_action": "restart"})
        late = Write("PATCH", "things", "a", {"action": "", "name": "late"}, {"if_action": "restart"})
        refused: list[int] = []

        async def commit_late() -> None:
            try:
                await hands.writer.commit([late])
            except errors.UpstreamRefusal as refusal:
                refused.append(refusal.status)

        async with anyio.create_task_group() as tasks:
            for name in ("b", "c"):
                tasks.start_soon(hands.writer.commit, [create(name)])
            tasks.start_soon(hands.writer.commit, [consume])
            tasks.start_soon(commit_late)
            tasks.start_soon(hands.writer.commit, [create("d")])
        assert refused == [404]
        assert await ids(world) == ["a", "b", "c", "d"]
        assert hands.sent.count(BATCH) >= 4


async def test_a_cancelled_committer_loses_nobody_elses_writes() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await hands.session.prove()
        line.delay = 0.1
        async with anyio.create_task_group() as others, anyio.create_task_group() as leaders:
            leaders.start_soon(hands.writer.commit, [create("first")])
            await anyio.sleep(0.02)
            leaders.start_soon(hands.writer.commit, [create("second")])
            await anyio.sleep(0.02)
            for number in range(5):
                others.start_soon(hands.writer.commit, [create(f"row{number}")])
            await anyio.sleep(0.12)
            leaders.cancel_scope.cancel()
        assert [name for name in await ids(world) if name.startswith("row")] == [f"row{n}" for n in range(5)]
        assert (await hands.writer.commit([create("later")]))[0]["id"] == "later"


async def test_ledger_operation_and_status_are_one_group_in_the_real_schema(
    database: fixtures.Database,
) -> None:
    stack = "stack0000000001"
    wanted = {"tenant_id": database.tenant_id, "template": "base-llm", "stack_name": "one"}
    row = {"id": stack, **wanted, "status": "pending", "action": "restart"}
    assert (await database.admin.post(client.path("agent_stacks"), json=row)).is_success
    intent = {"what": "create", "fence": 1, "begun": "2026-01-01T00:00:00+00:00"}
    operation = {"stack_id": stack, "tenant_id": database.tenant_id, "begun": "2026-01-01T00:00:00+00:00"}
    status = {"status": "deploying", "last_deploy": "2026-01-01T01:00:00+01:00", "health": None}
    group = [
        Write("PUT", "listener_ledger", stack, {"tenant_id": database.tenant_id, "intent": intent}),
        Write("POST", "stack_operations", "operation000001", operation),
        Write("PATCH", "agent_stacks", stack, status, optional=True),
        Write("PATCH", "agent_stacks", stack, {"action": ""}, {"if_action": "restart"}),
    ]
    password = database.password.get_secret_value()
    async with (
        proxy.before(database.url) as line,
        proxy_world.hands(line.url, identity=database.identity, password=password) as hands,
    ):
        assert await hands.lease.advance(fence=0, holder=proxy_world.HOLDER) is not None
        line.lose = b"operation000001"
        rows = await hands.writer.commit(group)
        assert line.lost == 1
        assert hands.sent.count(BATCH) == 2
        assert [row["id"] for row in rows] == [stack, "operation000001", stack, stack]
        assert rows[2]["last_deploy"] == "2026-01-01 00:00:00.000Z"
        assert rows[3]["action"] == ""


@pytest.mark.parametrize(
    ("id", "query"), [("", {}), ("a", {"action": "restart"})], ids=["no-id", "a-column-as-parameter"]
)
def test_a_write_that_could_do_harm_cannot_be_made(id: str, query: dict[str, str]) -> None:  # noqa: A002
    with pytest.raises(ValueError, match=r"write without an id|may be a column"):
        Write("PATCH", "things", id, {}, query)


async def test_a_group_larger_than_a_batch_is_a_programming_error() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        with pytest.raises(ValueError, match="fits no batch"):
            await hands.writer.commit([create(f"row{number}") for number in range(batch.ITEMS + 1)])
        assert await hands.writer.commit([]) == []
