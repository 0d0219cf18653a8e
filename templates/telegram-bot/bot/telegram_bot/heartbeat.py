"""Proof of life: written by the loop, read by the container's health check, watched by the process."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .settings import Settings

HEALTHY_SECONDS = 120.0
STUCK_SECONDS = 300.0
SICK = frozenset({"starting", "auth_failed", "stuck"})


class Heartbeat:
    """The state of the loop and the time of its last sign of life (Unix time)."""

    def __init__(self, file: Path, clock: Callable[[], float]) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._state = "starting"
        self._beat = self._clock()
        self.beat()

    def beat(self, state: str = "", error: str = "") -> None:
        """The file says `state` (empty: as before) and now; `error` is a code, never a text of others.

        A file that cannot be written grows old, which the health check sees.
        """
        with self._lock:
            self._state = state or self._state
            self._beat = self._clock()
            content = {"ts": time.time(), "state": self._state, "last_error": error}
            draft = self._file.with_suffix(".new")
            with contextlib.suppress(OSError):
                draft.write_text(json.dumps(content))
                draft.replace(self._file)

    def is_stuck(self) -> bool:
        """Whether the loop has been silent for too long: nothing but a restart helps."""
        return self._clock() - self._beat > STUCK_SECONDS


def probe(environ: Mapping[str, str]) -> int:
    """0 if the bot polls, or waits for a reason that a restart would not mend; 1 otherwise."""
    file = environ.get("HEARTBEAT_FILE") or Settings.heartbeat
    try:
        content = json.loads(Path(file).read_text())
        fresh = time.time() - float(content["ts"]) < HEALTHY_SECONDS
        return 0 if fresh and content["state"] not in SICK else 1
    except (OSError, ValueError, KeyError, TypeError):
        return 1
