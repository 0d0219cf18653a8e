"""Erasure on request: of a deleted stack nothing personal stays, before its time is over. Pure.

The retention is skipped like for a purge: announcement, hour and proof stay. When the service is seen gone,
the batch that closes the row empties it; then the record and everything said about the stack goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import erasing, ledger, records
from handlers.stacks.facts import StackFacts
from listener import contract, errors

ASKED: Mapping[str, Any] = {"purge_now": True, "erase": True}
"""What the ledger remembers of the request."""


def ask(facts: StackFacts) -> Mapping[str, Any]:
    """What the ledger must remember; raises the refusal of a stack that is not deleted."""
    row = facts.ledger
    if row is None and facts.record is None:
        return {"kind": records.STACKS, "stage": "closed", "applied_spec": dict(ASKED)}
    if row is None or row.stage not in ("retained", "closed"):
        raise errors.Refusal(
            "ERASE_REFUSED",
            "erase: only a deleted stack that is stopped can be erased.",
            why="it is not deleted, or not seen stopped yet",
            fix="delete it first: `cloudfreedom delete`, and wait until it is `deleted`",
        )
    return {"applied_spec": {**row.made, **ASKED}}


def is_asked(row: ledger.LedgerRow) -> bool:
    """Somebody asked for it, and it is not over."""
    return bool(row.made.get("erase"))


def due(facts: StackFacts) -> contract.Plan | None:
    """The plan for a closed stack of which everything is to go; None for any other."""
    row = facts.ledger
    if row is None or row.stage != "closed" or not is_asked(row):
        return None
    return contract.Plan(key=facts.key, steps=(erasing.Erase(facts.key),), reason="erase")


def emptied(row: ledger.LedgerRow) -> Mapping[str, Any]:
    """What the closed row of a stack that is to be erased is emptied of."""
    return (
        {"last_spec": "", "domain": "", "env_keys": [], "applied_spec": dict(ASKED)} if is_asked(row) else {}
    )


def undone(made: Mapping[str, Any]) -> dict[str, Any]:
    """The names of a stack that came back: what was asked for its end is forgotten."""
    return {name: value for name, value in made.items() if name not in ASKED}
