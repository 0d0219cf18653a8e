"""`cloudfreedom deploy`: writes tenant and stack records, then waits beside the listener."""

from __future__ import annotations

from handlers.stacks.decide import summary
from handlers.stacks.desired import Refused, Want, Wish, wish
from handlers.stacks.facts import StackFacts
from listener import contract, errors, sight
from listener.cli import draft as drafts
from listener.cli import envfile, foresee, idle, show, wait
from listener.cli.exits import Exit


async def deploy(order: drafts.Order, *, only_plan: bool, attached: bool, seconds: float) -> Exit:
    """The stack is written, and (`attached`) runs; or (`only_plan`) nothing is written.

    The daemon's own code judges the records before they are written; what it refuses is not written.
    """
    variables = envfile.read(order.env_file) if order.env_file else None
    async with idle.ready() as here:
        draft = await drafts.draft(here.database, order, variables)
        facts, want, plan = await judged(here, draft)
        if only_plan:
            _preview(here, draft, facts, want, plan)
            return Exit.DONE
        if attached:
            must_run(here, facts, plan)
        if here.is_untouched:
            await sight.accept(here.app.writer)
        here.database.rows.clear()
        await here.app.writer.commit(draft.writes)
        _tell(draft)
        if not attached:
            return Exit.DONE
        return await wait.attached(here.database, draft.stack["id"], seconds=seconds, running=True)


async def judged(here: idle.Idle, draft: drafts.Draft) -> tuple[StackFacts, Want, contract.Plan]:
    """Facts, what is desired and the plan, as if the records were written; raises what refuses them."""
    here.database.rows |= {row["id"]: row for row in (draft.stack, draft.tenant)}
    facts, want, plan = await here.explain(draft.stack["id"])
    if isinstance(want, Refused):
        parts = [*want.staff.split(" · "), "", "", ""]
        raise errors.Refusal(want.code, want.message, why=parts[2], fix=parts[3])
    if plan.blocked:
        fix = f"`cloudfreedom plan {draft.stack['id']}` says more"
        raise errors.Refusal(plan.blocked.upper(), plan.message, fix=fix)
    return facts, want, plan


def must_run(here: idle.Idle, facts: StackFacts, plan: contract.Plan) -> None:
    """Raises when waiting for the stack to run would be in vain."""
    if here.app.eyes.is_first_contact:
        raise errors.Refusal(
            "FIRST_CONTACT",
            "The listener does nothing yet: there are stacks here that it did not make.",
            why="nobody has accepted that it acts on this PocketBase's records",
            fix="see `cloudfreedom plan --first-contact`, then `cloudfreedom accept`",
        )
    if wish(facts) is not Wish.RUNNING:
        raise errors.Refusal(
            "STACK_WOULD_REST",
            f"The stack would not run. {plan.message}",
            why="tenant or stack are pending, suspended or on hold",
            fix="change that first, or write the stack all the same with --no-wait",
        )


def _preview(
    here: idle.Idle, draft: drafts.Draft, facts: StackFacts, want: Want, plan: contract.Plan
) -> None:
    catalog = here.app.catalog
    if draft.makes_tenant:
        show.line(f"+ tenant {draft.tenant['slug']}: create ({draft.tier})")
    symbol, word = ("+", "create") if draft.is_new else ("~", "update")
    in_the_end = foresee.with_secrets(facts, want, catalog)[1]
    show.line(f"{symbol} {draft.name}: {word} ({summary(facts, in_the_end)})")
    for text in foresee.lines(facts, foresee.course(facts, want, plan, catalog)):
        print(f"    {show.clean(text)}")
    print("Nothing was written.")


def _tell(draft: drafts.Draft) -> None:
    if draft.makes_tenant:
        show.line(f"Tenant {draft.tenant['slug']} written ({draft.tier}).")
        print("  Nobody but staff sees it in the portal until its field `owners` names a user.")
    show.line(f"Stack {draft.name} {'written' if draft.is_new else 'updated'} as {draft.stack['id']}.")
