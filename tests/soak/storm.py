"""One soak from beginning to end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx

from listener import errors
from tests.soak import calm, deeds, laws
from tests.soak import place as places
from tests.soak.figures import Figures
from tests.soak.place import Place
from tests.soak.sight import Sight

DOWN = (errors.ListenerError, httpx.HTTPError)
A_SECOND = 2.0
"""Deeds."""
BEGIN_SECONDS = 400.0
"""Until all stacks must run before the storm."""


class Storm:
    """Plays a plan, and looks at every law each second."""

    def __init__(self, place: Place, figures: Figures, tell: Callable[[str], None]) -> None:
        self.place = place
        self.figures = figures
        self.sight = Sight(place)
        self._tell = tell
        self._laws = laws.laws(place)
        self._began = time.monotonic()

    async def begin(self) -> None:
        """All stacks run."""
        took, wrong = await calm.converged(self.sight, self.check, seconds=BEGIN_SECONDS)
        assert not wrong, wrong
        self._tell(f"{len(self.place.stacks)} stacks run after {took:.0f} s")
        self._began = time.monotonic()

    async def blow(self, plan: list[deeds.Planned], seconds: float) -> None:
        """The plan was played; what is under way at its end is cut."""
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as tasks:
                for one in plan:
                    await anyio.sleep(max(0.0, self._began + one.at - time.monotonic()))
                    tasks.start_soon(self._do, one)
                await anyio.sleep_forever()
        self.figures.seconds = time.monotonic() - self._began

    async def watch(self) -> None:
        """Every second, for ever."""
        while True:
            began = time.monotonic()
            await self.check()
            if int(began - self._began) % 60 == 0:
                self._tell(f"{began - self._began:.0f} s, {len(self.figures.violations)} violations")
            await anyio.sleep(max(0.0, began + 1.0 - time.monotonic()))

    async def check(self) -> bool:
        """Every law was looked at once; false when a side is down."""
        try:
            await self.sight.look()
        except DOWN:
            self.figures.unseen += 1
            return False
        for name, law in self._laws.items():
            self.figures.checks += 1
            for who in law(self.sight):
                self.broken(f"{name}: {who}")
        return True

    def broken(self, what: str) -> None:
        """A violation is told once."""
        if what not in self.figures.violations:
            self.figures.violations[what] = f"{time.monotonic() - self._began:.0f} s"
            self._tell(f"VIOLATION {what}")

    async def end(self) -> None:
        """Calm, and everything that must hold then."""
        await calm.restored(self.place)
        self.figures.calm, wrong = await calm.converged(self.sight, self.check)
        wrong += await calm.still_differ(self.sight, self.check)
        wrong += [f"plan: {one}" for one in await calm.planned(self.place)]
        wrong += [f"not as it was: {one}" for one in await calm.foreign_changed(self.place)]
        wrong += calm.secrets_logged(self.place)
        for what in wrong:
            self.broken(f"in the end: {what}")
        self._count()

    async def _do(self, one: deeds.Planned) -> None:
        try:
            await one.kind.do(self.place, random.Random(one.seed))
        except* DOWN:
            self.figures.unheard[one.kind.name] += 1
        else:
            self.figures.deeds[one.kind.name] += 1

    def _count(self) -> None:
        figures, sight, daemons = self.figures, self.sight, self.place.daemons
        figures.ended = self.place.count
        figures.starts = sum(one.starts for one in daemons)
        figures.refused = [code for one in daemons for code in one.refused]
        figures.terms = sum(len(one.taken) for one in daemons)
        figures.rss = max(one.rss for one in daemons)
        figures.requests, figures.stacks = sight.requests, len(self.place.stacks)
        made = Counter(stack for stack, _ in sight.of_ours())
        figures.creates = made.total()
        figures.twice = sum(number - 1 for number in made.values())
        wanted = {stack for stack in sight.records if sight.wish(stack) == "running"}
        closed = {stack for stack, row in sight.ledger.items() if row["stage"] == "closed"}
        figures.lost = len(wanted - calm.owners(sight) - closed)
        figures.orphans = len(calm.owners(sight) - set(sight.ledger))


async def soak(
    folder: Path, *, seed: int, seconds: float, stacks: int = 100, tell: Callable[[str], None]
) -> Figures:
    """What so many seconds of everything at once came to, with a world in that folder."""
    figures = Figures(seed)
    async with places.opened(folder) as place:
        await place.furnish(stacks)
        storm = Storm(place, figures, tell)
        await storm.sight.look()
        async with anyio.create_task_group() as tasks:
            for daemon in place.daemons:
                tasks.start_soon(daemon.keep)
            await storm.begin()
            async with anyio.create_task_group() as watching:
                watching.start_soon(storm.watch)
                plan = list(deeds.plan(seed, seconds, a_second=A_SECOND))
                await storm.blow(plan, seconds)
                watching.cancel_scope.cancel()
            await storm.end()
            tasks.cancel_scope.cancel()
    return figures
