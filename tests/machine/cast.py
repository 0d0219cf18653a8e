"""What every rule has: the stage, whom it is about, and the count of what was met."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from handlers import records
from listener.compose import catalog as catalogs
from listener.sandbox.standin import state
from tests.handlers.upstream import Upstream
from tests.machine import opening
from tests.machine.witness import SECRET, Broken

T = TypeVar("T")
WHO = st.integers(0, 7)
EVENTS: list[str] = []
"""The names of all rules."""
GONE = "gone"
"""The status of a stack whose record was deleted."""


@dataclass
class Tally:
    """What a run has met."""

    examples: int = 0
    steps: int = 0
    effective: int = 0
    """Steps after which records, Coolify or the listener's memory were not what they were."""
    acts: int = 0
    """Calls of the listener that change something in Coolify."""
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(status of a stack, what happened then)."""
    broken: list[str] = field(default_factory=list)

    def and_also(self, other: Tally) -> Tally:
        """What both have met together."""
        return Tally(
            examples=self.examples + other.examples,
            steps=self.steps + other.steps,
            effective=self.effective + other.effective,
            acts=self.acts + other.acts,
            pairs=self.pairs + other.pairs,
            broken=[*self.broken, *other.broken],
        )


def event(**given: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A rule whose steps are counted, with the statuses that they meet."""

    def decorate(deed: Callable[..., None]) -> Any:
        @functools.wraps(deed)
        def told(self: Cast, **values: Any) -> None:
            self.step(deed.__name__, functools.partial(deed, self, **values))

        EVENTS.append(deed.__name__)
        marked: Any = rule
        return marked(**given)(told)

    return decorate


class Cast(RuleBasedStateMachine):
    """One stage per example; `home` is where it is made."""

    runner: ClassVar[asyncio.Runner]
    home: ClassVar[Upstream]
    catalog: ClassVar[catalogs.Catalog]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.exits = AsyncExitStack()
        self.stacks: list[str] = []
        """Every stack that there ever was."""
        self.forms: dict[str, dict[str, Any]] = {}
        """Rows as an open form still shows them."""
        self.buried: dict[str, dict[str, Any]] = {}
        """Rows of records that were deleted, by id."""
        self.numbers = iter(range(100_000))
        self.met: list[str] | None = None

    def do(self, deed: Coroutine[Any, Any, T]) -> T:
        """The deed is done in the one loop of all examples."""
        return self.runner.run(deed)

    @initialize()
    def begin(self) -> None:
        """A world with two tenants and three stacks that run or are on their way."""
        self.do(self._enter())
        self.tally.examples += 1

    async def _enter(self) -> None:
        self.stage = await self.exits.enter_async_context(opening.made(self.home, self.catalog))
        await self.stage.begin()
        self.tenants = [self.stage.tenant_id, await self.stage.tenant()]
        for template in ("base-llm", "telegram-bot"):
            await self.add(template, self.tenants[0], domain="")
        await self.stage.settle(60.0)
        await self.add("telegram-bot", self.tenants[1])

    def step(self, name: str, deed: Callable[[], None]) -> None:
        """The deed is done and counted; whom it met is what it asked for, or else everybody."""
        stage, tally = self.stage, self.tally
        before = (stage.deeds, stage.witness.acts, stage.witness.writes)
        statuses = {stack: self.status(stack) for stack in self.stacks}
        self.met = None
        deed()
        tally.steps += 1
        tally.effective += before != (stage.deeds, stage.witness.acts, stage.witness.writes)
        tally.acts += stage.witness.acts - before[1]
        for stack in statuses if self.met is None else self.met:
            tally.pairs[statuses[stack], name] += 1

    def status(self, stack: str) -> str:
        """What the stack's record shows, or that there is none."""
        row = self.rows.get(stack)
        return GONE if row is None else str(row["status"])

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The records of stacks, by id."""
        return self.stage.witness.of(records.STACKS)

    def live(self) -> list[str]:
        """Stacks that have a record, in the order in which they were made."""
        return [stack for stack in self.stacks if stack in self.rows]

    def pick(self, who: int, among: Sequence[str]) -> str | None:
        """The stack this step is about."""
        self.met = []
        if not among:
            return None
        chosen = among[who % len(among)]
        self.met.append(chosen)
        return chosen

    def served(self, who: int) -> tuple[str, state.Service] | None:
        """A stack that has a service, and the service."""
        self.stage.coolify.tick()
        made = {stack: self.stage.witness.made(stack) for stack in self.stacks}
        stack = self.pick(who, [stack for stack, found in made.items() if found])
        return None if stack is None else (stack, made[stack][0])

    def secret(self) -> str:
        """A new secret."""
        return f"{SECRET}{next(self.numbers)}"

    def variables(self, template: str) -> dict[str, str]:
        """Good values for the template, secrets among them."""
        if template == "base-llm":
            return {"API_KEY": self.secret()}
        return {"TELEGRAM_BOT_TOKEN": self.secret(), "OPENAI_API_KEY": self.secret()}

    async def add(self, template: str, tenant: str, **more: Any) -> str:
        """A new stack of the tenant."""
        config = {"env_vars": self.variables(template)}
        stack = await self.stage.stack(template, tenant_id=tenant, config=config, **more)
        self.stacks.append(stack)
        self.forms[stack] = dict(self.rows[stack])
        return stack

    def save(self, stack: str | None, **fields: Any) -> None:
        """A person saves these fields of the record."""
        if stack is not None:
            self.do(self.stage.edit(stack, **fields))

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "stage"):
            try:
                self.stage.witness.look()
                self.stage.witness.guard()
            except Broken as broken:
                self.tally.broken.append(str(broken))
                raise
