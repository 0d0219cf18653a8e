"""What is wrong for every key stops every key: one alert, one probe at a time, one resumption."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import structlog

from listener import contract, errors

from .attempt import attempt

PROBE_DEADLINE = 60.0
"""Seconds after which a probe without an answer counts as failed."""

log = structlog.get_logger()


class Breaker:
    """Open from the first `Global` error until a probe succeeds.

    `probe` raises while the cause is still there. `on_opened` and `on_closed` are called once per edge (an
    alert raised and cleared).
    """

    def __init__(
        self,
        *,
        probe: Callable[[], Awaitable[None]],
        waits: contract.Waits,
        on_opened: Callable[[errors.Global], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._probe = probe
        self._waits = waits
        self._on_opened = on_opened
        self._on_closed = on_closed
        self._error: errors.Global | None = None
        self._tripped = anyio.Event()
        self._closed = anyio.Event()

    @property
    def is_open(self) -> bool:
        """Nothing may begin."""
        return self._error is not None

    @property
    def error(self) -> errors.Global | None:
        """What opened the breaker; None while it is closed."""
        return self._error

    def trip(self, error: errors.Global) -> None:
        """The breaker is open; a second error while it is open changes nothing."""
        if self._error is not None:
            return
        self._error = error
        self._closed = anyio.Event()
        self._tripped.set()
        log.error("breaker.opened", code=error.code, error=str(error))
        self._on_opened(error)

    async def wait_closed(self) -> None:
        """Returns when the breaker is closed."""
        while self.is_open:
            await self._closed.wait()

    async def run(self) -> None:
        """Probes an open breaker every `Waits.breaker_probe` seconds and closes it on the first success."""
        while True:
            await self._tripped.wait()
            await anyio.sleep(self._waits.breaker_probe)
            failure = await attempt(self._probe, seconds=PROBE_DEADLINE)
            if failure is None:
                self._close()

    def _close(self) -> None:
        self._error = None
        self._tripped = anyio.Event()
        self._closed.set()
        log.info("breaker.closed")
        self._on_closed()
