"""The highest fence that this host ever saw: PocketBase with a lower one was put back to an earlier day.

The fence of the lease only ever grows. The file survives PocketBase, and another installation's is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

NAME = "high-water"
EVERY = 60.0
"""Seconds between two writes while all is well."""

log = structlog.get_logger()


class HighWater:
    """The mark in the state directory. Nothing is written before `keep`, `latch` or `accept`.

    `fence` is the lease's as last seen, negative before the first look; `clock` counts seconds.
    """

    def __init__(
        self, directory: Path, *, inst: str, fence: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        self._path = directory / NAME
        self._inst = inst
        self._seen = fence
        self._clock = clock
        self._kept_at = float("-inf")
        kept = self._read()
        self.highest = int(kept.get("fence", -1))
        """The highest fence seen before PocketBase went back, if it did; -1 when none is known."""
        self.latched: str | None = kept.get("latched")
        """PocketBase's last acceptance when it was found to have gone back; None = it did not."""

    @property
    def fence(self) -> int:
        """The lease's as last seen, negative before the first look."""
        return self._seen()

    def is_older(self) -> bool:
        """PocketBase is older than this host knows it, and nobody accepted that."""
        return self.latched is not None or self._is_lower()

    def keep(self) -> None:
        """The mark is as high as the fence, in the file by and by; a latched or higher one stays."""
        if self.is_older() or self.fence < 0:
            return
        self.highest = max(self.highest, self.fence)
        if self._clock() - self._kept_at >= EVERY:
            self._write()

    def latch(self, accepted_at: str) -> bool:
        """Whether this call found that PocketBase went back; `accepted_at` is its last acceptance so far."""
        if self.latched is not None or not self._is_lower():
            return False
        self.latched = accepted_at
        self._write()
        return True

    def accept(self) -> None:
        """The mark is the present fence: what PocketBase holds counts from now on."""
        self.highest, self.latched = max(self.fence, -1), None
        self._write()

    def _is_lower(self) -> bool:
        return 0 <= self.fence < self.highest

    def _read(self) -> dict[str, Any]:
        """What was kept for this installation; empty when nothing was, or it cannot be read."""
        try:
            kept = json.loads(self._path.read_text(encoding="ascii"))
            found = {"inst": kept["inst"], "fence": int(kept["fence"]), "latched": kept.get("latched")}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("highwater.unreadable", path=str(self._path), error=type(error).__name__)
            return {}
        return found if found["inst"] == self._inst else {}

    def _write(self) -> None:
        """The file is written whole or not at all; a full disk is told and hurts nothing now."""
        fresh = self._path.with_name(f"{NAME}.{os.getpid()}")
        kept = {"inst": self._inst, "fence": self.highest, "latched": self.latched}
        self._kept_at = self._clock()
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(json.dumps(kept))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            log.warning("highwater.unwritable", path=str(self._path), error=error.strerror)
