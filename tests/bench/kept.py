"""The raw figures as they are kept beside the plots: one JSON file, written after every measure."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from tests.bench import quick

FOLDER = Path(__file__).parents[2] / ".github" / "benchmarks"
FILE = FOLDER / "figures.json"
DIGITS = 5
"""Decimals of a kept figure: 10 µs."""

Figures = dict[str, Any]


def begun(mode: str) -> Figures:
    """Figures of a run that begins now."""
    where = quick.machine()
    return {"mode": mode, "began": _now(), "ended": "", "where": where, "load": [os.getloadavg()[0]]}


def add(figures: Figures, path: tuple[str, ...], one: Any) -> None:
    """One run's figures are under that path, after those before; the file has them and the load."""
    place = figures
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place.setdefault(path[-1], []).append(_rounded(one))
    figures["load"].append(os.getloadavg()[0])
    _write(figures)


def ended(figures: Figures) -> None:
    """The run is whole."""
    figures["ended"] = _now()
    _write(figures)


def read() -> Figures:
    """The figures of the last run, whole or not."""
    figures: Figures = json.loads(FILE.read_text())
    return figures


def _write(figures: Figures) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(figures, separators=(",", ":")) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M}"
