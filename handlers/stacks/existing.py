"""Stacks whose service is known: is it still ours, and does it run, rest or go as it should?"""

from __future__ import annotations

from handlers import brake, naming, rollouts, steps
from handlers.ledger import LedgerRow
from handlers.stacks import bring, hosts, plans, purge, rest
from handlers.stacks.desired import KEPT, Desired, Refused, Waiting, Want, Wish
from handlers.stacks.facts import StackFacts
from handlers.stacks.unborn import refusal
from handlers.status import Health, Status, parse, stamp
from listener import contract
from listener.probe import verdict


def decide(facts: StackFacts, want: Want, wanted: Wish) -> contract.Plan:
    """The plan for a stack whose ledger knows a service."""
    astray = _astray(facts)
    if astray is not None:
        return astray
    if wanted is not Wish.DELETED and facts.ledger and facts.ledger.deletion_seen and not facts.ledger.stage:
        return _spared(facts, facts.ledger)
    match wanted:
        case Wish.DELETED:
            return rest.delete(facts)
        case Wish.SUSPENDED | Wish.NOTHING:
            return rest.suspend(facts, want)
        case Wish.RUNNING:
            return _run(facts, want)
        case _:
            return plans.waiting(facts, "waiting_upstream", seconds=facts.site.waits.resync)


def _spared(facts: StackFacts, row: LedgerRow) -> contract.Plan:
    """Its deletion was taken back before it was stopped: the next one has a retention of its own."""
    back = steps.Record(
        ledger={"deletion_seen": None, "retention_days": 0, "applied_spec": {**row.made, brake.APPROVED: ""}},
        entry=steps.Entry("stack.undelete", "done", "it was never stopped"),
    )
    return contract.Plan(key=facts.key, steps=(back,), reason="undelete", again=0.0)


def _astray(facts: StackFacts) -> contract.Plan | None:
    """Missing, foreign or renamed: believed only after two looks; a wrong name alone is put back."""
    row, look = facts.ledger, facts.look
    assert row is not None
    if isinstance(look, naming.Foreign | naming.Missing):
        return _strange(facts, look)
    unlisted = facts.entry is None and facts.is_fresh and facts.list_is_complete
    name = str(row.made.get("service_name", ""))
    renamed = facts.entry is not None and facts.is_fresh and name and facts.entry.name != name
    if not unlisted and not renamed:
        return None
    if look is None:
        return plans.needs_look(facts)
    if renamed:
        entry = steps.Entry("service.rename", "done", "the name in Coolify was changed by hand")
        return plans.plan(
            facts, "renamed", (steps.PatchService(look, name=name), steps.Record(entry=entry)), {}, again=0.0
        )
    return plans.waiting(facts, "waiting_list", seconds=facts.site.waits.poll)


def _strange(facts: StackFacts, look: naming.Foreign | naming.Missing) -> contract.Plan:
    since = facts.strange_since if facts.strange_since is not None else look.read_at
    waits = facts.site.waits
    if isinstance(look, naming.Missing) and facts.ledger and facts.ledger.stage == "retained":
        return purge.finish(facts)
    if look.read_at - since < waits.two_looks:
        return contract.Plan(
            key=facts.key, reason="strange", again=plans.until(facts, since + waits.two_looks)
        )
    if isinstance(look, naming.Missing) and facts.record is None and facts.ledger and facts.ledger.orphan:
        return purge.finish(facts)
    if isinstance(look, naming.Missing):
        what = "the service is gone from Coolify · it was deleted there"
        fix = "`action: recreate` makes a new one; its volumes may be lost"
        code = "SERVICE_MISSING"
    else:
        what = "the service's description is not ours any more · it was edited in Coolify"
        fix = f"put the description back to “{facts.marker}”, then `action: retry`"
        code = "SERVICE_FOREIGN"
    staff = f"{code} · {what} · {fix}"
    shown = plans.shown(facts, Status.ERROR, "blocked", health=Health.UNKNOWN, staff=staff)
    act = steps.Record(
        ledger={"blocked": staff}, entry=steps.Entry("stack.block", "failed", code, {"uuid": look.uuid})
    )
    is_known = facts.ledger is not None and facts.ledger.blocked == staff
    made = plans.plan(facts, code.lower(), () if is_known else (act,), shown)
    return contract.Plan(made.key, made.steps, made.reason, made.message, blocked=code.lower())


