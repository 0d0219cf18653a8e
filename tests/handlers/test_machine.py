"""Anything in any order: people, crashes, lost answers. Never two services for one stack, and then peace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from handlers import records
from listener.compose import catalog as catalogs
from tests.handlers import world as worlds
from tests.handlers.upstream import Upstream

T = TypeVar("T")

CALM = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
PROFILES = {
    "short": settings(
        CALM,
        max_examples=7,
        stateful_step_count=25,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    ),
    "long": settings(CALM, max_examples=60, stateful_step_count=40),
}
DOMAINS = ("", "", "one.example.org", "two.example.org")
ROUTES = (
    "^/projects$",
    "^/services$",
    "^/services/[a-z0-9]+$",
    "/envs/bulk$",
    "/restart$",
    "/stop$",
    "/envs/",
)
Trouble = tuple[str, Any, bool] | None
TROUBLE: st.SearchStrategy[Trouble] = st.none() | st.tuples(
    st.sampled_from(["^/services$", "^/services$", "^/projects$", "/restart$"]),
    st.sampled_from(["drop", 500, "garbage"]),
    st.booleans(),
)
"""What goes wrong with a create at once: route, reply, and whether the effect happens all the same."""
PEOPLE = ("start", "stop", "kill", "sync", "clone")


class Machine(RuleBasedStateMachine):
    """One world per example; `home` is where it is made."""

    runner: ClassVar[asyncio.Runner]
    home: ClassVar[Upstream]
    catalog: ClassVar[catalogs.Catalog]
    stacks = Bundle("stacks")

    def __init__(self) -> None:
        super().__init__()
        self.exits = AsyncExitStack()
        self.wanted: dict[str, dict[str, Any]] = {}
        """By stack: what its record was last told to be."""
        self.gone: set[str] = set()
        self.clones: set[str] = set()
        self.ours: set[str] = set()
        """Every uuid that a ledger row has ever named."""
        self.numbers = iter(range(10_000))

    def do(self, deed: Coroutine[Any, Any, T]) -> T:
        """The deed is done in the one loop of all examples."""
        return self.runner.run(deed)

    @initialize(target=stacks, first=TROUBLE, second=TROUBLE)
    def begin(self, first: Trouble, second: Trouble) -> Any:
        """A world with one tenant and two stacks on their way."""
        self.world = self.do(self._enter())
        self.world.coolify.knobs.turn({"job_delay": 1.0, "sync_delay": 2.0})
        return multiple(
            self._create("base-llm", DOMAINS[-1], first), self._create("telegram-bot", "", second)
        )

    async def _enter(self) -> worlds.World:
        admin = await self.exits.enter_async_context(self.home.administered())
        made = worlds.made(self.home.url, admin, token=self.home.service_token, catalog=self.catalog)
        world = await self.exits.enter_async_context(made)
        await world.begin()
        return world

    # People and their records.

    @rule(target=stacks, web=st.booleans(), domain=st.sampled_from(DOMAINS), trouble=TROUBLE)
    def create(self, web: bool, domain: str, trouble: Trouble) -> Any:
        if len(self.wanted) >= 4:
            return multiple()
        return self._create("base-llm" if web else "telegram-bot", domain if web else "", trouble)

    @rule(stack=stacks, domain=st.sampled_from(DOMAINS))
    def edit(self, stack: str, domain: str) -> None:
        if stack in self.gone:
            return
        row = self.do(self.world.row(stack))
        values = dict(worlds.ENV[row["template"]]) | {"MODEL": f"m{next(self.numbers)}"}
        if row["template"] == "base-llm":
            values = {"API_KEY": f"fake-{next(self.numbers)}"}
            self.do(self.world.edit(stack, domain=domain))
        self.do(self.world.edit(stack, config={"env_vars": values}))

    @rule(stack=stacks, wish=st.sampled_from(["running", "running", "suspended", "deleted"]))
    def wish(self, stack: str, wish: str) -> None:
        self._edit(stack, desired_state=wish)

    @rule(stack=stacks, hold=st.sampled_from(["", "unpaid"]))
    def hold(self, stack: str, hold: str) -> None:
        self._edit(stack, hold=hold)

    @rule(stack=stacks, action=st.sampled_from(["restart", "redeploy", "reconcile", "retry"]))
    def act(self, stack: str, action: str) -> None:
        if stack not in self.gone:
            self.do(self.world.edit(stack, action=action))

    @rule(stack=stacks, fields=st.sets(st.sampled_from(records.STACK_DISPLAY[2:7])))
    def wipe(self, stack: str, fields: set[str]) -> None:
        if stack not in self.gone:
            self.do(self.world.edit(stack, **dict.fromkeys(fields, "")))

    @rule(stack=stacks, heard=st.booleans())
    def remove(self, stack: str, heard: bool) -> None:
        if stack not in self.gone:
            self.do(self.world.remove(stack, heard=heard))
            self.gone.add(stack)

    @rule(status=st.sampled_from(["active", "active", "suspended", "pending"]))
    def tenant(self, status: str) -> None:
        self.do(self.world.edit(self.world.tenant_id, records.TENANTS, status=status))

    # Coolify and those who work in it.

    @rule(
        route=st.sampled_from(ROUTES),
        reply=st.sampled_from(["drop", 500, 429, "garbage"]),
        effect=st.booleans(),
        times=st.integers(1, 2),
    )
    def fail(self, route: str, reply: Any, effect: bool, times: int) -> None:
        effect = effect and reply != 429
        self.world.coolify.faults.add("", route, effect=effect, reply=reply, times=times)

    @rule(times=st.integers(1, 6))
    def hide_lists(self, times: int) -> None:
        self.world.coolify.faults.add("GET", "/resources$", reply=500, times=times)

    @rule(stack=stacks, verb=st.sampled_from(PEOPLE), name=st.sampled_from(["", "by hand"]))
    def person(self, stack: str, verb: str, name: str) -> None:
        for service in self.world.services(stack):
            if service.uuid in self.clones:
                continue
            made = self.world.coolify.hand.act(verb, service.uuid)
            if verb == "clone":
                self.clones.add(made)
            if name:
                self.world.coolify.hand.edit(service.uuid, name=name)

    # Time and the process.

    @rule(seconds=st.sampled_from([0.0, 3.0, 20.0, 95.0, 200.0]))
    def settle(self, seconds: float) -> None:
        self.do(self.world.settle(seconds))

    @rule(seconds=st.sampled_from([1.0, 60.0, 700.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def poll(self) -> None:
        self.do(self.world.poll())

    @rule()
    def crash(self) -> None:
        self.do(self.world.restart())

    @rule(at=st.integers(0, 8), after=st.booleans(), kind=st.sampled_from(["crash", "cancel"]))
    def cut(self, at: int, after: bool, kind: Any) -> None:
        self.world.scissors.set(at, after=after, kind=kind)

    # What always holds.

    @invariant()
    def one_service_for_one_stack(self) -> None:
        for stack in self.wanted:
            found = [one for one in self.world.services(stack) if one.uuid not in self.clones]
            assert len(found) <= 1, (stack, found)

    @invariant()
    def no_effect_on_what_is_not_ours(self) -> None:
        known = {row.service_uuid for row in self.world.parts.eyes.ledger.rows(records.STACKS)}
        self.ours |= known - {""}
        for call in self.world.coolify.calls:
            if call.method != "GET" and "{uuid}" in call.route:
                assert call.path.split("/")[4] in self.ours, call

    def teardown(self) -> None:
        """Calm: nothing fails any more, and everything comes to where it is wanted."""
        if hasattr(self, "world"):
            self.do(self._calm())
        self.do(self.exits.aclose())

    async def _calm(self) -> None:
        world = self.world
        world.scissors.set(None)
        world.coolify.faults.clear()
        await world.edit(world.tenant_id, records.TENANTS, status="active")
        for stack in self.wanted.keys() - self.gone:
            await world.edit(stack, action="retry")
        await world.live(2500)
        await world.settle(2000)
        for stack in self.wanted:
            await self._came_to_rest(stack)
        assert (
            sum(f"tenant={world.tenant_id} " in one.description for one in world.coolify.world.projects) <= 1
        )

    async def _came_to_rest(self, stack: str) -> None:
        world, want = self.world, self.wanted[stack]
        services = [one for one in world.services(stack) if one.uuid not in self.clones]
        runs = any(part.runs for one in services for part in one.parts)
        if stack in self.gone:
            assert not runs or world.parts.mass[-1], stack
            return
        row, plan = await world.row(stack), await world.plan(stack)
        assert plan.steps == (), (row, plan.lines())
        if row["error_message"].startswith("DOMAIN_TAKEN"):
            return
        if want["desired_state"] == "deleted":
            assert (row["status"], runs) == ("deleted", False), row
        elif want["hold"] or want["desired_state"] == "suspended":
            assert (row["status"], runs) == ("suspended", False), row
        else:
            assert (row["status"], runs) == ("running", True), (row, world.log[-8:])
            assert services[0].uuid == row["coolify_service_uuid"], row

    def _create(self, template: str, domain: str, trouble: Trouble) -> str:
        stack = self.do(self.world.stack(template, domain=domain))
        self.wanted[stack] = {"desired_state": "", "hold": ""}
        if trouble is not None:
            route, reply, effect = trouble
            self.world.coolify.faults.add("POST", route, effect=effect, reply=reply)
            self.do(self.world.settle(20.0))
        return stack

    def _edit(self, stack: str, **fields: Any) -> None:
        if stack not in self.gone:
            self.do(self.world.edit(stack, **fields))
            self.wanted[stack] |= fields


@pytest.mark.parametrize(
    "profile", [pytest.param("short", marks=pytest.mark.long), pytest.param("long", marks=pytest.mark.soak)]
)
@pytest.mark.timeout(1800)
def test_anything_in_any_order_ends_well(upstream: Upstream, catalog: catalogs.Catalog, profile: str) -> None:
    Machine.home, Machine.catalog = upstream, catalog
    chosen = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", profile)]
    with asyncio.Runner() as Machine.runner:
        run_state_machine_as_test(Machine, settings=chosen)
