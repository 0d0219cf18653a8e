"""Each target, the figure it is held against, and whether it was met. A target without a figure says so."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
HOUR = 3600.0
SWEEPS = 12
"""Sweeps an hour: one every 300 s."""
NOT_RUN = "not run"


@dataclass(frozen=True)
class Target:
    """One line: `figures` are its values, one per run; met when their median is at most `most`."""

    name: str
    told: str
    unit: str
    figures: Callable[[Figures], Sequence[float]]
    most: Callable[[Figures], float]

    def line(self, raw: Figures) -> tuple[str, ...]:
        """Name, target, median (min to max), met or missed."""
        try:
            found, most = self.figures(raw), self.most(raw)
        except (KeyError, IndexError):
            found, most = [], 0.0
        if not found:
            return (self.name, self.told.format("?"), NOT_RUN, NOT_RUN)
        met = "met" if statistics.median(found) <= most else "**missed**"
        return (self.name, self.told.format(spread([most])), f"{spread(found)} {self.unit}".strip(), met)


def spread(values: Sequence[float]) -> str:
    """The median, and in brackets the smallest and the largest of several."""
    median = _short(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({_short(min(values))} to {_short(max(values))})"


def rank(values: Sequence[float], share: float) -> float:
    """The value at that share of the ordered values: one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


def ranks(raw: Figures, letter: str, what: str, share: float) -> list[float]:
    """Milliseconds at that rank, one per run."""
    return [1000 * rank(run[what], share) for run in raw["unloaded"][letter]]


def exponent(points: dict[int, float]) -> float:
    """The slope of the logarithms by least squares: 1 = grows as the number of stacks, 0 = does not grow."""
    logs = [(math.log(count), math.log(value)) for count, value in points.items() if value > 0]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def scale(raw: Figures, count: int, read: Callable[[Figures], float]) -> list[float]:
    """That figure of each run with so many stacks."""
    return [read(run) for run in raw["scale"][str(count)]]


def hourly(run: Figures, what: str) -> float:
    """Of an idle hour with its sweeps: `cpu` seconds, or requests to `pocketbase` or `coolify`."""
    idle, sweep = run["idle"], run["sweep"]
    still, each = (part[what] if what == "cpu" else part["asked"].get(what, 0) for part in (idle, sweep))
    sweeps = SWEEPS if not idle["sweeps"] else 0
    return float(still * HOUR / idle["seconds"] + sweeps * each)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _beyond(raw: Figures) -> list[float]:
    """Within each run; of an interrupted one without both there is none."""
    return [ours - limit for ours, limit in zip(*_pair(raw), strict=False)]


def _pair(raw: Figures) -> tuple[list[float], list[float]]:
    return ranks(raw, "L", "post", 0.5), ranks(raw, "P", "post", 0.5)


def _times_limit(raw: Figures) -> list[float]:
    ours, limit = raw["burst"]["L"], raw["burst"]["P"]
    return [one["last"] / other["last"] for one, other in zip(ours, limit, strict=False)]


def windows(run: Figures) -> int:
    """Seconds that Coolify's fixed windows take at least for the calls of a throttled run."""
    return int(60 * ((run["calls"] - 1) // run["limit"]))


def _times_ideal(raw: Figures) -> list[float]:
    return [run["seconds"] / windows(run) for run in raw["throttled"]]


def _provision(raw: Figures) -> list[float]:
    return [float(sum(counts[0]["coolify"].values())) for counts in raw["counts"]]


def _echo(raw: Figures) -> list[float]:
    found = [one for counts in raw["counts"] for one in counts if "echo" in one["name"]]
    return [float(sum(one["coolify"].values()) + one["lists"] + one["batches"]) for one in found]


def _edit(raw: Figures) -> list[float]:
    return [1000 * rank(run["edits"]["seconds"], 0.99) for run in raw["scale"]["10000"]]


def _twice(raw: Figures) -> float:
    return 2 * statistics.median(ranks(raw, "L", "post", 0.99))


def _fixed(most: float) -> Callable[[Figures], float]:
    return lambda _: most


TARGETS = (
    Target("M1 write to first request, p50 beyond P", "≤ 8 ms", "ms", _beyond, _fixed(8)),
    Target("M1 the same, p99", "≤ 40 ms", "ms", lambda raw: ranks(raw, "L", "post", 0.99), _fixed(40)),
    Target(
        "M2 write to `running` shown, p99", "≤ 150 ms", "ms",
        lambda raw: ranks(raw, "L", "running", 0.99), _fixed(150),
    ),
    Target("M3 burst, last POST against P's", "≤ 1.5 ×", "×", _times_limit, _fixed(1.5)),
    Target("M4 throttled, against what fixed windows allow", "≤ 1.10 ×", "×", _times_ideal, _fixed(1.1)),
    Target(
        "M4 answers with 429", "≤ 1", "",
        lambda raw: [float(run["refused"]) for run in raw["throttled"]], _fixed(1),
    ),
    Target("M5 Coolify calls to provision, lists apart", "≤ 3", "", _provision, _fixed(3)),
    Target(
        "M5 one provision's calls with recorded delays", "≤ 450 ms", "ms",
        lambda raw: [1000 * statistics.median(run["seconds"]) for run in raw["recorded"]], _fixed(450),
    ),
    Target("M5 calls and writes for an echo", "0", "", _echo, _fixed(0)),
    Target("M6 edit while 10 000 are looked at, p99", "≤ 2 × M1 p99 = {} ms", "ms", _edit, _twice),
    Target(
        "M7 start with 10 000, until `/readyz`, beyond the list", "≤ 3 s", "s",
        lambda raw: scale(raw, 10_000, lambda run: run["ready"] - run["list"]), _fixed(3),
    ),
    Target(
        "M7 the same, until each was looked at", "≤ 3 s", "s",
        lambda raw: scale(raw, 10_000, lambda run: run["settled"] - run["list"]), _fixed(3),
    ),
    Target(
        "M8 resident, 200 stacks", "≤ 65 MiB", "MiB",
        lambda raw: scale(raw, 200, lambda run: run["memory"]), _fixed(65),
    ),
    Target(
        "M8 resident, 10 000 stacks", "≤ 120 MiB", "MiB",
        lambda raw: scale(raw, 10_000, lambda run: run["memory"]), _fixed(120),
    ),
    Target(
        "M8 processor an idle hour, 200 stacks", "≤ 20 s", "s",
        lambda raw: scale(raw, 200, lambda run: hourly(run, "cpu")), _fixed(20),
    ),
    Target(
        "M8 requests to Coolify an idle hour, 200 stacks", "≤ 150", "",
        lambda raw: scale(raw, 200, lambda run: hourly(run, "coolify")), _fixed(150),
    ),
)  # fmt: skip
