"""`Case`: how one kind of alert comes about and ends; `played` lives through it and says what people got."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from handlers.alerting import keeper
from handlers.alerting.kinds import KINDS
from tests.alerts.every.tower import QUIET, STEP, Tower, counted

LASTS = 600.0
"""Seconds for which it stays wrong after people know, and well after they know that."""
MOST = 4000.0
"""Seconds within which a kind is raised, or cleared."""
SOON = 400.0
"""For so many of them every step is looked at; then fewer."""

Play = Callable[[Tower], AsyncGenerator[None]]
"""Yields when all is well, when it went wrong, and at its end, mended, if it has something to close."""


@dataclass(frozen=True)
class Case:
    """`cause` and `mend` are what the play does, in words. Kinds in `besides` are raised and cleared too."""

    kind: str
    cause: str
    mend: str
    play: Play
    besides: Sequence[str] = ()
    lasts: float = LASTS


@dataclass(frozen=True)
class Story:
    """What became of a case: the notices of its kind (of its rows, where people are not told), and when."""

    case: Case
    raised: dict[str, Any]
    cleared: dict[str, Any]
    raised_after: float
    """Virtual seconds from the cause to the row."""
    cleared_after: float
    """From the end of the cause to the end of the row."""
    others: Counter[tuple[str, str]]
    """What else people were told, by kind and state."""


async def played(tower: Tower, case: Case) -> Story:
    """The kind was raised once and cleared once; asserts that nothing came twice, early or late."""
    seen, play, clock = _Seen(tower, case.kind), case.play(tower), tower.world.clock
    await anext(play)
    assert await seen.states() == []
    began = clock.seconds
    await anext(play)
    await seen.until(["raised"])
    raised, raised_after = (await seen.notices())[0], clock.seconds - began
    await tower.live(case.lasts)
    assert await seen.states() == ["raised"]
    ended = clock.seconds
    await anext(play, None)
    await seen.until(["raised", "cleared"])
    cleared_after = clock.seconds - ended
    await tower.live(LASTS)
    assert await seen.states() == ["raised", "cleared"]
    _, cleared = await seen.notices()
    (row,) = await seen.rows()
    assert "" < row["raised"] < row["cleared"]
    await play.aclose()
    others = counted(one for one in tower.told() if one["kind"] != case.kind)
    return Story(case, raised, cleared, raised_after, cleared_after, others)


@dataclass(frozen=True)
class _Seen:
    """What there is of one kind: rows, and what people were told."""

    tower: Tower
    kind: str

    async def rows(self) -> list[dict[str, Any]]:
        return [row for row in await self.tower.rows() if row["kind"] == self.kind]

    async def notices(self) -> list[dict[str, Any]]:
        """In order; of a kind that is kept and not sent, what its rows would say."""
        sent = [one for one in self.tower.told() if one["kind"] == self.kind]
        if KINDS[self.kind].severity != "info":
            return sent
        assert sent == []
        made = [keeper._notice(row) for one in await self.rows() if (row := keeper._row(one))]
        both = [(replace(one, state="raised"), one)[: 1 + (one.state == "cleared")] for one in made]
        return [asdict(one) for pair in both for one in pair]

    async def states(self) -> list[str]:
        return [str(one["state"]) for one in await self.notices()]

    async def until(self, states: list[str]) -> None:
        """Time passed until exactly this came to be."""
        clock = self.tower.world.clock
        began = clock.seconds
        while (found := await self.states()) != states:
            assert found == states[: len(found)], (found, states)
            assert clock.seconds - began < MOST, (self.kind, states, self.tower.told())
            await self.tower.step(STEP if clock.seconds - began < SOON else QUIET)
