"""`cloudfreedom dockerwatch`: follows Docker's events, leaves what they mean in a file for the listener."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import structlog

from listener import errors
from listener.dockerwatch import containers
from listener.dockerwatch.containers import WINDOW, End, Ends, Report
from listener.dockerwatch.engine import Engine

EVERY = 15.0
"""Seconds between two reports."""
PAUSE = 5.0
"""Seconds before Docker is asked again after a failure."""

log = structlog.get_logger()


class Watch:
    """Runs until it is cancelled; `file` is written whole each time."""

    def __init__(
        self, engine: Engine, file: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._file = file
        self._now = now
        self._ends = Ends()
        self._since = time.time_ns() - int(WINDOW.total_seconds()) * 10**9

    async def run(self) -> None:
        """Never returns. While Docker cannot be asked no report is written: the last one goes stale."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            await anyio.sleep_forever()

    async def _follow(self) -> None:
        was_away = False
        while True:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._report_regularly)
                    await self._listen()
                    tasks.cancel_scope.cancel()
                was_away = False
            except* errors.UpstreamUnavailable as group:
                if not was_away:
                    log.warning("docker.away", why=str(group.exceptions[0]))
                was_away = True
                await anyio.sleep(PAUSE)

    async def _listen(self) -> None:
        """Until the stream pauses; the next one begins where this one ended."""
        async for event in self._engine.events(self._since):
            if event is None:
                continue
            if event.code is None:
                self._ends.kill(event.project, event.service, event.at)
            else:
                self._ends.add(event.project, event.service, End(event.at, event.code))
            self._since = max(self._since, event.nanoseconds + 1)
            write(self._ends.report(self._now()), self._file)

    async def _report_regularly(self) -> None:
        while True:
            await anyio.sleep(EVERY)
            write(self._ends.report(self._now()), self._file)


def write(report: Report, file: Path) -> None:
    """The file holds this report, whole: a reader sees the old one or the new one."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text(json.dumps(report.json(), ensure_ascii=False))
    beside.chmod(0o644)
    beside.replace(file)


def read(file: Path) -> Report | None:
    """The report in the file; None without one that can be read."""
    try:
        return containers.read(json.loads(file.read_text()))
    except (OSError, ValueError):
        return None
