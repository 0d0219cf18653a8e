"""Bring a known service to its desired spec, and up if it shall run: one repeatable sequence."""

from __future__ import annotations

from typing import Any

from handlers import brake, keepsake, naming, rollouts, steps
from handlers.ledger import LedgerRow
from handlers.stacks import byhand, drift, erasure, plans
from handlers.stacks.desired import Desired
from handlers.stacks.facts import StackFacts
from handlers.status import Health, Status, difference, parse
from listener import contract

NEVER = float("-inf")
Show = dict[str, Any]
"""Fields of a record, as they are shown."""
UNAPPROVED = (
    "NEEDS_APPROVAL · this stack was adopted, and a change would replace its compose by the template's · "
    "compare them in Coolify, then run `cloudfreedom approve`"
)


def up(facts: StackFacts, want: Desired, *, again: bool = False, made: Show | None = None) -> contract.Plan:
    """Send what differs and start. `again` starts although nothing differs; `made` is what the ledger then
    remembers. Cut anywhere, it is repeated."""
    row = facts.ledger
    assert row is not None
    full = row.applied_hash != want.hash and not is_held_back(facts, want)
    verb = "stack.apply" if full else "stack.restart"
    code = "deploying" if not row.applied_hash else ("updating" if full else "restarting")
    reason = "start_again" if again else verb.partition(".")[2]
    shown = plans.shown(facts, Status.DEPLOYING, code, health=Health.STARTING)
    return _sequence(facts, want, full=full, start=True, verb=verb, reason=reason, shown=shown, made=made)


def save(facts: StackFacts, want: Desired, shown: dict[str, Any]) -> contract.Plan:
    """Send what differs and start nothing: an edit of a suspended stack."""
    return _sequence(facts, want, full=True, start=False, verb="stack.apply", reason="save", shown=shown)


def _sequence(
    facts: StackFacts, want: Desired, *, full: bool, start: bool, verb: str, reason: str, shown: Show,
    made: Show | None = None,
) -> contract.Plan:  # fmt: skip
    """What the opening batch promises, the closing one says is done."""
    row, proof = facts.ledger, facts.look
    assert row is not None
    if not isinstance(proof, naming.Proof):
        return plans.needs_look(facts)
    if full and row.made.get("adopted"):
        return _unapproved(facts)
    row = row.changed({"applied_spec": byhand.decided(row.made) if full else made or row.applied_spec})
    opening: dict[str, Any] = {"intent": {"what": "apply" if full else "restart"}}
    opening |= {"applied_spec": row.made} if made and not full else {}
    closing: dict[str, Any] = {"intent": None, "applied_spec": _made(row, want, start=start)}
    acts: list[steps.Act] = []
    spec = facts.record.spec() if full and facts.record else None
    turn = rollouts.OPEN if full and start and is_rollout(row, want) else ""
    closing["applied_spec"]["rollout"] = turn
    if full:
        opening |= _opened(row, want, turn)
        told = keepsake.told(facts.salt, spec)
        closing |= _applied(want) | {"applied_spec": drift.sent(closing["applied_spec"], want) | told}
        acts += _sent(row, want, proof)
    if start:
        opening |= _started(facts)
        shown = {**shown, "purge_after": ""}
        acts.append(steps.Restart(proof, was_running=_runs(facts)))
    first = steps.Record(ledger=opening, show=shown, entry=steps.Entry(verb, "started"), spec=spec)
    last = steps.Record(ledger=closing, show=_version(facts, want), entry=steps.Entry(verb, "done"))
    return contract.Plan(
        key=facts.key,
        steps=(first, *acts, last),
        reason=reason,
        message=str(shown.get("message", "")),
        again=0.0 if not start else facts.site.waits.poll_busy,
    )


def _unapproved(facts: StackFacts) -> contract.Plan:
    shown = plans.shown(facts, Status.ERROR, "needs_approval", staff=UNAPPROVED)
    return plans.blocked(facts, "needs_approval", shown)


