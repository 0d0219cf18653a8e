"""Watches for a side that was put back to an earlier day: while it looks so, and until a person accepts it,
nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from handlers import ledger, naming, records, restore, strangers
from handlers.eyes import META, Eyes
from listener import contract
from listener.coolify import payloads
from listener.pocketbase.client import quoted
from listener.pocketbase.writer import Write, Writer

AT_ONCE = 40
"""Rows of the ledger that one batch doubts."""

log = structlog.get_logger()


class HighWater(Protocol):
    """The highest fence that this host ever saw."""

    highest: int
    latched: str | None

    @property
    def fence(self) -> int:
        """The lease's as last seen, negative before the first look."""
        ...

    def is_older(self) -> bool:
        """PocketBase is older than this host knows it."""
        ...

    def keep(self) -> None:
        """The mark is as high as the fence."""
        ...

    def latch(self, accepted_at: str) -> bool:
        """Whether this call found that PocketBase went back."""
        ...

    def accept(self) -> None:
        """The mark is the present fence."""
        ...


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one list shows against the ledger."""

    known: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)
    named: Sequence[payloads.ServiceEntry] = ()


class Watch:
    """The reason `restored` against acting. What may be asked without a wait is asked before each effect."""

    def __init__(self, *, eyes: Eyes, mark: HighWater, writer: Writer, leads: Callable[[], bool]) -> None:
        self._eyes = eyes
        self._mark = mark
        self._writer = writer
        self._leads = leads
        self._excused: frozenset[str] = frozenset()
        """Stacks whose missing service was accepted."""
        self._calm_term = -1
        """The term of the lease in which markers were found to be no sign, or were accepted."""
        self._before: str | None = None
        """The last acceptance as PocketBase had it when the present signs were met; None without signs."""
        self._asked: tuple[float, int] | None = None
        self._seen = _Sight()

    def holds(self) -> bool:
        """Something looks put back, and nobody accepted that."""
        if self._mark.is_older():
            return True
        sight = self._sight()
        is_started = self._calm_term == self._eyes.term()
        return restore.are_many(len(sight.missing), sight.known) or (
            not is_started and restore.are_many(len(sight.named), sight.known)
        )

    def interval(self) -> float:
        """Seconds to the next round."""
        return self._eyes.site.waits.poll_busy

    async def round(self) -> Iterable[contract.Key]:
        """Signs are told and latched, or found to be none; an acceptance younger than them ends them."""
        eyes = self._eyes
        self._mark.keep()
        if not self.holds():
            self._before = None
            snapshot = eyes.view.snapshot
            is_new = snapshot.is_complete and snapshot.requested_at > eyes.memory.began_at
            if eyes.is_caught_up and is_new:
                self._calm_term = eyes.term()
            return ()
        accepted_at = str((await eyes.database.get(META, "main") or {}).get("accepted_at") or "")
        if self._mark.latch(accepted_at):
            eyes.loaded_term = -1
        before = self._mark.latched if self._before is None else self._before
        if before is not None and accepted_at > before:
            await self._doubt()
            self._accepted()
            return ()
        report = await self.report()
        if not report.signs:
            self._calm_term = eyes.term()
            return ()
        if self._before is None:
            log.error("restore.found", signs=report.signs, report=report.lines())
            self._before = accepted_at if self._mark.latched is None else self._mark.latched
        return ()

    async def report(self, fence: int | None = None) -> restore.Report:
        """What either side lacks, with descriptions read as far as names look like ours.

        `fence` is given where no lease is watched: by the command line.
        """
        eyes, fence = self._eyes, self._mark.fence if fence is None else fence
        unknown: dict[str, str] = {}
        sight = self._sight()
        if self._calm_term != eyes.term():
            for one in sight.named:
                await strangers.marker(eyes, one)
            found = strangers.without_row(eyes)
            lost = await strangers.without_record(eyes, tuple(found))
            unknown = {stack: found[stack][0].name for stack in lost}
        return restore.Report(
            fence=fence,
            highest=self._mark.highest,
            is_older=self._mark.is_older() or 0 <= fence < self._mark.highest,
            known=sight.known,
            missing=sight.missing,
            unknown=unknown,
        )

    async def _doubt(self) -> None:
        """Coolify may have edits that a PocketBase put back forgot: the leader notes that of every stack."""
        if self._mark.latched is None or not self._leads():
            return
        condition = f"kind={quoted(records.STACKS)} && stage!='closed'"
        found = await self._eyes.database.list(ledger.COLLECTION, filter=condition)
        rows = [ledger.LedgerRow.read(row) for row in found]
        bodies = [(row.id, row.doubted()) for row in rows]
        writes = [Write("PATCH", ledger.COLLECTION, row, body) for row, body in bodies if body]
        for first in range(0, len(writes), AT_ONCE):
            await self._writer.commit(writes[first : first + AT_ONCE])

    def _accepted(self) -> None:
        eyes, lacks = self._eyes, self._sight().missing
        log.warning("restore.accepted", missing=len(lacks))
        self._excused |= lacks.keys()
        self._calm_term, self._before, self._asked = eyes.term(), None, None
        self._mark.accept()
        eyes.loaded_term = -1

    def _sight(self) -> _Sight:
        """What the present list shows; worked out once a list and a reading of the ledger."""
        eyes = self._eyes
        question = (eyes.view.snapshot.requested_at, eyes.loaded_term)
        if question != self._asked:
            effects = {stack: seen.effect_at for stack, seen in eyes.memory.sightings.items()}
            rows, snapshot = eyes.ledger.all(), eyes.view.snapshot
            is_new = snapshot.requested_at > eyes.memory.began_at
            lacks = restore.missing(rows, snapshot, effects=effects, excused=self._excused) if is_new else {}
            self._asked = question
            self._seen = _Sight(len(restore.expected(rows)), lacks, self._named())
        return self._seen

    def _named(self) -> Sequence[payloads.ServiceEntry]:
        """Services named like ours whose record ids neither the ledger nor the last list of records has."""
        eyes, known = self._eyes, self._eyes.memory.tenant_of
        named = [(one, naming.record_of(one.name)) for one in strangers.unknown(eyes)]
        return [
            one
            for one, stack in named
            if stack not in known and eyes.ledger.get(stack) is None and strangers.OURS.fullmatch(one.name)
        ]
