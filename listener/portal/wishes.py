"""What a button of the portal means on a stack's record: pure, from the row to the fields to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """The fields to write (none: it is so already), and what the person is told."""

    fields: Mapping[str, str]
    message: str


def stop(row: Row) -> Wish:
    """Suspended: its data is kept."""
    _not_deleted(row)
    return _state(row, "suspended", "It is being stopped. Its data is kept.")


def restart(row: Row) -> Wish:
    """Restarted once; a suspended stack is resumed instead, which starts it too."""
    _not_deleted(row)
    if row.get("desired_state") == "suspended" or row.get("status") in ("suspended", "stopped"):
        return _state(row, "running", "It is being resumed.")
    return Wish({"action": "restart"}, "It is being restarted.")


def delete(row: Row) -> Wish:
    """Stopped, and its data kept until the tariff's retention is over; never removed from PocketBase."""
    return _state(row, "deleted", "It is being deleted. Its data is kept for the agreed time.")


def present(row: Row) -> str:
    """The record's own message, or its status as long as nobody has looked at it."""
    return str(row.get("message") or row.get("status") or "pending")


def _state(row: Row, wanted: str, message: str) -> Wish:
    """A state that is wanted already is not written again: every write wakes everybody who listens."""
    if row.get("desired_state") == wanted:
        return Wish({}, present(row))
    return Wish({"desired_state": wanted}, message)


def _not_deleted(row: Row) -> None:
    """Stop and restart must not bring a deleted stack back by the way."""
    if row.get("desired_state") == "deleted":
        raise HTTPException(409, "This stack was deleted.")
