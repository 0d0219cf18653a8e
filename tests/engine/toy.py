"""A toy collection, its feed and its lease: nothing in it knows a tenant or a stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import anyio

from listener import contract, errors

Act = Callable[[contract.Plan], Awaitable[contract.Outcome]]


def key(name: str, collection: str = "toys") -> contract.Key:
    """A key of the toy collection; the letter before the dash is its group."""
    return contract.Key(collection, name)


@dataclass(frozen=True, slots=True)
class ToyStep:
    """A step that says what it would do."""

    text: str

    def describe(self) -> str:
        return self.text


@dataclass
class ToyHandler:
    """Plans one step for every key and applies it as `acts` says; remembers when what was done."""

    collection: str = "toys"
    acts: dict[str, Act] = field(default_factory=dict)
    different: list[contract.Key] = field(default_factory=list)
    sweep_errors: list[Exception] = field(default_factory=list)
    report_errors: list[Exception] = field(default_factory=list)
    plan_error: Exception | None = None
    steps: bool = True
    basis: dict[str, str] = field(default_factory=dict)
    on_report: Callable[[str], None] = lambda _: None
    again: float | None = None
    planned: list[tuple[str, float]] = field(default_factory=list)
    applied: list[tuple[str, float]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    reported: list[tuple[str, str]] = field(default_factory=list)
    deletions: list[str] = field(default_factory=list)
    sweep_seconds: float = 0.0
    swept: list[float] = field(default_factory=list)
    working: Counter[str] = field(default_factory=Counter)

    def group(self, key: contract.Key) -> str:
        return key.id.split("-", maxsplit=1)[0]

    async def sweep(self) -> Iterable[contract.Key]:
        self.swept.append(anyio.current_time())
        if self.sweep_errors:
            raise self.sweep_errors.pop(0)
        await anyio.sleep(self.sweep_seconds)
        return list(self.different)

    def noticed(self, change: contract.Change) -> None:
        if change.deleted:
            self.deletions.append(change.key.id)

    async def plan(self, key: contract.Key) -> contract.Plan:
        self.planned.append((key.id, anyio.current_time()))
        if self.plan_error is not None:
            raise self.plan_error
        steps = (ToyStep(f"paint {key.id}"),) if self.steps else ()
        return contract.Plan(key, steps=steps, again=self.again, basis=self.basis.get(key.id, ""))

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        name = plan.key.id
        self.applied.append((name, anyio.current_time()))
        self.working[name] += 1
        assert self.working[name] == 1, "two workers on one key"
        try:
            act = self.acts.get(name)
            outcome = contract.Settled() if act is None else await act(plan)
        finally:
            self.working[name] -= 1
        self.finished.append(name)
        return outcome

    async def report(self, key: contract.Key, error: Exception) -> None:
        if self.report_errors:
            raise self.report_errors.pop(0)
        self.reported.append((key.id, str(error)))
        self.on_report(key.id)

    def times(self, name: str) -> list[float]:
        """When the key was applied."""
        return [when for applied, when in self.applied if applied == name]


def raises(*failures: Exception) -> Act:
    """Fails with each error in turn, then settles."""
    left = list(failures)

    async def act(_: contract.Plan) -> contract.Outcome:
        if left:
            raise left.pop(0)
        return contract.Settled()

    return act


def returns(*outcomes: contract.Outcome) -> Act:
    """Ends with each outcome in turn, then settles."""
    left = list(outcomes)

    async def act(_: contract.Plan) -> contract.Outcome:
        return left.pop(0) if left else contract.Settled()

    return act


def takes(seconds: float) -> Act:
    """Works for so long."""

    async def act(_: contract.Plan) -> contract.Outcome:
        await anyio.sleep(seconds)
        return contract.Settled()

    return act


def takes_and_raises(seconds: float, failure: Exception) -> Act:
    """Works for so long and fails, the first time."""
    fail = raises(failure)

    async def act(plan: contract.Plan) -> contract.Outcome:
        await anyio.sleep(seconds)
        return await fail(plan)

    return act


class ToyFeed:
    """A feed whose items the test says; it echoes renewals of the lease store while `echoing`."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[
            contract.Change | contract.Gap | contract.Pulse
        ](1000)
        self.reconnects: list[tuple[str, float]] = []
        self.echoing = True
        self.greeting = True
        self.ending = False

    async def events(
        self,
    ) -> AsyncGenerator[contract.Change | contract.Gap | contract.Pulse, None]:
        if self.greeting:
            yield contract.Gap("connected")
        while not self.ending:
            yield await self._receive.receive()

    def reconnect(self, reason: str) -> None:
        self.reconnects.append((reason, anyio.current_time()))

    def say(self, item: contract.Change | contract.Gap | contract.Pulse) -> None:
        self._send.send_nowait(item)

    def change(self, name: str, *, deleted: bool = False) -> None:
        self.say(contract.Change(key(name), deleted=deleted))

    def close(self) -> None:
        self._send.close()
        self._receive.close()


class ToyLease:
    """The lease row. `errors` are raised by the next calls, one each; `refusing` refuses every write."""

    def __init__(self) -> None:
        self.state = contract.LeaseState(fence=1, holder="")
        self.errors: list[errors.ListenerError] = []
        self.down = False
        self.seconds = 0.0
        self.refusing = False
        self.on_write: Callable[[contract.LeaseState], None] = lambda _: None
        self.writes: list[tuple[str, float]] = []

    async def read(self) -> contract.LeaseState:
        await self._answer()
        return self.state

    async def advance(self, *, fence: int, holder: str) -> contract.LeaseState | None:
        await self._answer()
        if self.refusing or fence != self.state.fence:
            return None
        self.state = contract.LeaseState(fence=fence + 1, holder=holder)
        self.writes.append((holder, anyio.current_time()))
        self.on_write(self.state)
        return self.state

    async def _answer(self) -> None:
        await anyio.sleep(self.seconds)
        if self.errors:
            raise self.errors.pop(0)
        if self.down:
            raise errors.UpstreamUnavailable("POCKETBASE_UNREACHABLE", "no connection")


class Clock:
    """The loop's time, plus what the machine slept."""

    def __init__(self) -> None:
        self.slept = 0.0

    def __call__(self) -> float:
        return anyio.current_time() + self.slept


class Probe:
    """Raises while `broken`."""

    def __init__(self) -> None:
        self.broken = True
        self.calls: list[float] = []

    async def __call__(self) -> None:
        self.calls.append(anyio.current_time())
        if self.broken:
            raise errors.Global("COOLIFY_UNAUTHORIZED", "still refused")
