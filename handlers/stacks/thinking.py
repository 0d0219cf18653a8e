"""Facts, what is desired, and the plan; more is read where the plan cannot do without."""

from __future__ import annotations

from dataclasses import replace

from handlers import placement
from handlers.books import Books
from handlers.eyes import Eyes
from handlers.stacks import autopsy, foreign, observe, plans
from handlers.stacks.decide import decide
from handlers.stacks.desired import Refused, Want, desired
from handlers.stacks.facts import StackFacts
from listener import contract
from listener.compose.catalog import Catalog

TAKES = ("create", "apply", "restart", "start_again")
"""Reasons of plans that use room on a server."""

Thought = tuple[StackFacts, Want, contract.Plan]


async def think(eyes: Eyes, catalog: Catalog, books: Books, facts: StackFacts) -> Thought:
    """The plan. Room that it uses is booked when this returns, without a wait since it was found free."""
    facts, want = _judged(books, catalog, facts)
    facts, plan = await _with_more(eyes, facts, want, decide(facts, want))
    now, is_same = _judged(books, catalog, facts), True
    if now[0].verdict != facts.verdict:
        facts, want = now
        plan, is_same = decide(facts, want), False
    if plan.reason == plans.NEEDS_LOOK:
        plan = contract.Plan(key=facts.key, reason="unproven", again=0.0 if not is_same else _two_looks(eyes))
    takes = plan.reason in TAKES and bool(plan.steps)
    has_room = facts.verdict is None or isinstance(facts.verdict, placement.Placed)
    books.settle(facts.id, facts.verdict, takes=takes, unfit=has_room and isinstance(want, Refused))
    return facts, want, plan


def _judged(books: Books, catalog: Catalog, facts: StackFacts) -> tuple[StackFacts, Want]:
    facts = replace(facts, verdict=books.verdict(facts.id))
    return facts, desired(facts, catalog)


def _two_looks(eyes: Eyes) -> float:
    return eyes.site.waits.two_looks


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
    if plan.reason == "foreign_born":
        facts = await foreign.read(eyes, facts)
        plan = decide(facts, want)
    return facts, plan
