"""`cloudfreedom dockerwatch`: runs until it is stopped."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio

from listener.dockerwatch.engine import Engine
from listener.dockerwatch.watch import Watch
from listener.telemetry import logs


def run(file: Path, socket: Path) -> None:
    """Follows Docker's events; what they mean is in `file`. Ends by a signal only."""
    logs.configure("json", "info")
    anyio.run(partial(_run, file, socket))


async def _run(file: Path, socket: Path) -> None:
    engine = Engine(socket)
    try:
        await Watch(engine, file).run()
    finally:
        await engine.close()
