"""What the ledger keeps of a record, sealed, so that a hard-deleted one can come back as it was.

It is saved with every effect that an edit has, and by itself when an edit has none. A refused edit is not
kept: what is kept also says what the running stack was given. Whether it is still true is known by a salted
digest, so that nothing has to be opened for that. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from handlers import steps
from handlers.ledger import LedgerRow
from listener import contract

TOLD = "told"
"""Where a row keeps the digest of the spec that it has sealed."""


def digest(salt: str, spec: Mapping[str, Any]) -> str:
    """The same for the same spec; it tells nothing of the values."""
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False, default=str)
    return hmac.new(salt.encode(), text.encode(), hashlib.sha256).hexdigest()[:24]


def told(salt: str, spec: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the row remembers of a spec that is sealed into it with the same plan."""
    return {} if spec is None else {TOLD: digest(salt, spec)}


def added(plan: contract.Plan, row: LedgerRow | None, spec: Mapping[str, Any], salt: str) -> contract.Plan:
    """The plan, and with it the spec saved if it is not what the row keeps.

    A plan that writes the ledger itself is left alone: its next look does it.
    """
    if row is None or row.stage == "closed" or row.made.get(TOLD) == digest(salt, spec):
        return plan
    if any(isinstance(step, steps.Record) and (step.ledger or step.consume) for step in plan.steps):
        return plan
    keep = steps.Record(ledger={"applied_spec": {**row.made, TOLD: digest(salt, spec)}}, spec=spec)
    return contract.Plan(
        key=plan.key,
        steps=(*plan.steps, keep),
        reason=plan.reason,
        message=plan.message,
        again=plan.again,
        wakes=plan.wakes,
        blocked=plan.blocked,
        basis=plan.basis,
    )
