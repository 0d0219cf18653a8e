"""What to do about one stack: pure, from facts and what is desired to a printable plan.

Read it as a list of cases, most particular first. Each case returns a plan or None for "not this one".
Nothing in here trusts a field that the listener itself shows on the record, but for first contact.
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers import making, naming, status
from handlers.stacks import byhand, erasure, existing, last_copy, orphaned, plans, purge, unborn, verbs
from handlers.stacks.desired import Desired, Refused, Unmade, Want, Wish, wish
from handlers.stacks.facts import StackFacts
from handlers.stacks.hosts import FOREIGN_STATUS
from listener import contract, errors

COMMANDS = ("approve", "purge", "recreate")
HARMLESS = ("approve",)
LIFTING = ("retry", "recreate")
"""Actions that are looked at although the stack is blocked."""


def decide(facts: StackFacts, want: Want) -> contract.Plan:
    """The plan for one stack. Empty when wanted, actual and shown agree."""
    for case in CASES:
        plan = case(facts, want)
        if plan is not None:
            return plan
    wanted = wish(facts)
    row = facts.ledger
    if row is not None and row.intent and row.intent.get("what") == "create":
        return unborn.settle(facts)
    if isinstance(want, Unmade) and facts.record is not None and wanted is Wish.RUNNING:
        adopted = row.service_uuid if row is not None and row.made.get("adopted") else ""
        made = making.MakeSecrets(facts.record.tenant_id, want.secrets, taken_from=adopted)
        return contract.Plan(key=facts.key, steps=(made,), reason="make_secrets", again=0.0)
    if row is None or not row.service_uuid:
        return unborn.decide(facts, want, wanted)
    return existing.decide(facts, want, wanted)


def _erased(facts: StackFacts, _want: Want) -> contract.Plan | None:
    """Closed, and everything of it is to go."""
    return erasure.due(facts)


def _absent(facts: StackFacts, want: Want) -> contract.Plan | None:
    """A record that is not there is deleted only with proof; one that never had a service leaves nothing."""
    if facts.record is not None:
        return None
    row = facts.ledger
    if row is None or row.stage == "closed":
        return contract.Plan(key=facts.key, reason="gone")
    if not facts.gone:
        return contract.Plan(key=facts.key, reason="absence_unproven")
    if row.intent and row.intent.get("what") == "create":
        return unborn.settle(facts)
    if not row.service_uuid:
        return unborn.close(facts)
    return _ended(facts, want) or existing.decide(facts, want, Wish.DELETED)


def _other_tenant(facts: StackFacts, _want: Want) -> contract.Plan | None:
    """A record whose ledger row names another tenant is refused for good."""
    record, row = facts.record, facts.ledger
    if record is None or row is None or row.tenant_id == record.tenant_id:
        return None
    staff = (
        "TENANT_CHANGED · tenant_id was changed after creation · the service belongs to tenant "
        f"{row.tenant_id} · set tenant_id back, or make a new stack"
    )
    return plans.blocked(
        facts, "tenant_changed", plans.shown(facts, status.Status.ERROR, "blocked", staff=staff)
    )


def _first_contact(facts: StackFacts, want: Want) -> contract.Plan | None:
    """No ledger row: adopt the one service with our full marker, else touch nothing foreign."""
    record = facts.record
    if record is None or facts.ledger is not None:
        return None
    if not facts.list_is_complete:
        return plans.waiting(facts, "waiting_list", seconds=facts.site.waits.poll_busy)
    if len(facts.marked) == 1:
        if facts.look is None:
            return plans.needs_look(facts)
        if isinstance(facts.look, naming.Proof):
            return unborn.adopt(facts, want, facts.look)
    foreign = record.display.get("coolify_service_uuid") or record.display.get("status") in FOREIGN_STATUS
    if not foreign and not facts.marked:
        return None
    # Its status stays: it is what says that the stack is foreign. What it says of Coolify is looked up again.
    show = {"message": facts.say("foreign_born"), "error_message": facts.origin}
    return plans.blocked(facts, "foreign_born", show, again=facts.site.waits.resync)


def _ended(facts: StackFacts, _want: Want) -> contract.Plan | None:
    """Its DELETE was begun, or it is purged: nothing brings it back."""
    row, record = facts.ledger, facts.record
    if row is None or not row.service_uuid:
        return None
    begun = bool(row.intent) and (row.intent or {}).get("what") == "delete"
    if not begun and row.stage != "closed":
        return None
    if record is not None and record.action:
        return unborn.consume(facts, None)
    return purge.finish(facts) if begun else purge.closed(facts)


def _held(facts: StackFacts, _want: Want) -> contract.Plan | None:
    """Blocked by an earlier decision that only `action: retry` or a command lifts."""
    row, record = facts.ledger, facts.record
    if row is None or record is None or not row.blocked or record.action in LIFTING:
        return None
    return plans.blocked(
        facts, "blocked", plans.shown(facts, status.Status.ERROR, "blocked", staff=row.blocked)
    )


def _action(facts: StackFacts, want: Want) -> contract.Plan | None:
    """A person's command in the record's `action`: carried out once, cleared with a receipt."""
    record, row = facts.record, facts.ledger
    if record is None or not record.action:
        return None
    service = bool(row and row.service_uuid)
    running = wish(facts) is Wish.RUNNING
    changes: Mapping[str, object] | None = None
    if record.action in COMMANDS and not facts.stale_action:
        return _command(facts, record.action)
    if record.action == "rotate_secrets" and not facts.stale_action:
        return _rotate(facts, want)
    if facts.stale_action or record.action == "reconcile":
        changes = {}
    elif record.action == last_copy.NOW:
        return unborn.consume(facts, *last_copy.asked(facts))
    elif record.action == "retry":
        changes = byhand.lifted(row) if row else {}
    elif record.action == "redeploy" and service:
        changes = {"applied_hash": ""}
    elif row is not None and record.action == "restart" and service and running:
        changes = {"intent": {"what": "restart"}, "applied_spec": byhand.decided(row.made)}
    return unborn.consume(facts, changes)


def _rotate(facts: StackFacts, want: Want) -> contract.Plan:
    """New values for every generated secret that may change; needs the hooks, as harm is done twice."""
    record = facts.record
    assert record is not None
    if not facts.has_hooks:
        why = "rotate_secrets: nothing guards this field without the hooks; run `cloudfreedom secrets rotate`"
        return unborn.consume(facts, None, why=why)
    if not isinstance(want, Desired) or not want.rotatable:
        return unborn.consume(
            facts, None, why="rotate_secrets: the stack has no secret that may be made anew"
        )
    made = making.MakeSecrets(record.tenant_id, want.rotatable, consume=record.action)
    return contract.Plan(key=facts.key, steps=(made,), reason="rotate_secrets", again=0.0)


def _command(facts: StackFacts, action: str) -> contract.Plan:
    """Staff's, as a request may carry it; one that could do harm when it is repeated needs the hooks."""
    if action not in HARMLESS and not facts.has_hooks:
        why = f"{action}: nothing guards this field without the hooks; run `cloudfreedom {action}`"
        return unborn.consume(facts, None, why=why)
    try:
        changes = verbs.VERBS[action](facts)
    except errors.Refusal as refusal:
        return unborn.consume(facts, None, why=refusal.message)
    return plans.needs_look(facts) if isinstance(changes, str) else unborn.consume(facts, changes)


CASES = (
    _erased,
    orphaned.graced,
    _absent,
    _other_tenant,
    orphaned.reclaimed,
    _first_contact,
    _ended,
    _held,
    _action,
)
"""Most particular first."""


def summary(facts: StackFacts, want: Want) -> str:
    """One line about what is wanted, for `plan` and `explain`; no secrets."""
    match want:
        case Desired():
            return f"{wish(facts).value}, {want.template} {want.template_version}"
        case Refused():
            return f"refused: {want.code}"
        case _:
            return f"waiting: {want.code}"
