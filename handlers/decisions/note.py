"""One decision as it is kept: when, about what, from which facts, and what was decided."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers import ledger, records, steps
from handlers.decisions import codec
from handlers.stacks.decide import decide, summary
from handlers.stacks.desired import Desired, Want
from handlers.stacks.facts import StackFacts
from listener import contract
from listener.coolify import payloads, standing

GONE: Mapping[tuple[type, str], Any] = {
    (StackFacts, "salt"): "",
    (StackFacts, "autopsy"): "",
    (ledger.LedgerRow, "salt"): "",
    (ledger.LedgerRow, "last_spec"): "",
    (records.TenantRecord, "whole"): {},
    (records.TenantRecord, "name"): "",
    (payloads.Env, "value"): codec.HIDDEN,
    (Desired, "compose"): base64.b64encode(b"{}").decode(),
    (standing.Variable, "value"): None,
    (standing.Standing, "compose"): None,
}
"""What is not kept, and what stands there instead. `SecretStr` is never kept."""


@dataclass(frozen=True, slots=True)
class Note:
    """The inputs and the plan, as they were met; nothing is worked out before it is written."""

    facts: StackFacts
    want: Want
    plan: contract.Plan

    def line(self) -> str:
        """One line of JSON, without secrets."""
        facts, want = (codec.encode(one, _redacted) for one in (self.facts, self.want))
        decided = outline(decide(self.facts, self.want))
        again = outline(decide(codec.decode(facts), codec.decode(want)))
        told = {
            "at": self.facts.now.isoformat(),
            "stack": self.facts.id,
            "reason": self.plan.reason,
            "message": self.plan.message,
            "again": self.plan.again,
            "blocked": self.plan.blocked,
            "steps": [_brief(step) for step in self.plan.steps],
            "inputs": inputs(self.facts, self.want),
            "decided": decided,
            "is_replayable": again == decided,
            "facts": facts,
            "want": want,
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def replayed(told: Mapping[str, Any]) -> list[str]:
    """What the present code decides from the facts of a line; raises `ValueError` for what it cannot read."""
    return outline(decide(codec.decode(told["facts"]), codec.decode(told["want"])))


def outline(plan: contract.Plan) -> list[str]:
    """What of a plan must stay the same: its reason, its block, and its steps without texts and values."""
    return [f"reason {plan.reason}", f"blocked {bool(plan.blocked)}", *map(_whole, plan.steps)]


def inputs(facts: StackFacts, want: Want) -> dict[str, str]:
    """What the decision was made from, for people."""
    record, row, entry = facts.record, facts.ledger, facts.entry
    seen = (
        f"{entry.status}, listed {facts.clock - facts.listed_at:.0f} s before" if entry else "not in the list"
    )
    wanted = "no record" if record is None else (record.desired_state or "running (empty)")
    return {
        "record": wanted
        + (", on hold" if record and record.hold else "")
        + (f", action {record.action}" if record and record.action else ""),
        "tenant": f"{facts.tenant.status}{', on hold' if facts.tenant.hold else ''}"
        if facts.tenant
        else "not read",
        "ledger": "no row"
        if row is None
        else f"{row.stage or 'live'}, intent {(row.intent or {}).get('what') or 'none'}",
        "coolify": seen,
        "proof": type(facts.look).__name__.lower() if facts.look else "not asked for",
        "desired": summary(facts, want),
        "sent": "as desired"
        if isinstance(want, Desired) and row and row.applied_hash == want.hash
        else "not as desired",
        "room": type(facts.verdict).__name__ if facts.verdict else "not asked for",
        "braked": "yes" if facts.is_braked else "no",
    }


def _brief(step: contract.Step) -> str:
    """The deed in words; of what a record shows only its state."""
    if not isinstance(step, steps.Record):
        return type(step).__name__
    parts = [f"note {step.entry.verb} {step.entry.outcome}"] if step.entry else []
    parts += [f"show {step.show[name]}" for name in ("status", "health") if name in step.show]
    return ", ".join(parts) or "note"


def _whole(step: contract.Step) -> str:
    names = sorted(step.ledger) if isinstance(step, steps.Record) else []
    return f"{_brief(step)}; remember {', '.join(names)}" if names else _brief(step)


def _redacted(of: Any, name: str, value: Any) -> Any:
    for (kind, field), instead in GONE.items():
        if field == name and isinstance(of, kind):
            return instead
    if isinstance(of, records.StackRecord) and name == "config":
        return _names(value)
    return value


def _names(config: Any) -> Any:
    """A stack's configuration with the names of its variables only."""
    given = config.get("env_vars") if isinstance(config, Mapping) else None
    return {"env_vars": dict.fromkeys(given, codec.HIDDEN)} if isinstance(given, Mapping) else {}
