"""Requests about a deleted stack's last copy: one was proven, or staff wants none."""

from __future__ import annotations

from collections.abc import Callable

from handlers import steps
from handlers.stacks import last_copy
from handlers.stacks.facts import StackFacts
from listener import contract

PROVEN, WAIVED = "backup_proven", "backup_waived"
VERBS = (PROVEN, WAIVED)


def acts(
    facts: StackFacts, verb: str, actor: str, argument: Callable[[str], str]
) -> tuple[contract.Step, ...]:
    """The one step of the request; raises the refusal that closes it.

    A proof's arguments are `snapshot` and `at`, when that was begun (ISO).
    """
    if verb == WAIVED:
        changes, detail = last_copy.waived(facts.ledger, actor), {}
    else:
        changes = last_copy.proven(facts.ledger, argument("snapshot"), argument("at"))
        detail = {"snapshot": argument("snapshot")}
    entry = steps.Entry(f"request.{verb}", "done", f"asked by {actor}", detail)
    return (steps.Record(of=facts.key, ledger=changes, entry=entry),)
