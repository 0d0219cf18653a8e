"""Stacks whose service is known: is it still ours, and does it run, rest or go as it should?"""

from __future__ import annotations

from dataclasses import replace

from handlers import brake, naming, rollouts, steps
from handlers.ledger import LedgerRow
from handlers.stacks import bring, byhand, down, drift, hosts, plans, purge, rest
from handlers.stacks.desired import KEPT, Desired, Refused, Waiting, Want, Wish
from handlers.stacks.facts import StackFacts
from handlers.stacks.unborn import refusal
from handlers.status import Health, Status, parse, stamp
from listener import contract
from listener.probe import verdict


def decide(facts: StackFacts, want: Want, wanted: Wish) -> contract.Plan:
    """The plan for a stack whose ledger knows a service."""
    astray = _astray(facts) or _moved(facts)
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


def _moved(facts: StackFacts) -> contract.Plan | None:
    """It was moved to another server in Coolify: that is where it is from now on."""
    row, entry = facts.ledger, facts.entry
    if row is None or entry is None or not facts.is_fresh or entry.server_uuid in ("", row.server_uuid):
        return None
    where = {"server_uuid": entry.server_uuid}
    told = steps.Entry("service.move", "done", "moved to another server in Coolify", where)
    return plans.plan(facts, "moved", (steps.Record(ledger=where, entry=told),), {}, again=0.0)


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
    row = facts.ledger
    shown = drift.told(row.made if row else {}, shown)
    noted = (one for one in made.steps if isinstance(one, steps.Record) and (one.ledger or one.entry))
    acts = tuple(replace(one, show={}) for one in noted)
    return plans.plan(facts, "held_back", acts, shown, again=0.0 if acts else facts.site.waits.resync)


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
        return _started(facts, want, shown) if row.start_open else _stays(facts, want, "running", shown)
    ends = bring.start_ends(facts, want.deadline)
    if row.start_open and facts.clock < ends:
        shown = plans.shown(facts, Status.DEPLOYING, "starting", health=Health.STARTING)
        again = min(waits.poll_busy, plans.until(facts, ends))
        return plans.settled(facts, "starting", shown, again=again)
    if state == "exited" or (state == "starting" and row.start_open):
        return down.decide(facts, want, text)
    if state == "starting":
        return _starting(facts, want, text)
    return _unwell(facts, want, text)


def _unwell(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """It runs, and its health check fails, though its deadline passed."""
    row = facts.ledger
    assert row is not None
    staff = (
        f"UNHEALTHY · Coolify shows {text} · a container's health check fails · "
        f"read its logs in Coolify{down.known(facts)}"
    )
    shown = plans.shown(facts, Status.RUNNING, "unhealthy", health=Health.UNHEALTHY, staff=staff)
    if row.start_open:
        return _started(facts, want, shown, rollouts.FAILED, reason="started_unwell")
    return _stays(facts, want, "unhealthy", shown)


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
    facts: StackFacts, want: Desired, shown: dict[str, object], rollout: str = "", *, reason: str = "started"
) -> contract.Plan:
    """The start has ended: seen running, or running badly when its deadline passed."""
    row = facts.ledger
    assert row is not None
    entry = steps.Entry("stack.start", "done", str(shown["message"]))
    turn = {"rollout": rollout} if row.made.get("rollout") else {}
    found = drift.learned(facts, want, byhand.running(row.made) | turn)
    acts = [steps.Record(ledger={"start_open": False} | dict(found.ledger), entry=entry)]
    acts += [steps.Record(entry=found.entry)] if found.entry else []
    shown = drift.told(found.ledger.get("applied_spec", row.made), {**shown, "last_deploy": stamp(facts.now)})
    return plans.plan(facts, reason, tuple(acts), shown)


def _stays(facts: StackFacts, want: Desired, reason: str, shown: dict[str, object]) -> contract.Plan:
    """It runs, and nothing of ours is open: whoever brought it up, nothing is held against it any more."""
    row = facts.ledger
    assert row is not None
    found = drift.learned(facts, want, byhand.running(row.made))
    shown = drift.told(found.ledger.get("applied_spec", row.made), shown)
    if not found.ledger:
        return plans.settled(facts, reason, shown)
    act = steps.Record(ledger=found.ledger, entry=found.entry)
    return plans.plan(facts, reason, (act,), shown, again=0.0)


def _starting(facts: StackFacts, want: Desired, text: str) -> contract.Plan:
    """Our start did not come to an end in time, or somebody starts it in Coolify."""
    waits = facts.site.waits
    if facts.clock < bring.start_begun(facts) + waits.slow_retry:
        return down.decide(facts, want, text)
    shown = plans.shown(facts, Status.DEPLOYING, "starting", health=Health.STARTING)
    return plans.settled(facts, "starting", shown, again=waits.poll)