def is_rollout(row: LedgerRow, want: Desired) -> bool:
    """Only what the tier makes of it is new: nobody edited the stack."""
    return bool(row.applied_hash) and row.applied_hash != want.hash and row.made.get("edit") == want.edit


def is_held_back(facts: StackFacts, want: Desired) -> bool:
    """It goes on with what it was last given: there is no room for more, or it is not its turn."""
    row = facts.ledger
    if row is None or row.intent or row.applied_hash == want.hash:
        return False
    return want.held_back is not None or bool(facts.turn and is_rollout(row, want))


def _opened(row: LedgerRow, want: Desired, turn: str) -> dict[str, Any]:
    """Before the calls: nothing counts as applied, and every key that may be there is known."""
    return {
        "applied_hash": "",
        "env_keys": sorted({*row.env_keys, *(env.key for env in want.envs)}),
        "domain": want.host,
        "template": want.template,
        "applied_spec": {**row.made, "demand": want.demand.columns(), "rollout": turn},
    }


def _applied(want: Desired) -> dict[str, Any]:
    """After the calls: Coolify has this."""
    return {
        "applied_hash": want.hash,
        "env_keys": sorted(env.key for env in want.envs),
        "template_version": want.template_version,
    }


def _sent(row: LedgerRow, want: Desired, proof: naming.Proof) -> list[steps.Act]:
    """What goes to Coolify; the compose only if it is not the one that the service was made with."""
    acts: list[steps.Act] = []
    if row.made.get("created") != want.hash:
        acts.append(steps.PatchService(proof, compose=want.compose, urls=_urls(want)))
    drop = tuple(sorted({*row.env_keys} - {env.key for env in want.envs}))
    if want.envs or drop:
        acts.append(steps.PutEnvs(proof, want.envs, drop))
    return acts


def _started(facts: StackFacts) -> dict[str, Any]:
    """A start is open, and whatever a deletion had begun is over."""
    return {
        "start_begun": facts.now.isoformat(),
        "start_open": True,
        "stage": "",
        "deletion_seen": None,
        "retention_days": 0,
        "purge_announced": None,
    }


def _runs(facts: StackFacts) -> bool:
    """It may run now: only a list that says otherwise excludes it, or that we never started it."""
    row = facts.ledger
    if facts.entry is None:
        return row is None or row.start_begun is not None
    return parse(facts.entry.status)[0] != "exited"


def _version(facts: StackFacts, want: Desired) -> dict[str, Any]:
    shown = facts.record.display if facts.record else {}
    return difference(shown, {"template_version": want.template_version}) if facts.record else {}


def _made(row: LedgerRow, want: Desired, *, start: bool) -> dict[str, Any]:
    """Names as they are; what was started is what an empty `desired_state` asks for from now on."""
    wish = {"wish": "running"} if start else {}
    kept = byhand.without(row.made, byhand.REASSERTED) if start else row.made
    said: dict[str, Any] = {"demand": want.demand.columns(), "edit": want.edit}
    said |= {"given_host": want.host} if want.is_given else {}
    return {
        **erasure.undone(kept),
        "web_service": want.web_service,
        "created": "",
        brake.APPROVED: "",
        **said,
        **wish,
    }


def _urls(want: Desired) -> tuple[tuple[str, str], ...] | None:
    """The wanted urls; without one an empty one, which clears a domain that the service may still have."""
    if want.urls:
        return want.urls
    return ((want.web_service, ""),) if want.web_service else None


def start_begun(facts: StackFacts) -> float:
    """When our last start was begun, on the listener's clock; minus infinity when there was none.

    The time of day, which may jump, is asked only about starts of an earlier process, and those were before
    this one began.
    """
    row = facts.ledger
    if row is None or row.start_begun is None:
        return NEVER
    if facts.start_at > NEVER:
        return facts.start_at
    return min(facts.clock - (facts.now - row.start_begun).total_seconds(), facts.began_at)


def start_ends(facts: StackFacts, deadline: float) -> float:
    """When our last start's deadline is over, on the listener's clock."""
    return start_begun(facts) + deadline
