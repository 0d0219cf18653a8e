"""The brake on deletions: a mistake over many records must stay a mistake over few stacks.

Within an hour at most max(3, 5 % of the stacks) are stopped for a deletion or begin to be purged, unless
staff approved them. Counted from ledger rows, so a restart forgets nothing; suspension is never braked.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from handlers import records
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow

HOUR = timedelta(hours=1)
COUNT = 3
SHARE = 0.05
STAMPS = {"deletion_stopped_at": "stop", "purged_at": "purge"}
"""Where a row keeps when it went, and the approval with which that used no room."""
APPROVED = "approved"
"""Where a row keeps what staff approved: `stop` or `purge`."""

log = structlog.get_logger()


def limit(stacks: int) -> int:
    """How many may go within an hour, of a fleet of so many."""
    return max(COUNT, int(SHARE * stacks))


def phase(row: LedgerRow) -> str:
    """What a deletion of this stack needs next: `stop` or `purge`."""
    return "purge" if row.stage == "retained" else "stop"


def is_approved(row: LedgerRow) -> bool:
    """Staff said that this one is meant."""
    return row.made.get(APPROVED) == phase(row)


class Brake:
    """Who may go now. Room that was found is taken at once, so that two do not find the same."""

    def __init__(self, *, eyes: Eyes) -> None:
        self._eyes = eyes
        self._claims: set[str] = set()
        self._waiting: set[str] = set()

    def holds(self, record_id: str) -> bool:
        """This deletion has to wait: as many as may went within the last hour."""
        self._claims.discard(record_id)
        row = self._eyes.ledger.get(record_id)
        return row is not None and not is_approved(row) and len(self.used() - {record_id}) >= self.limit()

    def take(self, record_id: str) -> None:
        """The room that `holds` found is used."""
        self._claims.add(record_id)

    def settle(self, record_id: str, *, waits: bool) -> None:
        """The deletion waits for room, or does not any more; the first and the last are told."""
        before = len(self._waiting)
        (self._waiting.add if waits else self._waiting.discard)(record_id)
        if before == 0 and self._waiting:
            log.warning("brake.engaged", used=len(self.used()), limit=self.limit())
        if before and not self._waiting:
            log.warning("brake.released")

    def limit(self) -> int:
        """How many may go within an hour."""
        rows = self._eyes.ledger.rows(records.STACKS)
        return limit(sum(row.stage != "closed" for row in rows))

    def used(self) -> set[str]:
        """Stacks that went within the last hour without approval, or are just going."""
        since = self._eyes.now() - HOUR
        rows = self._eyes.ledger.rows(records.STACKS)
        return self._claims | {row.id for row in rows if went_since(row, since)}

    @property
    def waiting(self) -> int:
        """Deletions that wait for the brake, as far as they were looked at since the start."""
        return len(self._waiting)


def went_since(row: LedgerRow, moment: datetime) -> bool:
    """It used room after that moment."""
    approved = row.made.get(APPROVED)
    stamps = (str(row.made.get(name) or "") for name, phase in STAMPS.items() if phase != approved)
    return any(datetime.fromisoformat(stamp) > moment for stamp in stamps if stamp)