def _run(facts: StackFacts, want: Want) -> contract.Plan:
    row = facts.ledger
    assert row is not None
    if isinstance(want, Waiting):
        return plans.waiting(facts, want.code, seconds=facts.site.waits.resync, **dict(want.values))
    if isinstance(want, Desired) and facts.refused_hash == want.hash:
        want = Refused(*facts.refusal)
    if isinstance(want, Refused):
        return _kept(facts, want) or refusal(facts, want)
    if bring.is_held_back(facts, want):
        return _held_back(facts, want)
    if row.intent or row.stage or row.applied_hash != want.hash:
        return bring.up(facts, want)
    if not facts.is_fresh or facts.entry is None:
        return plans.settled(facts, "looking", {}, again=facts.site.waits.poll_busy)
    return _watch(facts, want, facts.entry.status)


def _kept(facts: StackFacts, want: Refused) -> contract.Plan | None:
    """It runs, and the tier no longer gives what its record asks for: it goes on as it is, and says so."""
    row, entry = facts.ledger, facts.entry
    is_up = row is not None and row.applied_hash and not (row.intent or row.stage or row.start_open)
    if want.code not in KEPT or not is_up or entry is None or not facts.is_fresh:
        return None
    state, health = parse(entry.status)
    if state != "running":
        return None
    shown = plans.shown(facts, Status.RUNNING, "kept", health=health, staff=want.staff, reason=want.message)
    return plans.blocked(facts, want.code.lower(), shown, again=facts.site.waits.resync)


def _words(facts: StackFacts, why: Refused | Waiting | None) -> tuple[str, str]:
    if why is None:
        return facts.say(facts.turn), ""
    if isinstance(why, Refused):
        return facts.say("kept", reason=why.message), why.staff
    return facts.say("kept", reason=facts.say(why.code, **dict(why.values))), ""


def _held_back(facts: StackFacts, want: Desired) -> contract.Plan:
    """It goes on with what it was last given, watched as ever; the record says why."""
    remark, staff = _words(facts, want.held_back)
    if not facts.is_fresh or facts.entry is None:
        return plans.settled(facts, "looking", {}, again=facts.site.waits.poll_busy)
    made = _watch(facts, want, facts.entry.status)
    if made.reason != "running":
        return made
    shown = plans.shown(facts, Status.RUNNING, "running") | {"message": remark, "error_message": staff}
    return plans.settled(facts, "held_back", shown, again=facts.site.waits.resync)


