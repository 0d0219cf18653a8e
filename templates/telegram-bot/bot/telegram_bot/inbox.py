"""Which updates were taken and which are finished, so that Telegram forgets the finished ones only."""

from __future__ import annotations

import threading

REMEMBERED = 200
"""Finished updates that are still known below the offset: a look that was under way when they were finished
brings them once more, a hundred at most."""


class Inbox:
    """Telegram repeats everything from the offset on: what a crash interrupts comes again."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._next: int | None = None
        self._lock = threading.Lock()

    def take(self, update: int) -> bool:
        """True the first time an update is seen; it is open until `finish`."""
        with self._lock:
            if update in self._open or update in self._done:
                return False
            self._open.add(update)
            self._next = max(self._next or 0, update + 1)
            return True

    def finish(self, update: int) -> None:
        """The update needs no more work."""
        with self._lock:
            self._open.discard(update)
            self._done.add(update)
            oldest = min(self._open, default=self._next or 0)
            self._done = {done for done in self._done if done >= oldest - REMEMBERED}

    def offset(self) -> int | None:
        """The oldest update that is not finished, or the one after the last; None before the first."""
        with self._lock:
            return min(self._open, default=self._next)
