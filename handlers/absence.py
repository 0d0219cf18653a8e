"""When a record that a sweep did not return may be called absent: pure.

PocketBase answers a changed list rule with 200 and fewer rows, so absence needs two sweeps apart, nearly
everything else returned, and the id missing from our own id view. More missing at once is a fault of the
whole, not news about records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHARE = 0.95
"""Part of the other live ids that a sweep must have returned."""
FEW = 20
"""Below this many others, all but one must have been returned."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one sweep says about ids it did not return."""

    since: Mapping[str, float]
    """Missing ids, each with the time of the first sweep that missed it."""
    enough: frozenset[str]
    """Those missing for long enough to be believed, if a read by a proven identity says 404 too."""
    is_mass: bool = False
    """More is missing than may be believed: nothing may be done until this is repaired or accepted."""


NOTHING_MISSING = Verdict(since={}, enough=frozenset())


def judge(
    *,
    expected: frozenset[str],
    returned: frozenset[str],
    viewed: frozenset[str],
    heard: frozenset[str],
    since: Mapping[str, float],
    now: float,
    apart: float,
    uncounted: frozenset[str] = frozenset(),
) -> Verdict:
    """The verdict on `expected` ledger ids after a proven sweep. `heard` were named by a delete event.

    That `uncounted` ids are missing is no sign of a fault; of each it is judged all the same.
    """
    missing = expected - returned - heard
    others = max(len(expected - heard) - 1, 0)
    allowed = 1 if others < FEW else int(others * (1 - SHARE) + 1e-9)
    if len(missing) - 1 > allowed:
        return Verdict(since={}, enough=frozenset(), is_mass=True)
    first = {record_id: since.get(record_id, now) for record_id in missing | (uncounted - returned)}
    enough = {i for i, moment in first.items() if now - moment >= apart and i not in viewed}
    return Verdict(since=first, enough=frozenset(enough), is_mass=False)
