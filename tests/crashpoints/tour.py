"""Every action without a cut, then cut at each of its points; each run ends as the uncut one did."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from listener import errors
from listener.sandbox import people
from tests.crashpoints import place as places
from tests.crashpoints.actions import ACTIONS, Run
from tests.crashpoints.ending import View
from tests.crashpoints.place import Place

QUIET = 1.2
"""Seconds without an effect after which a world that looks at rest is: longer than any poll of it."""
SECONDS = 40.0
"""Until it must be at rest."""
PATIENCE = 3.0
"""Seconds after which a sweep is asked for: the sandbox's own come every 10."""
LOOK = 0.3
OVERTAKEN = 3
"""By so many effects a point is overtaken before the next best one is cut in its place."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a run is cut."""

    action: str
    at: int
    after: bool

    def __str__(self) -> str:
        """As the report has it."""
        return f"{self.action} {self.at} {'after' if self.after else 'before'}"


@dataclass(frozen=True)
class Whole:
    """An action without a cut: its end, and the effects that it took."""

    end: View
    points: tuple[str, ...]


@dataclass
class Tour:
    """What was found so far."""

    wholes: dict[str, Whole] = field(default_factory=dict)
    made: dict[Cut, str] = field(default_factory=dict)
    """Cut -> the request it met; "" when there was none any more."""
    failures: dict[Cut | str, str] = field(default_factory=dict)
    """Run -> how its end differs."""
    tell: Callable[[str], object] = lambda _: None
    """Called with every run that ended."""
    _numbers: Any = field(default_factory=itertools.count)

    async def take(self, place: Place, job: Cut | str) -> None:
        """The cut, or the whole action, was made; one that could not be is a failure and stops no other."""
        began = anyio.current_time()
        try:
            await (self.cut(place, job) if isinstance(job, Cut) else self.whole(place, job))
        except (AssertionError, errors.ListenerError) as error:
            self.failures[job] = str(error)
        self.tell(f"{anyio.current_time() - began:5.1f} s  {job} {self.failures.get(job, '')}")

    async def whole(self, place: Place, action: str) -> None:
        """The action ran without a cut, and its points are known."""
        run = await self._begun(place, action)
        place.knife.set(lambda _: False)
        await ACTIONS[action].act(run)
        await run.until(ACTIONS[action].goal, action)
        await run.until_quiet(QUIET)
        end = await run.until(ACTIONS[action].goal, action)
        place.knife.is_set = False
        self.wholes[action] = Whole(end, tuple(place.knife.seen))

    async def cut(self, place: Place, cut: Cut) -> None:
        """The action was cut there, the daemon began anew, and the end was compared."""
        run = await self._begun(place, cut.action)
        place.knife.set(partial(_is_meant, self.wholes[cut.action].points, cut.at), after=cut.after)
        beside = await place.beside()
        await ACTIONS[cut.action].act(run)
        wanted = self.wholes[cut.action].end
        with anyio.move_on_after(SECONDS):
            async with _resting(run, wanted) as rest:
                await _first_of(rest, place.knife.has_cut)
        if place.knife.has_cut.is_set():
            self.made[cut] = place.knife.seen[-1]
            await place.restarted(keep=run.tenant, found=run.found)
            with anyio.move_on_after(SECONDS):
                async with _resting(run, wanted) as rest:
                    await rest.wait()
        else:
            self.made[cut] = ""
        place.knife.is_set = False
        found = await run.look()
        differs = _difference(wanted.facts, found.facts) + _difference(beside, await place.beside())
        if not wanted.ups <= found.ups <= wanted.ups + 1:
            differs += f"\nstarted {found.ups} times instead of {wanted.ups}"
        if differs:
            self.failures[cut] = f"at {self.made[cut] or 'no point'}:{differs}"

    def cuts(self) -> list[Cut]:
        """Every point of every action, before and after, in the order of actions."""
        return [
            Cut(action, at, after)
            for action in ACTIONS
            if action in self.wholes
            for at in range(len(self.wholes[action].points))
            for after in (False, True)
        ]

    def report(self) -> str:
        """The points that were found, what became of each, and what differs."""
        lines = []
        for action, whole in self.wholes.items():
            lines.append(f"{action}: {len(whole.points)} points")
            for at, point in enumerate(whole.points):
                cuts = [cut for cut in (Cut(action, at, False), Cut(action, at, True)) if cut in self.made]
                met = [
                    "-" if not self.made[cut] else "cut" if self.made[cut] == point else "other"
                    for cut in cuts
                ]
                lines.append(f"  {at:2}  {point}  [{', '.join(met)}]")
        lines.append(
            f"{len(self.made)} runs, {sum(map(bool, self.made.values()))} of them cut, "
            f"{len(self.failures)} with another end"
        )
        return "\n".join([*lines, *(f"{job} {differs}" for job, differs in self.failures.items())])

    async def _begun(self, place: Place, action: str) -> Run:
        """The run stands where its action begins, and nothing moves."""
        run = Run(place, f"run{next(self._numbers):04d}")
        await run.begin()
        await ACTIONS[action].prepare(run)
        await run.until_quiet()
        return run


