"""It does not run although it should: our start failed, or it ran and was stopped without a call of ours."""

from __future__ import annotations

from typing import Any

from handlers import naming, rollouts, steps
from handlers.stacks import bring, byhand, plans
from handlers.stacks.desired import Desired
from handlers.stacks.facts import StackFacts
from handlers.status import Health, Status, parse
from listener import contract


def decide(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """The plan for a stack that Coolify shows as `text`; nothing of ours is on its way any more."""
    row = facts.ledger
    assert row is not None
    is_stopped = byhand.was_up(row) and parse(text)[0] == "exited"
    return _stopped(facts, want) if is_stopped else _failed(facts, want, text)


def _failed(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """Our start failed: tried again slowly, never in a loop."""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    due = bring.start_begun(facts) + waits.slow_retry
    if facts.exited_since is not None:
        due = max(due, facts.exited_since + waits.confirm)
    shown = _shown(facts, text, "the start failed or the containers ended", due)
    if row.start_open:
        made = {**row.made, byhand.START_FAILED: True}
        made |= {"rollout": rollouts.FAILED} if row.made.get("rollout") else {}
        entry = steps.Entry("stack.start", "failed", "not running at its deadline")
        act = steps.Record(ledger={"start_open": False, "applied_spec": made}, entry=entry)
        return plans.plan(facts, "not_started", (act,), shown, again=plans.until(facts, due))
    if facts.clock >= due:
        return bring.up(facts, want, again=True)
    return plans.settled(facts, "not_running", shown, again=plans.until(facts, due))


def _stopped(facts: StackFacts, want: Desired) -> contract.Plan:
    """It ran, and nothing of ours stopped it: restored once a day, then a person decides."""
    row = facts.ledger
    assert row is not None
    if row.made.get(byhand.STOPPED_AGAIN):
        return plans.blocked(facts, "stopped_again", _again(facts))
    early = _too_early(facts)
    if early is not None:
        return early
    if not byhand.is_restored(facts):
        return bring.up(facts, want, again=True, made={**row.made, byhand.RESTORED: facts.now.isoformat()})
    known = {"applied_spec": {**row.made, byhand.STOPPED_AGAIN: True}}
    act = steps.Record(ledger=known, entry=steps.Entry("stack.block", "failed", "STOPPED_AGAIN"))
    return plans.plan(facts, "stopped_again", (act,), _again(facts), again=0.0)


def _too_early(facts: StackFacts) -> contract.Plan | None:
    """Lists must say so for the confirm time, and Coolify must reach its server, as read since."""
    waits, look = facts.site.waits, facts.look
    if facts.server is not None and not (facts.server.is_usable and facts.server.is_reachable):
        return _away(facts)
    since = max(facts.listed_at if facts.exited_since is None else facts.exited_since, facts.away_at)
    due = since + waits.confirm
    shown = _shown(facts, "exited", "it ran, and was stopped in Coolify or ended by itself", due)
    if facts.clock < due or facts.listed_at < due - waits.poll:
        return plans.settled(facts, "not_running", shown, again=plans.until(facts, due))
    if not isinstance(look, naming.Proof) or look.read_at < since:
        return plans.needs_look(facts)
    if not look.server_status:
        is_old = facts.clock - look.read_at >= waits.resync
        return plans.needs_look(facts) if is_old else _away(facts)
    return None


def _away(facts: StackFacts) -> contract.Plan:
    """Its server cannot be reached: docker may bring it up by itself when it can."""
    staff = (
        "NOT_RUNNING · Coolify shows exited, and cannot use or reach its server · nothing is restored until "
        "it can · look at the server in Coolify"
    )
    shown = plans.shown(facts, Status.ERROR, "server_away", health=Health.UNKNOWN, staff=staff)
    return plans.settled(facts, "server_away", shown, again=facts.site.waits.resync)


def _again(facts: StackFacts) -> dict[str, Any]:
    at = byhand.is_restored(facts)
    staff = (
        f"STOPPED_AGAIN · Coolify shows exited; it was restored{f' at {at}' if at else ''} and stopped again "
        "without a call of ours · someone stops it in Coolify, or its containers end · find out which, then "
        f"`action: retry`, restart, redeploy, or an edit{known(facts)}"
    )
    return plans.shown(facts, Status.ERROR, "stopped_again", health=Health.UNKNOWN, staff=staff)


def _shown(facts: StackFacts, text: str, cause: str, due: float) -> dict[str, Any]:
    usable = "unknown" if facts.server is None else ("yes" if facts.server.is_usable else "NO")
    staff = (
        f"NOT_RUNNING · Coolify shows {text} although it should run · {cause}; server usable: {usable} · "
        f"read the service's logs and deployment log in Coolify{known(facts)}"
    )
    return plans.shown(
        facts, Status.ERROR, "not_running", health=Health.UNKNOWN, staff=staff, next=facts.when(due)
    )


def known(facts: StackFacts) -> str:
    """What could be read of the reason, to be added to a text."""
    return f" · {facts.autopsy}" if facts.autopsy else ""
