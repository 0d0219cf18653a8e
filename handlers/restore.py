"""Whether one side was put back to an earlier day, from what each knows of the other: pure.

The fence of the lease goes back only with PocketBase. Many services of the ledger that are missing at once
mean an older or new Coolify; many services of ours that PocketBase does not know mean an older PocketBase.
Fewer are news about single stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from handlers import records
from handlers.ledger import LedgerRow
from listener.coolify.view import Snapshot

COUNT = 3
SHARE = 0.05
"""More than max(count, share of the live ledger rows with a service) at once are a sign."""
SHOWN = 20
"""Names that a line of the report holds at most."""
TOLD = "SERVICE_MISSING"
"""Beginning of the block of a stack whose missing service was told already."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is younger, older and missing on each side."""

    fence: int
    """Of the lease as PocketBase has it; -1 = not known."""
    highest: int
    """That this host ever saw; -1 = not known."""
    is_older: bool
    """PocketBase went back by the fence."""
    known: int
    """Live ledger rows with a service."""
    missing: Mapping[str, str]
    """Service names by stack: in the ledger, not in Coolify."""
    unknown: Mapping[str, str]
    """Service names by stack: ours in Coolify, in neither records nor ledger."""

    @property
    def signs(self) -> tuple[str, ...]:
        """fence, services, markers: what says that something was put back; empty = nothing does."""
        told = {
            "fence": self.is_older,
            "services": are_many(len(self.missing), self.known),
            "markers": are_many(len(self.unknown), self.known),
        }
        return tuple(name for name, holds in told.items() if holds)

    def lines(self) -> list[str]:
        """The report for people, with what each sign means."""
        found = []
        if self.is_older:
            found.append(
                f"PocketBase is older than this host remembers: the lease's fence is {self.fence}, "
                f"{self.highest} was seen before. It was put back from a backup."
            )
        if self.missing:
            found.append(
                f"Coolify lacks {len(self.missing)} of {self.known} services that the ledger knows: "
                f"{_named(self.missing)}. "
                + _meaning(self, "services", "Coolify was put back or installed anew.")
            )
        if self.unknown:
            found.append(
                f"Coolify has {len(self.unknown)} services of ours that PocketBase does not know: "
                f"{_named(self.unknown)}. "
                + _meaning(self, "markers", "They are younger than what PocketBase holds.")
            )
        return found


def are_many(count: int, known: int) -> bool:
    """So many at once are no news about single stacks."""
    return count > max(COUNT, SHARE * known)


def expected(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """Stacks whose service must be in Coolify, as far as the ledger knows."""
    return [row for row in rows if row.kind == records.STACKS and row.service_uuid and row.stage != "closed"]


def missing(
    rows: Iterable[LedgerRow], snapshot: Snapshot, *, effects: Mapping[str, float], excused: AbstractSet[str]
) -> dict[str, str]:
    """Expected services that a whole list lacks, younger than the last effect on each (`effects`, by stack).

    Not those being deleted, told as missing already, or `excused`. A server that Coolify no longer names has
    none of its services; one that only failed to answer says nothing, and then nothing is missing.
    """
    if not snapshot.listed or snapshot.unknown & snapshot.servers.keys():
        return {}
    found = {}
    for row in expected(rows):
        is_deleting = (row.intent or {}).get("what") == "delete"
        is_told = row.id in excused or row.blocked.startswith(TOLD)
        is_stale = effects.get(row.id, float("-inf")) >= snapshot.requested_at
        if not (row.service_uuid in snapshot.services or is_deleting or is_told or is_stale):
            found[row.id] = str(row.made.get("service_name") or row.service_uuid)
    return found


def _named(found: Mapping[str, str]) -> str:
    names = sorted(found.values())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _meaning(report: Report, sign: str, text: str) -> str:
    return text if sign in report.signs else "So few are told one by one."
