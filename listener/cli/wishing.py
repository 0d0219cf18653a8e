"""`cloudfreedom suspend`, `resume`, `restart`, `delete`, `hold`: the record says what is wanted, no more.

For one stack, or for all of a tenant's. What does harm is asked for first, with how far it reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handlers import records, status
from listener import errors
from listener.cli import configured, consent, listing, reach, rows, show
from listener.cli import wait as waiting
from listener.cli.exits import Exit
from listener.cli.wishes import Wish
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write

QUESTIONS = {
    "suspend": "Suspend {what}? What runs is stopped, the data is kept",
    "restart": "Restart {what}? Each is away for a moment",
    "hold": "Put {what} on hold? What runs is stopped, and its tenant cannot resume it",
}
"""Verb -> what is asked before it; a verb without a question does no harm, `delete` wants the name typed."""
DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person typed."""

    verb: str
    wish: Callable[[rows.Stack], Wish]
    stack: str = ""
    tenant: str = ""
    """Instead of a stack: the slug of the tenant all of whose stacks are meant."""
    yes: bool = False
    wait: bool = False
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Voice:
    """How a person answers."""

    confirm: Callable[[str], bool]
    prompt: Callable[[str], str]


async def ask(order: Order, voice: Voice) -> Exit:
    """The records say what is wanted; with `wait`, they also show that it is so."""
    async with reach.database(configured.load(configured.Database)) as known:
        if order.tenant and order.verb == "unhold":
            await _free(known, order.tenant)
        meant = await _meant(known, order)
        if not meant:
            show.line(f"Tenant {order.tenant} has no stack for which that means anything.")
            return Exit.DONE
        changed = [stack for stack, wish in meant if wish.fields]
        if changed and not await _agreed(known, order, changed, voice):
            return Exit.FAILED
        if order.wait and (vain := [(stack, wish) for stack, wish in meant if wish.vain]):
            raise _in_vain(*vain[0])
        for stack, wish in meant:
            await _write(known, stack, wish, wait=order.wait)
        if not order.wait:
            return Exit.DONE
        ends = [await _attached(known, stack, wish, order.seconds) for stack, wish in meant]
        return max(ends, default=Exit.DONE)


async def _free(known: PocketBase, slug: str) -> None:
    """The tenant's own hold, which an emergency stop puts there, is ended."""
    tenant = await known.page_first(records.TENANTS, f"slug={quoted(slug)}")
    if tenant is not None and tenant["hold"]:
        await reach.writer(known).commit([Write("PATCH", records.TENANTS, str(tenant["id"]), {"hold": ""})])
        show.line(f"tenant {slug} is on hold no more.")


async def _meant(known: PocketBase, order: Order) -> Sequence[tuple[rows.Stack, Wish]]:
    """Each stack with what the verb means for it; of a tenant's, not those that refuse it."""
    if not order.tenant:
        stack = await rows.pick(known, order.stack)
        return [(stack, order.wish(stack))]
    found = await rows.stacks(known, tenant=order.tenant)
    if not found and await known.page_first("tenants", f"slug={quoted(order.tenant)}") is None:
        raise listing.unknown_tenant(order.tenant)
    meant = []
    for stack in found:
        if stack.desired_state == "deleted":
            continue
        try:
            meant.append((stack, order.wish(stack)))
        except errors.Terminal as error:
            show.line(f"! {error.what}")
    return meant


async def _agreed(known: PocketBase, order: Order, changed: Sequence[rows.Stack], voice: Voice) -> bool:
    """How far it reaches was told, and a person said yes."""
    if order.verb != DELETE and order.verb not in QUESTIONS:
        return True
    name = f"tenant {order.tenant}" if order.tenant else changed[0].name
    running = sum(stack.status == status.Status.RUNNING for stack in changed)
    many = f"{len(changed)} stack{'' if len(changed) == 1 else 's'} of {name}, {running} running"
    what = many if order.tenant else f"{name} ({changed[0].template}, {changed[0].status or 'nothing yet'})"
    if order.tenant:
        show.columns([listing.cells(stack) for stack in changed])
    if order.verb == DELETE:
        show.line(f"Deleting stops {what}. {await _kept(known, changed[0])}")
    if order.yes:
        return True
    consent.must_be_possible(f"nothing was {PAST[order.verb]}")
    if order.verb == DELETE:
        wanted = order.tenant or name
        is_agreed = (
            voice.prompt(f"Type {wanted} to delete {'them' if order.tenant else 'it'}").strip() == wanted
        )
    else:
        is_agreed = voice.confirm(QUESTIONS[order.verb].format(what=what))
    if not is_agreed:
        consent.refused()
    return is_agreed


PAST = {"suspend": "suspended", "restart": "restarted", "hold": "put on hold", DELETE: "deleted"}
"""Verb -> what was not done without a yes."""


async def _write(known: PocketBase, stack: rows.Stack, wish: Wish, *, wait: bool) -> None:
    if wish.fields:
        # A reconcile that is consumed proves that what the record shows came after this write.
        seen = {"action": "reconcile"} if wait and not stack.action else {}
        await reach.patch(known, stack.id, **{**seen, **wish.fields})
    show.line(f"{stack.name} {wish.told}")


async def _attached(known: PocketBase, stack: rows.Stack, wish: Wish, seconds: float) -> Exit:
    running = wish.ends is status.Status.RUNNING
    return await waiting.attached(known, stack.id, seconds=seconds, running=running, until=(wish.ends,))


def _in_vain(stack: rows.Stack, wish: Wish) -> errors.Refusal:
    return errors.Refusal(
        "STACK_WOULD_REST",
        f"{stack.name} would not run, so waiting for it would be in vain.",
        why=wish.vain,
        fix="change that first, or run this without --wait",
    )


async def _kept(known: PocketBase, stack: rows.Stack) -> str:
    """What the person must know of the data before a deletion."""
    row = await known.get("plan_tiers", stack.tier) if stack.tier else None
    days = (records.tier(row).retention_days if row else 0) or records.RETENTION_DAYS
    until = datetime.now(UTC) + timedelta(days=days)
    return f"The data is kept for {days} days, until about {until:%Y-%m-%d %H:%M} UTC, then removed for good."
