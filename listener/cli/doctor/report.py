"""What a check finds, and how all of it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from listener import errors
from listener.cli import exits, show
from listener.cli.exits import Exit


class Mark(Enum):
    """How a check ended. Inconclusive is not green."""

    GOOD = "✓"
    WARNING = "!"
    FAILURE = "✗"
    SKIPPED = "-"
    """Not looked at, because something before it failed or is not configured."""
    INCONCLUSIVE = "?"
    """Looked at, and it could not be told."""


COLOURS = {
    Mark.GOOD: "green",
    Mark.WARNING: "yellow",
    Mark.FAILURE: "red",
    Mark.SKIPPED: "dim",
    Mark.INCONCLUSIVE: "magenta",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, and what to do about it."""

    mark: Mark
    text: str
    fix: str = ""
    code: Exit = Exit.FAILED
    """What a failure means when all failures mean the same."""
    check: str = ""
    """The check's name; whoever runs the check writes it here."""


def good(text: str) -> Line:
    """All is well."""
    return Line(Mark.GOOD, text)


def warning(text: str, fix: str) -> Line:
    """It works, and should be different."""
    return Line(Mark.WARNING, text, fix)


def failure(text: str, fix: str, code: Exit = Exit.FAILED) -> Line:
    """The listener cannot work, or not safely."""
    return Line(Mark.FAILURE, text, fix, code)


def skipped(text: str) -> Line:
    """Not looked at."""
    return Line(Mark.SKIPPED, text)


def unsure(text: str, fix: str = "") -> Line:
    """Looked at in vain."""
    return Line(Mark.INCONCLUSIVE, text, fix)


def broken(error: errors.ListenerError) -> Line:
    """The failure that an error of ours is."""
    text = f"{error.code}: {error.what}{f' ({error.why})' if error.why else ''}"
    return Line(Mark.FAILURE, text, error.fix, exits.code_of(error))


def tell(lines: Sequence[Line]) -> None:
    """Every line, its fix below it, and the count."""
    for line in lines:
        show.line(f"{line.mark.value} {line.check}: {line.text}", COLOURS[line.mark])
        if line.fix:
            print(f"    fix: {show.clean(line.fix)}")
    counts = _counts(lines)
    failures, warnings = counts[Mark.FAILURE], counts[Mark.WARNING]
    show.line(
        f"{failures} failure{'' if failures == 1 else 's'}, "
        f"{warnings} warning{'' if warnings == 1 else 's'}, "
        f"{counts[Mark.INCONCLUSIVE]} inconclusive."
    )


def as_json(lines: Sequence[Line]) -> dict[str, Any]:
    """The same for programs."""
    counts = _counts(lines)
    return {
        "checks": [
            {"check": one.check, "state": one.mark.name.lower(), "text": one.text, "fix": one.fix}
            for one in lines
        ],
        "failures": counts[Mark.FAILURE],
        "warnings": counts[Mark.WARNING],
        "inconclusive": counts[Mark.INCONCLUSIVE],
    }


def verdict(lines: Sequence[Line]) -> Exit:
    """0 without a failure; the one code that all failures have (69, 77, 78); else 1."""
    codes = {line.code for line in lines if line.mark is Mark.FAILURE}
    if not codes:
        return Exit.DONE
    return codes.pop() if len(codes) == 1 else Exit.FAILED


def _counts(lines: Sequence[Line]) -> dict[Mark, int]:
    return {mark: sum(line.mark is mark for line in lines) for mark in Mark}
