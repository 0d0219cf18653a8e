"""How things look: a coloured table on a terminal, plain columns in a pipe, JSON when asked for.

What comes from records was typed by people: control characters are taken out before it reaches a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

SYMBOLS = {"+": "green", "~": "yellow", "-": "red", "!": "magenta", "=": "cyan"}
"""Colour of a line that begins with one of these. None when NO_COLOR is set or there is no terminal."""


def clean(text: object) -> str:
    """The text on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def line(text: str, colour: str = "") -> None:
    """One line, in its colour or that of the symbol it begins with."""
    text = clean(text)
    if not sys.stdout.isatty():
        print(text, flush=True)
        return
    from rich import console  # noqa: PLC0415 - a pipe needs no colours

    style = colour or SYMBOLS.get(text[:2].rstrip(), "")
    console.Console(soft_wrap=True, highlight=False).print(text, style=style, markup=False)


def columns(rows: Sequence[Mapping[str, object]]) -> None:
    """Rows of the same names as columns; an empty cell is `-`. Nothing for no rows."""
    if not rows:
        return
    names = list(rows[0])
    cells = [[clean(row[name] or "-") for name in names] for row in rows]
    if sys.stdout.isatty():
        _rich(names, cells)
        return
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for row in ([name.upper() for name in names], *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def as_json(value: Any) -> None:
    """The value as JSON, indented, in real Unicode."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _rich(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box, console, table, text  # noqa: PLC0415 - a pipe needs no colours

    drawn = table.Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        drawn.add_column(name.upper(), overflow="fold")
    for row in cells:
        drawn.add_row(*(text.Text(cell, STATUS.get(cell, "")) for cell in row))
    console.Console().print(drawn)


STATUS = {
    "running": "green",
    "healthy": "green",
    "active": "green",
    "error": "red",
    "unhealthy": "red",
    "blocked": "red",
    "deploying": "yellow",
    "deleting": "yellow",
    "pending": "yellow",
    "waiting": "yellow",
    "suspended": "dim",
    "deleted": "dim",
}
"""Colour of a cell that is one of these words."""
