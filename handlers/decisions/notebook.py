"""`Notebook`: decisions that are news, until they are written down."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import anyio.to_thread
import structlog

from handlers.decisions.note import Note, outline
from handlers.stacks.desired import Want
from handlers.stacks.facts import StackFacts
from listener import contract

EVERY = 1.0
"""Seconds between two rounds: what a crash takes away at most."""
MOST = 100
"""Decisions that wait to be written; the oldest of more are left out."""
AT_ONCE = 20
"""Decisions that one round writes down."""

log = structlog.get_logger()


class Notebook:
    """`write` appends lines somewhere, and may raise `OSError`: then they are lost, and that is told once."""

    def __init__(self, write: Callable[[Sequence[str]], None]) -> None:
        self._write = write
        self._waiting: deque[Note] = deque(maxlen=MOST)
        self._last: dict[str, str] = {}
        self._is_broken = False

    def note(self, facts: StackFacts, want: Want, plan: contract.Plan) -> None:
        """Kept if the stack's last decision was another one. Nothing is written or worked out here."""
        told = sys.intern("\n".join(outline(plan)))  # most stacks have the same
        if self._last.get(facts.id) != told:
            self._last[facts.id] = told
            self._waiting.append(Note(facts, want, plan))

    async def round(self) -> Iterable[contract.Key]:
        """Some of what waits is written down, beside the event loop. No key has to be looked at for it."""
        notes = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if notes:
            await anyio.to_thread.run_sync(self._keep, notes)
        return ()

    def interval(self) -> float:
        """Seconds to the next round."""
        return EVERY

    def _keep(self, notes: Sequence[Note]) -> None:
        try:
            self._write([note.line() for note in notes])
        except OSError as error:
            if not self._is_broken:
                log.warning("decisions.unwritable", error=error.strerror)
            self._is_broken = True
        except TypeError as error:
            log.warning("decisions.unwritable", error=str(error))
        else:
            self._is_broken = False