def _watch(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """Everything was sent: what does Coolify show?"""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    state, health = parse(text)
    is_unknown = bool(row.made.get("adopted")) and health == Health.UNKNOWN
    ready = state == "running" and (health == Health.HEALTHY or is_unknown or not want.knows_health)
    if ready and row.start_open and _may_be_old(facts):
        shown = plans.shown(facts, Status.DEPLOYING, "starting", health=Health.STARTING)
        return plans.settled(facts, "starting", shown, again=waits.poll_busy)
    if ready:
        shown = _confirmed(facts, want, health)
        return _started(facts, shown) if row.start_open else plans.settled(facts, "running", shown)
    ends = bring.start_ends(facts, want.deadline)
    if row.start_open and facts.clock < ends:
        shown = plans.shown(facts, Status.DEPLOYING, "starting", health=Health.STARTING)
        again = min(waits.poll_busy, plans.until(facts, ends))
        return plans.settled(facts, "starting", shown, again=again)
    if state == "exited" or (state == "starting" and row.start_open):
        return _not_running(facts, want, text)
    if state == "starting":
        return _starting(facts, want, text)
    return _unwell(facts, row, text)


def _unwell(facts: StackFacts, row: LedgerRow, text: str) -> contract.Plan:
    """It runs, and its health check fails, though its deadline passed."""
    staff = (
        f"UNHEALTHY · Coolify shows {text} · a container's health check fails · "
        f"read its logs in Coolify{_known(facts)}"
    )
    shown = plans.shown(facts, Status.RUNNING, "unhealthy", health=Health.UNHEALTHY, staff=staff)
    if row.start_open:
        return _started(facts, shown, rollouts.FAILED, reason="started_unwell")
    return plans.settled(facts, "unhealthy", shown)


def _confirmed(facts: StackFacts, want: Desired, health: str) -> dict[str, object]:
    """Running, and as healthy as both witnesses say; without a word of the second it stays as it is shown."""
    if want.awaited is not None:
        return hosts.shown(facts, want.awaited, health=health)
    if not want.host or not facts.site.is_witnessed:
        return plans.shown(facts, Status.RUNNING, "running", health=health)
    if facts.witness is None:
        return plans.shown(facts, Status.RUNNING, "running")
    seen = verdict.health("running", facts.witness)
    staff = "" if seen == Health.HEALTHY else (
        f"UNCONFIRMED · Coolify shows it running, {want.host} does not confirm it: {facts.witness.reason} · "
        "its DNS, its certificate, or the program itself · open the address, then read the logs"
    )  # fmt: skip
    return plans.shown(facts, Status.RUNNING, "running", health=seen, staff=staff)


def _may_be_old(facts: StackFacts) -> bool:
    """Coolify queues a restart: what it shows as running may still be what ran before."""
    return not facts.is_restart_seen and facts.clock < bring.start_begun(facts) + facts.site.waits.confirm


def _started(
    facts: StackFacts, shown: dict[str, object], rollout: str = "", *, reason: str = "started"
) -> contract.Plan:
    """The start has ended: seen running, or running badly when its deadline passed."""
    shown = {**shown, "last_deploy": stamp(facts.now)}
    entry = steps.Entry("stack.start", "done", str(shown["message"]))
    act = steps.Record(ledger={"start_open": False} | _rolled(facts, rollout), entry=entry)
    return plans.plan(facts, reason, (act,), shown)


def _rolled(facts: StackFacts, word: str) -> dict[str, object]:
    """What became of its turn, if the start was for new limits."""
    made = facts.ledger.made if facts.ledger else {}
    return {"applied_spec": {**made, "rollout": word}} if made.get("rollout") else {}


def _starting(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """Our start did not come to an end in time, or somebody starts it in Coolify."""
    waits = facts.site.waits
    if facts.clock < bring.start_begun(facts) + waits.slow_retry:
        return _not_running(facts, want, text)
    shown = plans.shown(facts, Status.DEPLOYING, "starting", health=Health.STARTING)
    return plans.settled(facts, "starting", shown, again=waits.poll)


def _not_running(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """It does not run although it should: tried again slowly, never in a loop."""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    due = bring.start_begun(facts) + waits.slow_retry
    if facts.exited_since is not None:
        due = max(due, facts.exited_since + waits.confirm)
    usable = "unknown" if facts.server is None else ("yes" if facts.server.is_usable else "NO")
    staff = (
        f"NOT_RUNNING · Coolify shows {text} although it should run · "
        f"the start failed or the containers ended; server usable: {usable} · "
        f"read the service's logs and deployment log in Coolify{_known(facts)}"
    )
    shown = plans.shown(
        facts, Status.ERROR, "not_running", health=Health.UNKNOWN, staff=staff, next=facts.when(due)
    )
    if row.start_open:
        entry = steps.Entry("stack.start", "failed", "not running at its deadline")
        act = steps.Record(ledger={"start_open": False} | _rolled(facts, rollouts.FAILED), entry=entry)
        return plans.plan(facts, "not_started", (act,), shown, again=plans.until(facts, due))
    if facts.clock >= due:
        return bring.up(facts, want, again=True)
    return plans.settled(facts, "not_running", shown, again=plans.until(facts, due))


def _known(facts: StackFacts) -> str:
    return f" · {facts.autopsy}" if facts.autopsy else ""
