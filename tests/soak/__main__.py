"""`python -m tests.soak`: everything at once for `SOAK_SECONDS`, from `SOAK_SEED`; prints the figures."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from functools import partial
from pathlib import Path

import anyio

from tests.soak import storm

SECONDS = 600.0


def main() -> int:
    """0 when nothing was broken, lost, made twice or orphaned; else the folder with the logs stays."""
    seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(10**6))
    seconds = float(os.environ.get("SOAK_SECONDS") or SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="cloudfreedom-soak-"))
    sys.stderr.write(f"seed {seed}, {seconds:.0f} s, {folder}\n")
    tell = partial(print, file=sys.stderr, flush=True)
    figures = anyio.run(partial(storm.soak, folder, seed=seed, seconds=seconds, tell=tell))
    sys.stdout.write(f"{figures.told()}\n")
    return 0 if figures.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
