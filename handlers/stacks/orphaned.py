"""A service of ours that neither a record nor the ledger knew: its row waits, and a record takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers import steps
from handlers.stacks import plans, purge, unborn
from handlers.stacks.desired import Want
from handlers.stacks.facts import StackFacts
from listener import contract

MARKS = ("orphan", "approved")
"""Names in `applied_spec` that only an orphan's row has."""


def graced(facts: StackFacts, _want: Want) -> contract.Plan | None:
    """Nothing is done to an orphan for `Waits.orphan` after it was found, nor while the clocks disagree."""
    row, waits = facts.ledger, facts.site.waits
    if facts.record is not None or row is None or not row.orphan or row.stage:
        return None
    left = waits.orphan - (facts.now - datetime.fromisoformat(row.orphan)).total_seconds()
    if left <= 0 and facts.skew > purge.SKEW:
        left = waits.poll
    if left <= 0:
        return None
    at = datetime.fromisoformat(row.orphan) + timedelta(seconds=waits.orphan)
    text = (
        f"no record and it runs: stopped after {at:%Y-%m-%d %H:%M} UTC unless its record is back; data kept"
    )
    again = min(left + plans.SHORTEST_WAIT, purge.LONGEST_LOOK)
    return replace(plans.settled(facts, "orphan", {}, again=again), message=text)


def reclaimed(facts: StackFacts, want: Want) -> contract.Plan | None:
    """Its record is there again: it is no orphan any more, and from the next look on a stack like any other.

    What was not stopped yet is taken over as it runs; what was stopped gets everything anew with its start.
    """
    record, row = facts.record, facts.ledger
    if record is None or row is None or not row.orphan or row.stage == "closed":
        return None
    if (row.intent or {}).get("what") == "delete":
        return None
    taken, is_adopted = unborn.taken(facts, record, want)
    if row.stage:
        taken |= {"applied_hash": "", "domain": ""}
    made = {name: value for name, value in row.made.items() if name not in MARKS}
    act = steps.Record(
        ledger={
            **taken,
            "purge_announced": None,
            "applied_spec": {**made, "stack_name": record.stack_name, "adopted": is_adopted},
        },
        entry=steps.Entry("stack.orphan", "done", "its record is there again"),
    )
    return contract.Plan(key=facts.key, steps=(act,), reason="reclaimed", again=0.0)
