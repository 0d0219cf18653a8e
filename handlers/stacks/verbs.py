"""What a command may do to one stack: pure. A verb returns ledger changes, or asks for a look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from handlers import brake, naming
from handlers.stacks import byhand
from handlers.stacks.facts import StackFacts
from listener import errors

Changes = Mapping[str, Any]
Answer = Changes | Literal["needs_look"]

RECREATE = "SERVICE_MISSING"
"""Beginning of the block that `recreate` answers."""


def retry(facts: StackFacts) -> Answer:
    """A block is lifted; what caused it is looked at anew."""
    if facts.ledger is None:
        raise _refused(
            "retry", "the listener's ledger does not know this stack", "`cloudfreedom adopt` it first"
        )
    return byhand.lifted(facts.ledger)


def recreate(facts: StackFacts) -> Answer:
    """The service is proven missing, and a new one may be made: its old volumes are not brought back."""
    row = facts.ledger
    if row is None or not row.service_uuid or row.stage in ("retained", "closed"):
        raise _refused("recreate", "there is no service that could be missing", "look at `cloudfreedom plan`")
    if facts.look is None or facts.look.read_at < facts.clock:
        return "needs_look"
    if not isinstance(facts.look, naming.Missing):
        raise _refused("recreate", "the service is still in Coolify", "delete it there first, if it must go")
    return {
        "service_uuid": "",
        "applied_hash": "",
        "blocked": "",
        "stage": "",
        "intent": None,
        "start_open": False,
        "env_keys": [],
        "applied_spec": {**row.made, "created": ""},
    }


def purge(facts: StackFacts) -> Answer:
    """The retention is skipped; announcement, hour and proof are not."""
    row = facts.ledger
    if row is None or row.stage != "retained":
        raise _refused(
            "purge", "only a deleted stack that is stopped and kept can be purged", "delete it first"
        )
    return {"applied_spec": {**row.made, "purge_now": True}}


def approve(facts: StackFacts) -> Answer:
    """Its deletion may pass the brake; or, of an adopted one, the template's compose may replace its own."""
    row = facts.ledger
    if row is not None and row.service_uuid and (row.orphan or _is_leaving(facts)) and row.stage != "closed":
        return {"applied_spec": {**row.made, brake.APPROVED: brake.phase(row)}}
    if row is None or not row.made.get("adopted"):
        raise _refused("approve", "nothing of this stack waits for approval", "look at `cloudfreedom plan`")
    return {"applied_spec": {**row.made, "adopted": False}}


def _is_leaving(facts: StackFacts) -> bool:
    if facts.ledger is not None and facts.ledger.stage == "closed":
        return False
    return facts.gone if facts.record is None else facts.record.desired_state == "deleted"


VERBS: Mapping[str, Callable[[StackFacts], Answer]] = {
    "retry": retry,
    "recreate": recreate,
    "purge": purge,
    "approve": approve,
}
"""Verb of a request on a stack -> its judge."""


def _refused(verb: str, why: str, fix: str) -> errors.Refusal:
    return errors.Refusal(f"{verb.upper()}_REFUSED", f"{verb}: {why}.", why=why, fix=fix)
