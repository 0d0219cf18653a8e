"""`python -m tests.crashpoints`: every point of every action, or of the actions named; prints the report."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import anyio

from tests.crashpoints import tour
from tests.crashpoints.actions import ACTIONS

PLACES = 6
"""Worlds at once: most of a run is waiting."""


async def _all(done: tour.Tour, actions: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-crash-points-") as folder:
        await tour.all_of(done, Path(folder), places_count=PLACES, actions=actions)


def main() -> int:
    """Prints each run and then what was found; 0 when every cut run ended as the uncut one did."""
    began, done = time.monotonic(), tour.Tour(tell=lambda line: sys.stderr.write(f"{line}\n"))
    anyio.run(_all, done, sys.argv[1:] or list(ACTIONS))
    sys.stdout.write(f"{done.report()}\nin {time.monotonic() - began:.0f} s\n")
    return 1 if done.failures else 0


if __name__ == "__main__":
    sys.exit(main())
