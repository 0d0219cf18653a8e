"""The process and its supervisor: three signals in, five messages out."""

from __future__ import annotations

import gc
import signal
import socket
import time
from collections.abc import Callable, Mapping

import anyio
import structlog
from anyio.abc import TaskStatus

STATUS_SECONDS = 10.0
"""Seconds between two status lines while systemd watches nothing."""

log = structlog.get_logger()


class Notifier:
    """Speaks systemd's notify protocol (sd_notify(3)); without `NOTIFY_SOCKET` it says nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watchdog = int(environ.get("WATCHDOG_USEC", "0")) / 1e6

    @property
    def is_heard(self) -> bool:
        """There is a supervisor to tell."""
        return bool(self._address)

    def status(self, text: str) -> None:
        """What `systemctl status` shows, on one line."""
        self.notify(f"STATUS={' '.join(text.split())}")

    def ready(self) -> None:
        """The start, or the reload, is over; from now on pings are expected."""
        watched = (f"WATCHDOG_USEC={self._watchdog * 1e6:.0f}",) if self._watchdog else ()
        self.notify("READY=1", *watched)

    def unwatched(self) -> None:
        """No ping is expected until `ready`: a process that begins anew may have to wait for an upstream."""
        self.notify("WATCHDOG_USEC=0")

    def reloading(self) -> None:
        """Until the next `READY=1` systemd calls it reloading. From 253 on it wants the time with it."""
        self.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def notify(self, *assignments: str) -> None:
        """systemd was told, if it listens; a full or vanished socket never stops the work."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            try:
                out.sendto("\n".join(assignments).encode(), address)
            except OSError as error:
                log.debug("notify.failed", error=str(error))

    async def watch(self, *, progressing: Callable[[], bool], status: Callable[[], str]) -> None:
        """Pings three times per watchdog period while `progressing()`, and keeps the status line fresh."""
        period = self._watchdog / 3 or STATUS_SECONDS
        stuck = False
        while True:
            was_stuck, stuck = stuck, not progressing()
            if not stuck:
                self.notify("WATCHDOG=1", f"STATUS={status()}")
            elif not was_stuck:
                log.error("worker.stuck")
            await anyio.sleep(period)


def freeze() -> None:
    """What was made so far lives as long as the process: the garbage collector passes over it from now on.

    A full collection stops everything: for some 55 ms in a process that has made its first stacks.
    """
    gc.collect()
    gc.freeze()


async def obey_signals(
    *,
    drain: Callable[[], None],
    force: Callable[[], None],
    hang_up: Callable[[], None],
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """The first SIGTERM or SIGINT drains, each further one forces; SIGHUP is `hang_up`, each time.

    Started when signals are caught.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        act = drain
        async for number in signals:
            log.info("signal.received", signal=number.name)
            if number is signal.SIGHUP:
                hang_up()
                continue
            act()
            act = force
