"""What follows after a plan: the real `decide` again, on the facts as they would be if all went well.

A plan goes one step at a time (action, project, service, variables, start). Who asks beforehand wants all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from handlers import ledger, making, naming, steps
from handlers.stacks.decide import decide
from handlers.stacks.desired import Desired, Unmade, Want, desired
from handlers.stacks.facts import StackFacts
from listener import contract
from listener.compose.catalog import Catalog
from listener.secrets import generation

UNBORN = "(new)"
"""Stands for a uuid that Coolify has yet to give."""
ACTION = "action_done"
PROJECT = "waiting_project"
CREATE = "create"
SECRETS = "make_secrets"


def course(facts: StackFacts, want: Want, plan: contract.Plan, catalog: Catalog) -> list[contract.Plan]:
    """The plan, and those that follow it until an action is carried out or a new stack is started."""
    plans = [plan]
    if plan.reason == SECRETS:
        facts, want = with_secrets(facts, want, catalog)
        plans.append(decide(facts, want))
    if plan.reason == ACTION and facts.record is not None:
        record = facts.record.model_copy(update={"action": ""})
        look = _proof(facts.entry.uuid, facts.entry.name, facts) if facts.entry else facts.look
        facts = replace(facts, record=record, ledger=_remembered(facts, plan), look=look)
        plans.append(decide(facts, want))
    if plans[-1].reason == PROJECT and isinstance(want, Desired):
        facts = replace(facts, project_uuid=UNBORN)
        plans.append(decide(facts, want))
    if plans[-1].reason == CREATE:
        row = (_remembered(facts, plans[-1]) or ledger.LedgerRow(id=facts.id)).changed(
            {"service_uuid": UNBORN, "intent": None}
        )
        name = str(row.made.get("service_name", ""))
        look = _proof(UNBORN, name, facts)
        plans.append(decide(replace(facts, ledger=row, look=look, list_is_complete=False), want))
    return plans


def with_secrets(facts: StackFacts, want: Want, catalog: Catalog) -> tuple[StackFacts, Want]:
    """Facts and what is desired once the missing secrets are made; nobody keeps these."""
    if not isinstance(want, Unmade):
        return facts, want
    made = {name: SecretStr(generation.made(kind)) for name, kind in want.secrets}
    facts = replace(facts, secrets={**facts.secrets, **made})
    return facts, desired(facts, catalog)


def lines(facts: StackFacts, plans: list[contract.Plan]) -> tuple[str, ...]:
    """Printable steps: those that change something in Coolify; without any, all of the first plan."""
    found = []
    for plan in plans:
        if plan.reason == PROJECT and facts.tenant is not None:
            found.append(f"create project {naming.project_name(facts.tenant.slug, facts.tenant.id)}")
        found += [step.describe() for step in plan.steps if _counts(step)]
    return tuple(found or plans[0].lines())


def _counts(step: contract.Step) -> bool:
    return bool(getattr(step, "effect", False)) or isinstance(step, making.MakeSecrets)


def _proof(uuid: str, name: str, facts: StackFacts) -> naming.Proof:
    """As a look at the service would find it, if it is what it should be."""
    return naming.Proof(uuid, name, server_status=True, read_at=facts.clock)


def _remembered(facts: StackFacts, plan: contract.Plan) -> ledger.LedgerRow | None:
    """The ledger's row after the plan's notes; None when it has none and gets none."""
    changes: dict[str, Any] = {}
    for step in plan.steps:
        if isinstance(step, steps.Record):
            changes |= step.ledger
    if not changes:
        return facts.ledger
    return (facts.ledger or ledger.LedgerRow(id=facts.id)).changed(changes)
