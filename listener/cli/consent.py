"""A person's yes: asked for on a terminal, given by `--yes`, never taken for granted."""

from __future__ import annotations

import sys

from listener import errors


def must_be_possible(undone: str) -> None:
    """There is a terminal to ask on; raises `CONFIRMATION_NEEDED` with what was left `undone` otherwise."""
    if not sys.stdin.isatty():
        raise errors.Terminal(
            "CONFIRMATION_NEEDED",
            undone,
            why="this needs a yes, and there is no terminal to ask on",
            fix="run it with --yes",
        )


def refused() -> None:
    """The person is told that a no was heard."""
    print("Nothing was changed.")
