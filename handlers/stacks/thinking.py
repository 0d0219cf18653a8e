"""Facts, what is desired, and the plan; more is read where the plan cannot do without."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handlers import placement
from handlers.books import Books
from handlers.brake import Brake
from handlers.eyes import Eyes
from handlers.rollouts import Rollouts
from handlers.stacks import autopsy, bring, drift, foreign, last_copy, observe, plans, rest, standing
from handlers.stacks.decide import decide
from handlers.stacks.desired import Desired, Refused, Want, Wish, desired, wish
from handlers.stacks.facts import StackFacts
from listener import contract
from listener.compose.catalog import Catalog

TAKES = ("create", "apply", "restart", "start_again")
"""Reasons of plans that use room on a server."""

GOES = (rest.STOP_FOR_DELETION, "purge")
"""Reasons of plans that use the brake's room."""

Thought = tuple[StackFacts, Want, contract.Plan]


@dataclass(frozen=True, slots=True)
class Shared:
    """What stacks share, and so must take from in turn."""

    books: Books
    rollouts: Rollouts
    brake: Brake


async def think(eyes: Eyes, catalog: Catalog, shared: Shared, facts: StackFacts) -> Thought:
    """The plan. Room that it uses is booked when this returns, without a wait since it was found free."""
    facts = replace(_judged(shared, facts), lacks_copy=last_copy.is_lacking(facts, catalog))
    want, marked = desired(facts, catalog), facts.marked
    facts, plan = await _with_more(eyes, facts, want, decide(facts, want))
    now, again = _judged(shared, facts), eyes.site.waits.two_looks
    before = (facts.verdict, facts.turn, facts.is_braked, marked)
    if (now.verdict, now.turn, now.is_braked, now.marked) != before:
        facts, want = now, desired(now, catalog)
        plan, again = decide(facts, want), 0.0
    if plan.reason == plans.NEEDS_LOOK:
        plan = contract.Plan(key=facts.key, reason="unproven", again=again)
    takes = plan.reason in TAKES and bool(plan.steps)
    has_room = facts.verdict is None or isinstance(facts.verdict, placement.Placed)
    shared.books.settle(facts.id, facts.verdict, takes=takes, unfit=has_room and isinstance(want, Refused))
    if plan.reason in GOES and plan.steps:
        shared.brake.take(facts.id)
    is_rollout = (
        isinstance(want, Desired) and facts.ledger is not None and bring.is_rollout(facts.ledger, want)
    )
    shared.rollouts.settle(
        facts.id,
        facts.marker.tenant,
        takes=is_rollout and plan.reason == "apply",
        waits=is_rollout and bool(facts.turn),
    )
    return facts, want, plan


def is_in_force(facts: StackFacts, want: Want) -> bool:
    """What the record asks for is what Coolify was sent: its spec may be kept as that of the stack."""
    row = facts.ledger
    if facts.record is None or row is None or wish(facts) is Wish.DELETED:
        return False
    return isinstance(want, Desired) and row.applied_hash == want.hash


def _judged(shared: Shared, facts: StackFacts) -> StackFacts:
    turn = shared.rollouts.turn(facts.id, facts.marker.tenant)
    may_go = facts.record is None or facts.record.desired_state == "deleted"
    is_braked = may_go and shared.brake.holds(facts.id)
    return replace(facts, verdict=shared.books.verdict(facts.id), turn=turn, is_braked=is_braked)


async def _with_more(
    eyes: Eyes, facts: StackFacts, want: Want, plan: contract.Plan
) -> tuple[StackFacts, contract.Plan]:
    """The plan with what had to be read for it."""
    if plan.reason == "create" and facts.ledger is None:
        facts = await observe.renamed(eyes, facts)
        plan = decide(facts, want)
    if plan.reason == plans.NEEDS_LOOK:
        facts = await observe.look(eyes, facts)
        plan = decide(facts, want)
    if plan.reason in autopsy.WORTH and not facts.autopsy:
        facts = await autopsy.read(eyes, facts)
        plan = decide(facts, want)
    if drift.is_due(facts, plan.reason):
        facts = await standing.read(eyes, facts)
        plan = decide(facts, want)
        if facts.standing is None and plan.again is None:
            plan = replace(plan, again=eyes.site.waits.resync)
    if plan.reason == "foreign_born":
        facts = await foreign.read(eyes, facts)
        plan = decide(facts, want)
    return facts, plan
