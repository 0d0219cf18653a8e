"""`python -m tests.alerts.every`: every case is played, and the list in NIGHT.md is what happened."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import anyio
import structlog

from listener.compose import catalog as catalogs
from listener.sandbox import pocketbase
from tests import fixtures
from tests.alerts.conftest import receiving
from tests.alerts.every import case as cases
from tests.alerts.every import page
from tests.alerts.every.everything import CASES, place
from tests.handlers import world as worlds
from tests.handlers.upstream import Upstream


async def _stories(folder: Path) -> list[cases.Story]:
    await fixtures._prepare(folder / "pocketbase")
    catalog, stories = catalogs.Catalog.load(worlds.TEMPLATES), list[cases.Story]()
    async with pocketbase.running(folder / "pocketbase") as server:
        upstream = await Upstream.of(server)
        for number, case in enumerate(CASES):
            beside = folder / str(number)
            beside.mkdir()
            with receiving() as receiver:
                async with place(upstream, catalog, receiver=receiver, folder=beside) as tower:
                    stories.append(await cases.played(tower, case))
            sys.stdout.write(f"{case.kind}: {case.cause}\n")
    return stories


def main() -> int:
    """0 when every kind was raised once and cleared once."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-alerts-") as folder:
        stories = anyio.run(_stories, Path(folder))
    page.FILE.write_text(page.replaced(page.FILE.read_text(), page.table(stories)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
