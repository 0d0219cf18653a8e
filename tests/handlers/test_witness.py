"""The second witness: what a domain answers is shown beside what Coolify says, and never causes a step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from handlers import records
from handlers.stacks.witness import Witness
from listener.probe.probe import SECONDS, Probe
from tests.handlers.world import World
from tests.probe.authority import Authority
from tests.probe.traefik import CATCH_ALL, Traefik, says, serving

HOST = "one.example.org"
GOOD = says("200 OK", b"hello")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for all tests: keys cost time."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@dataclass
class Door:
    """The world, and a proxy on a real socket before its stacks."""

    world: World
    traefik: Traefik
    authority: Authority

    async def ask(self) -> None:
        """One round of the witness, and the turns that follow from it."""
        self.world.parts.eyes.site = replace(self.world.parts.eyes.site, is_witnessed=True)
        probe = Probe(clock=self.world.clock, trust=self.authority.trust(), seconds=SECONDS)
        witness = Witness(
            eyes=self.world.parts.eyes,
            catalog=self.world.place.catalog,
            look=probe.look,
            door=self.traefik.address,
        )
        for key in await witness.round():
            self.world.parts.turns.add(key, self.world.clock.seconds)
        await self.world.settle()

    async def running(self) -> str:
        """A stack with a domain that answers well."""
        self.traefik.host(HOST, GOOD)
        self.world.parts.eyes.site = replace(self.world.parts.eyes.site, is_witnessed=True)
        stack = await self.world.running("base-llm", domain=HOST)
        await self.ask()
        self.world.coolify.calls.reset()
        return stack

    async def shown(self, stack: str) -> tuple[str, str, str]:
        """Status, health and code of the reason that staff reads."""
        row = await self.world.row(stack)
        return row["status"], row["health"], row["error_message"].partition(" · ")[0]


@pytest_asyncio.fixture(loop_scope="function")
async def door(world: World, authority: Authority) -> AsyncIterator[Door]:
    """A proxy that knows no stack yet, and says so as Coolify's does."""
    async with serving(Traefik(authority, is_tls=True, otherwise=CATCH_ALL)) as traefik:
        yield Door(world, traefik, authority)


async def test_a_domain_that_answers_confirms_that_a_stack_is_healthy(door: Door) -> None:
    door.traefik.host(HOST, GOOD)
    door.world.parts.eyes.site = replace(door.world.parts.eyes.site, is_witnessed=True)
    stack = await door.world.running("base-llm", domain=HOST)
    assert await door.shown(stack) == ("running", "starting", "")
    await door.ask()
    assert await door.shown(stack) == ("running", "healthy", "")


async def test_disagreement_is_shown_as_unknown_health_and_causes_no_step(door: Door) -> None:
    stack = await door.running()
    door.traefik.apps.clear()
    await door.world.live(door.world.waits.resync)
    await door.ask()
    assert await door.shown(stack) == ("running", "unknown", "UNCONFIRMED")
    assert "only Traefik answers: HTTP 503" in (await door.world.row(stack))["error_message"]
    door.traefik.host(HOST, GOOD)
    await door.world.live(door.world.waits.poll)
    await door.ask()
    assert await door.shown(stack) == ("running", "healthy", "")
    assert door.world.effects() == []


async def test_an_error_of_the_program_itself_is_unhealthy(door: Door) -> None:
    stack = await door.running()
    door.traefik.host(HOST, says("500 Internal Server Error", b"sorry"))
    await door.world.live(door.world.waits.resync)
    await door.ask()
    assert await door.shown(stack) == ("running", "unhealthy", "UNCONFIRMED")
    assert door.world.effects() == []


@pytest.mark.parametrize("wanted", ["suspended", "deleted"])
async def test_a_stopped_stack_whose_domain_answers_is_told_to_staff(door: Door, wanted: str) -> None:
    stack = await door.running()
    await door.world.edit(stack, desired_state=wanted)
    await door.world.settle()
    door.world.coolify.calls.reset()
    await door.ask()
    assert await door.shown(stack) == (wanted, "unknown", "STILL_ANSWERING")
    uuid = door.world.service(stack).uuid
    assert (
        f"docker ps --filter label=com.docker.compose.project={uuid}"
        in (await door.world.row(stack))["error_message"]
    )
    door.traefik.apps.clear()
    await door.world.live(door.world.waits.poll)
    await door.ask()
    assert await door.shown(stack) == (wanted, "unknown", "")
    assert door.world.effects() == []


async def test_only_domains_are_asked_and_a_good_answer_lasts_until_the_next_sweep(door: Door) -> None:
    await door.world.running()
    await door.running()
    asked = len(door.traefik.asked)
    await door.ask()
    assert len(door.traefik.asked) == asked
    await door.world.live(door.world.waits.resync)
    await door.ask()
    assert len(door.traefik.asked) == asked + 1
    assert all(f"Host: {HOST}\r\n" in head for head in door.traefik.asked)


async def test_a_domain_is_asked_again_after_every_change_of_ours(door: Door) -> None:
    stack = await door.running()
    asked = len(door.traefik.asked)
    await door.world.edit(stack, action="restart")
    await door.world.settle()
    await door.ask()
    assert len(door.traefik.asked) == asked + 1
    assert await door.shown(stack) == ("running", "healthy", "")


async def test_a_deleted_stack_is_not_asked_by_a_domain_that_another_has_now(door: Door) -> None:
    gone = await door.running()
    await door.world.edit(gone, desired_state="deleted")
    await door.world.settle()
    await door.world.running("base-llm", domain=HOST)
    await door.ask()
    door.world.touch(records.STACKS, gone)
    await door.world.settle()
    assert await door.shown(gone) == ("deleted", "unknown", "")
