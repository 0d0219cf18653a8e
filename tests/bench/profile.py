"""`python -m tests.bench.profile`: where the daemon's time goes in a burst, by cProfile, costliest first."""

from __future__ import annotations

import pstats
import sys
import tempfile
from pathlib import Path

import anyio

from tests.bench import rig

BURST = 100
LINES = 60


async def burst(folder: Path, into: Path) -> None:
    """The daemon's profile of one burst, start and end included, is in the file."""
    run = (sys.executable, "-m", "cProfile", "-o", str(into), *rig.RUN)
    async with rig.opened(folder, run=run) as busy:
        await busy.until_shown(list(await busy.create(BURST)), "running")


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-bench-") as parent:
        folder, into = Path(parent, "world"), Path(parent, "profile")
        folder.mkdir()
        anyio.run(burst, folder, into)
        pstats.Stats(str(into)).sort_stats("cumulative").print_stats(LINES)


if __name__ == "__main__":
    main()
