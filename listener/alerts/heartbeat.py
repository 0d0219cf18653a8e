"""The dead man's switch: an address that somebody else watches is asked every minute while all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx
import structlog

from listener import contract

EVERY = 60.0
SOON = 5.0
"""Seconds to the next look while something is wrong."""
SECONDS = 10.0

log = structlog.get_logger()


class Heartbeat:
    """Asks `url` once a minute while `is_well`; whoever watches it notices when that ends."""

    def __init__(self, url: str, *, is_well: Callable[[], bool]) -> None:
        self._url = url
        self._is_well = is_well
        self._failed = False
        self._again = SOON

    async def round(self) -> Iterable[contract.Key]:
        """One beat, or none. A failure is told once, until one arrives again. No key has to be looked at."""
        if not self._is_well():
            self._again = SOON
            return ()
        self._again = EVERY
        try:
            async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=True) as http:
                answer = await http.get(self._url)
            why = "" if answer.is_success else f"HTTP {answer.status_code}"
        except httpx.HTTPError as error:
            why = type(error).__name__
        if why and not self._failed:
            log.warning("heartbeat.failed", why=why)
        self._failed = bool(why)
        return ()

    def interval(self) -> float:
        """Seconds to the next beat."""
        return self._again
