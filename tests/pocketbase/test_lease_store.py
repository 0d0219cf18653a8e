"""The lease row has one winner a fence, and its answer is never a guess."""

from __future__ import annotations

import anyio
import pytest

from listener import contract, errors
from listener.pocketbase import client
from tests.pocketbase import proxy, proxy_world

ROW = client.path("listener_lease", "main")


async def test_the_lease_is_read_and_advanced() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        assert await hands.lease.read() == contract.LeaseState(1, proxy_world.HOLDER)
        assert await hands.lease.advance(fence=1, holder="host-2") == contract.LeaseState(2, "host-2")
        assert await hands.lease.read() == contract.LeaseState(2, "host-2")


async def test_a_fence_that_moved_is_none() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.ask("PATCH", ROW, {"fence": 7})
        assert await hands.lease.advance(fence=1, holder="host-2") is None
        assert await hands.lease.read() == contract.LeaseState(7, proxy_world.HOLDER)


async def test_of_eight_contenders_exactly_one_wins_each_fence() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        for fence in range(1, 6):
            won: list[str] = []

            async def contend(holder: str, fence: int = fence, won: list[str] = won) -> None:
                if await hands.lease.advance(fence=fence, holder=holder) is not None:
                    won.append(holder)

            async with anyio.create_task_group() as tasks:
                for number in range(8):
                    tasks.start_soon(contend, f"host-{number}")
            assert len(won) == 1
            assert await hands.lease.read() == contract.LeaseState(fence + 1, won[0])


async def test_a_lost_answer_is_looked_up_and_ours() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        line.lose = b"POST /api/batch"
        assert await hands.lease.advance(fence=1, holder="host-2") == contract.LeaseState(2, "host-2")
        assert line.lost == 1


async def test_a_renewal_that_did_not_arrive_is_ambiguous() -> None:
    async with (
        proxy_world.world() as world,
        proxy.before(world.server.url) as line,
        proxy_world.hands(line.url) as hands,
    ):
        await hands.session.prove()
        line.drop = b"POST /api/batch"
        with pytest.raises(errors.Ambiguous):
            await hands.lease.advance(fence=1, holder="host-2")
        assert await hands.lease.read() == contract.LeaseState(1, proxy_world.HOLDER)


async def test_a_renewal_with_a_dead_token_logs_in_and_succeeds() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await hands.session.prove()
        await world.change_password(proxy_world.PASSWORD)
        assert await hands.lease.advance(fence=1, holder="host-2") == contract.LeaseState(2, "host-2")


async def test_a_rule_that_refuses_the_right_fence_is_a_global_fault_and_not_a_lost_race() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.change_collection("listener_lease", updateRule=None)
        with pytest.raises(errors.Global, match="LEASE_REFUSED"):
            await hands.lease.advance(fence=1, holder="host-2")


async def test_a_missing_row_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        await world.ask("DELETE", ROW)
        with pytest.raises(errors.Global, match="LEASE_MISSING"):
            await hands.lease.read()


async def test_a_missing_column_is_a_global_fault() -> None:
    async with proxy_world.world() as world, proxy_world.hands(world.server.url) as hands:
        collection = await world.ask("GET", "/api/collections/listener_lease")
        fields = [field for field in collection["fields"] if field["name"] != "holder"]
        await world.change_collection("listener_lease", fields=fields)
        with pytest.raises(errors.Global, match=r"FIELD_DROPPED.*listener_lease\.holder"):
            await hands.lease.advance(fence=1, holder="host-2")
