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

NAMES = ("purge_now", "erase", "last_copy", "copy_waived", "rested_at")
"""What the ledger remembers for a stack's end; `erase` says who asked and why."""


def ask(facts: StackFacts, by: str) -> Mapping[str, Any]:
    """What the ledger must remember; raises the refusal of a stack that is not deleted."""
    row = facts.ledger
    asked = {"purge_now": True, "erase": by}
    if row is None and facts.record is None:
        return {"kind": records.STACKS, "stage": "closed", "applied_spec": asked}
    if row is None or row.stage not in ("retained", "closed"):
        raise errors.Refusal(
            "ERASE_REFUSED",
            "erase: only a deleted stack that is stopped can be erased.",
            why="it is not deleted, or not seen stopped yet",
            fix="delete it first: `cloudfreedom delete`, and wait until it is `deleted`",
        )
    return {"applied_spec": {**row.made, **asked}}


def is_asked(row: ledger.LedgerRow) -> bool:
    """Somebody asked for it, and it is not over."""
    return bool(row.made.get("erase"))


def step(row: ledger.LedgerRow) -> erasing.Erase:
    """The step that empties everything of a stack of which this is the closed row."""
    return erasing.Erase(contract.Key(records.STACKS, row.id), _by(row))


def due(facts: StackFacts) -> contract.Plan | None:
    """The plan for a closed stack of which everything is to go; None for any other."""
    row = facts.ledger
    if row is None or row.stage != "closed" or not is_asked(row):
        return None
    return contract.Plan(key=facts.key, steps=(step(row),), reason="erase")


def emptied(row: ledger.LedgerRow) -> Mapping[str, Any]:
    """What the closed row of a stack that is to be erased is emptied of."""
    if not is_asked(row):
        return {}
    asked = {"purge_now": True, "erase": row.made["erase"]}
    return {"last_spec": "", "domain": "", "env_keys": [], "applied_spec": asked}


def undone(made: Mapping[str, Any]) -> dict[str, Any]:
    """The names of a stack that came back: what was asked for its end is forgotten."""
    return {name: value for name, value in made.items() if name not in NAMES}


def _by(row: ledger.LedgerRow) -> str:
    said = row.made.get("erase")
    return said if isinstance(said, str) else ""
