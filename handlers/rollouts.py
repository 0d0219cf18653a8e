"""New limits reach stacks in turn: one of a tenant at a time, a few of the fleet, and none after a failure.

Who has a turn, and who failed, stands in the ledger; so a restart goes on where the last process was.
"""

from __future__ import annotations

from handlers import records
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow

OPEN = "open"
FAILED = "failed"
WAITS = "waiting_turn"
HALTED = "waiting_halted"
MOST_WOKEN = 20


class Rollouts:
    """Turns by record. `most` is how many of the fleet have one at a time."""

    def __init__(self, *, eyes: Eyes, most: int) -> None:
        self._eyes = eyes
        self._most = most
        self._claims: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._known: tuple[int, dict[str, str], set[str]] = (-1, {}, set())

    def turn(self, record_id: str, tenant_id: str) -> str:
        """Empty when it has its turn now, else the code of why not."""
        self._claims.pop(record_id, None)
        taken, failed = self._state()
        others = {one: tenant for one, tenant in (taken | self._claims).items() if one != record_id}
        if failed - {record_id}:
            return HALTED
        return WAITS if len(others) >= self._most or tenant_id in others.values() else ""

    def settle(self, record_id: str, tenant_id: str, *, takes: bool, waits: bool) -> None:
        """The turn is taken, or waited for, or no longer wanted."""
        if takes:
            self._claims[record_id] = tenant_id
        if waits:
            self._waiting[record_id] = tenant_id
        else:
            self._waiting.pop(record_id, None)

    def relieved(self) -> tuple[str, ...]:
        """Stacks that waited and would have their turn now."""
        if not self._waiting:
            return ()
        waiting = [(one, tenant) for one, tenant in self._waiting.items() if one not in self._claims]
        return tuple(one for one, tenant in waiting if not self.turn(one, tenant))[:MOST_WOKEN]

    def _state(self) -> tuple[dict[str, str], set[str]]:
        """By record the tenant, of those whose turn is not over; and those that failed and do not rest."""
        version = self._eyes.ledger.versions[""]
        if self._known[0] != version:
            rows = [row for row in self._eyes.ledger.rows(records.STACKS) if row.made.get("rollout")]
            taken = {row.id: row.tenant_id for row in rows if _is_open(row)}
            failed = {row.id for row in rows if row.made["rollout"] == FAILED and not row.stage}
            self._known = (version, taken, failed)
        return self._known[1], self._known[2]


def _is_open(row: LedgerRow) -> bool:
    return row.made["rollout"] == OPEN and not row.stage and bool(row.intent or row.start_open)