def _is_meant(points: Sequence[str], at: int, seen: Sequence[str]) -> bool:
    """The last effect is the point of that number, which others may overtake; or that one does not come."""
    point = points[at]
    is_it = seen[-1] == point and seen.count(point) == points[: at + 1].count(point)
    return is_it or len(seen) > at + OVERTAKEN


async def all_of(tour: Tour, folder: Path, *, places_count: int, actions: Iterable[str] = ACTIONS) -> None:
    """Every point of these actions was cut, before and after, in so many worlds at once."""
    async with anyio.create_task_group() as tasks:
        send, receive = anyio.create_memory_object_stream[Any](0)
        done, ready = itertools.count(1), anyio.Event()
        names = list(actions)

        async def work(number: int) -> None:
            async with places.opened(folder / str(number)) as place, receive.clone() as jobs:
                async for job in jobs:
                    await tour.take(place, job)
                    if next(done) == len(names):
                        ready.set()

        for number in range(places_count):
            tasks.start_soon(work, number)
        async with send, receive:
            for name in names:
                await send.send(name)
            await ready.wait()
            for cut in tour.cuts():
                await send.send(cut)


@asynccontextmanager
async def _resting(run: Run, wanted: View) -> AsyncIterator[anyio.Event]:
    """The event is set when both sides are as wanted and nothing was asked for in a while."""
    rest = anyio.Event()

    async def watch() -> None:
        asked = anyio.current_time()
        while True:
            await run.until_quiet(QUIET)
            if (await run.look()).facts == wanted.facts:
                break
            await anyio.sleep(LOOK)
            if anyio.current_time() - asked > PATIENCE:
                asked = anyio.current_time()
                await _ask_for_sweep(run.place)
        rest.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield rest
        tasks.cancel_scope.cancel()


async def _first_of(*events: anyio.Event) -> None:
    async with anyio.create_task_group() as tasks:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            tasks.cancel_scope.cancel()

        for event in events:
            tasks.start_soon(wait, event)


async def _ask_for_sweep(place: Place) -> None:
    """A changed tier makes the daemon look at everything, as the next sweep would."""
    tier = "/api/collections/plan_tiers/records/sovereign"
    admin = place.stage.admin
    number = (await people.ask(admin, "GET", tier))["priority"]
    await people.ask(admin, "PATCH", tier, {"priority": number + 1})


def _difference(wanted: Any, found: Any) -> str:
    """ "" if they are equal; else the lines that are not, a line each."""
    before, after = (json.dumps(one, indent=1, sort_keys=True).splitlines() for one in (wanted, found))
    return "".join(
        f"\n{line}" for line in difflib.unified_diff(before, after, "uncut", "cut", n=1, lineterm="")
    )
