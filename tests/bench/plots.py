"""Two pictures of the kept figures, for BENCHMARKS.md. Without matplotlib there are none."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from tests.bench.contenders import NAMES
from tests.bench.kept import FOLDER
from tests.bench.targets import Figures, exponent, scale

COLOURS = {"P": "#888888", "J": "#d08000", "L": "#0060c0"}
STYLE: Any = {
    "svg.hashsalt": "cloudfreedom",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.constrained_layout.use": True,
}
SERIES: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
    ("sweep, s", "#0060c0", lambda run: run["sweep"]["seconds"]),
    ("start until each was looked at, s", "#d08000", lambda run: run["settled"]),
    ("resident memory, MiB", "#008050", lambda run: run["memory"]),
    ("requests of a sweep to PocketBase", "#a03080", lambda run: run["sweep"]["asked"].get("pocketbase", 0)),
)


def draw(raw: Figures) -> dict[str, str]:
    """The pictures' file names by the part they belong to; only those whose figures there are."""
    if find_spec("matplotlib") is None:
        return {}
    import matplotlib as mpl  # noqa: PLC0415 - only `make bench` installs it

    mpl.use("svg")
    mpl.rcParams.update(STYLE)
    made = {}
    if "unloaded" in raw:
        made["_latencies"] = _saved("latency.svg", lambda axes: _latencies(axes, raw))
    if "scale" in raw:
        made["_growth"] = _saved("growth.svg", lambda axes: _growth(axes, raw))
    return made


def _saved(name: str, paint: Callable[[Any], None]) -> str:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    figure, axes = plt.subplots(figsize=(7.5, 4.6))
    paint(axes)
    figure.legend(loc="outside lower left", ncols=2, frameon=False)
    figure.savefig(FOLDER / name, metadata={"Date": None})
    plt.close(figure)
    return name


def _latencies(axes: Any, raw: Figures) -> None:
    for letter, runs in raw["unloaded"].items():
        values = sorted(1000 * value for run in runs for value in run["post"])
        shares = [(number + 1) / len(values) for number in range(len(values))]
        axes.step(values, shares, where="post", label=NAMES[letter], color=COLOURS[letter])
    axes.set(xscale="log", xlabel="ms from sending the write to the first request at Coolify")
    _numbered(axes.xaxis)
    axes.set(ylabel="share of creates", title="One create at a time, all runs")


def _growth(axes: Any, raw: Figures) -> None:
    counts = sorted(map(int, raw["scale"]))
    for told, colour, read in SERIES:
        points = {count: statistics.median(scale(raw, count, read)) for count in counts}
        slope = f" (exponent {exponent(points):.2f})" if len(points) > 1 else ""
        axes.plot(list(points), list(points.values()), marker="o", label=told + slope, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="stacks", title="Cost against the number of stacks")
    for axis in (axes.xaxis, axes.yaxis):
        _numbered(axis)


def _numbered(axis: Any) -> None:
    """A logarithmic axis says 1, 2, 5, 10, not powers."""
    from matplotlib import ticker  # noqa: PLC0415 - as above

    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(ticker.NullFormatter())
