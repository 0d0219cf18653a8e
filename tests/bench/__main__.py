"""`python -m tests.bench [full|quick|render]`: every measure, into figures.json, BENCHMARKS.md and two plots.

`full` by default. Each measure is kept as soon as it is known, so an interrupted run can be rendered too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tests.bench import contenders, kept, races, report, rig, scale
from tests.bench.counting import counted

Figures = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    runs: int
    creates: int
    burst: int
    throttled: tuple[int, int]
    """Creates, and Coolify's requests a minute."""
    stacks: tuple[tuple[int, int], ...]
    """How many, and how many runs of it."""
    idle: float
    """Seconds."""


SIZES = {
    "full": Size(5, 60, 500, (300, 200), ((100, 2), (200, 2), (1_000, 2), (10_000, 1)), 60.0),
    "quick": Size(1, 40, 100, (50, 100), ((100, 1), (200, 1), (1_000, 1)), 60.0),
}
"""`full` takes about half an hour, `quick` ten minutes."""


async def measure(mode: str) -> None:
    """All figures of this machine are in the file, one after another."""
    size, figures = SIZES[mode], kept.begun(mode)
    figures["sdk"] = contenders.sdk()
    await _kept(figures, ("throttled",), _alone(races.throttled, *size.throttled))
    await _kept(figures, ("counts",), _in_folder(counted))
    await _kept(figures, ("recorded",), _alone(races.recorded, size.runs * 4))
    for count, runs in size.stacks:
        for number in range(runs):
            one = _in_folder(partial(scale.measured, count=count, idle=size.idle))
            await _kept(figures, ("scale", str(count)), one, number)
    for number in range(size.runs):
        for letter in contenders.present():
            await _kept(figures, ("unloaded", letter), _race(letter, races.unloaded, size.creates), number)
        for letter in contenders.present():
            await _kept(figures, ("burst", letter), _race(letter, races.burst, size.burst), number)
    kept.ended(figures)


def _race(
    letter: str, run: Callable[[rig.Rig, str, int], Awaitable[Figures]], count: int
) -> Awaitable[Figures]:
    async def race(folder: Path) -> Figures:
        async with contenders.opened(folder, letter) as one:
            return await run(one, letter, count)

    return _in_folder(race)


def _alone(run: Callable[..., Awaitable[Figures]], *size: int) -> Awaitable[Figures]:
    async def ours(folder: Path) -> Figures:
        async with rig.opened(folder) as one:
            return await run(one, *size)

    return _in_folder(ours)


async def _in_folder(run: Callable[[Path], Awaitable[Any]]) -> Any:
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-bench-") as folder:
        return await run(Path(folder))


async def _kept(figures: Figures, path: tuple[str, ...], one: Awaitable[Any], number: int = 0) -> None:
    """What was measured is in the file under that path, one entry per run."""
    sys.stderr.write(f"{' '.join(path)}, run {number + 1}\n")
    sys.stderr.flush()
    kept.add(figures, path, await one)


def main() -> int:
    """0 when all was measured and rendered; which targets were missed is for people to read."""
    mode = sys.argv[1] if sys.argv[1:] else "full"
    if mode not in (*SIZES, "render"):
        sys.stderr.write(f"usage: python -m tests.bench [{'|'.join([*SIZES, 'render'])}]\n")
        return 2
    if mode != "render":
        anyio.run(measure, mode)
    sys.stdout.write(report.write(kept.read()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
