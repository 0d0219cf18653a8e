"""`cloudfreedom plan` and `accept`: observe and decide, as the daemon does, and print instead of acting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from handlers import absence, records, steps
from handlers.stacks import hosts
from handlers.stacks.decide import summary
from handlers.stacks.desired import Desired, Want, Wish, wish
from handlers.stacks.facts import StackFacts
from handlers.tenants.decide import FOREIGN
from listener import contract, sight
from listener.cli import capacity, consent, foresee, idle, reach, restored, rows, show, what_if
from listener.cli.exits import Exit
from listener.compose.catalog import Catalog

ALWAYS = ("to create", "to update", "to delete", "blocked")
"""What the closing line counts in any case."""
SOMETIMES = ("to stop", "to adopt", "in progress")
"""What it counts when there is some."""
SYMBOLS = dict(zip((*ALWAYS, *SOMETIMES), "+~-!-=·", strict=True))
VERBS = {
    "apply": "apply the change",
    "save": "save the change, start nothing",
    "restart": "restart",
    "start_again": "start again",
    "renamed": "put its name in Coolify back",
    "action_done": "carry out its action",
    "action_refused": "clear its action, which is not available",
}
"""Reason of a plan -> what an update does; any other only shows on the record what is so already."""
KINDS = {
    foresee.PROJECT: "to create",
    foresee.CREATE: "to create",
    "adopted": "to adopt",
    "stop": "to stop",
}
"""Reason of a plan with steps -> what it is; any other is an update."""
RETAINED = "retained"
"""Reason of a plan, and stage: a deleted stack's data is kept, and nothing is due until that ends."""
ABSENT = "absence_unproven"
UNSURE = (ABSENT, "unproven", "strange")
"""Reasons of plans that wait for a second look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What would happen to one stack; `kind` is a word of `SYMBOLS`, or empty when it matches."""

    name: str
    kind: str
    text: str
    lines: tuple[str, ...]
    restarts: bool = False
    """It would be restarted, now or when it is its turn."""


def plan(
    *, stack: str, detailed: bool, first_contact: bool, changes: Sequence[str] = (), as_json: bool = False
) -> Exit:
    """What the listener would do now, or if `changes` were saved; nothing is written anywhere."""
    wanted = [what_if.read(text) for text in changes]
    found, is_held, waiting = reach.run(partial(_plan, stack, first_contact, wanted))
    code = Exit.USAGE if detailed and any(one.kind for one in found) else Exit.DONE
    if as_json:
        show.as_json({"held": is_held, "stacks": [asdict(one) for one in found]})
        return code
    tell(found)
    if wanted:
        _tell_what_if(found, waiting)
    if is_held:
        show.line("First contact: none of this is done until `cloudfreedom accept`.")
    return code


def accept(*, yes: bool, confirm: Callable[[str], bool]) -> Exit:
    """Says for good that the listener may act on the records, after showing what that sets going."""
    return reach.run(partial(_accept, yes, confirm))


def tell(found: list[Finding]) -> None:
    """One line a stack that does not match, its steps below, and the count."""
    for one in found:
        if one.kind:
            show.line(f"{SYMBOLS[one.kind]} {one.name}: {one.text}")
            for text in one.lines:
                print(f"    {show.clean(text)}")
    if not any(one.kind for one in found):
        count = f"{len(found)} stack{' matches' if len(found) == 1 else 's match'}"
        show.line(f"No changes. {count if found else 'There are no stacks'}.")
        return
    counts = {kind: sum(one.kind == kind for one in found) for kind in SYMBOLS}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count or kind in ALWAYS]
    show.line(f"Plan: {', '.join(parts)}.")


def _tell_what_if(found: list[Finding], waiting: list[capacity.Waiter]) -> None:
    """What saving would set going, in numbers, and the line for room."""
    restarts = sum(one.restarts for one in found)
    refused = sum(one.kind == "blocked" for one in found)
    show.line(f"If saved: {restarts} restarted, one of a tenant at a time; {refused} refused or blocked.")
    capacity.tell_waiting(waiting)


async def _plan(
    stack: str, first_contact: bool, changes: list[what_if.Change]
) -> tuple[list[Finding], bool, list[capacity.Waiter]]:
    changed = {
        "plan_tiers": partial(what_if.tiers, changes=changes),
        "servers": partial(what_if.servers, changes=changes),
    }
    async with idle.ready(changed if changes else None) as here:
        chosen = (await rows.pick(here.database, stack)).id if stack else ""
        found = await findings(here, chosen=chosen, first_contact=first_contact)
        names = {one.id: one.name for one in await rows.stacks(here.database)}
        return found, here.app.eyes.is_first_contact, capacity.waiters(here.app.stacks.books, names)


async def _accept(yes: bool, confirm: Callable[[str], bool]) -> Exit:
    async with idle.ready() as here:
        found = await findings(here, chosen="", first_contact=True)
        await _tell_restored(here)
        await _tell_missing(here)
        if found:
            tell(found)
            foreign = sum(one.kind == "blocked" for one in found)
            count = f"{len(found)} stack{' is' if len(found) == 1 else 's are'}"
            print(f"{count} not in the listener's ledger; {foreign} of them stay blocked.")
        else:
            print("The listener's ledger knows every stack.")
        print("Accepting lets a running listener do what `cloudfreedom plan` shows, from now on.")
        if here.accepted_at:
            print(f"This was accepted before, at {here.accepted_at}.")
        if not yes:
            consent.must_be_possible("nothing was accepted")
            if not confirm("Accept?"):
                consent.refused()
                return Exit.FAILED
        await sight.accept(here.app.writer)
    print("Accepted.")
    return Exit.DONE


async def _tell_restored(here: idle.Idle) -> None:
    """What was put back to an earlier day, if something looks so, and what follows from accepting it."""
    report = await restored.examined(here)
    if not report.signs:
        return
    for text in report.lines():
        show.line(f"! {text}")
    print(
        "Until this is accepted nothing is done. Once it is: stacks whose service is gone are blocked until"
    )
    print("`cloudfreedom recreate`; services without a record are orphans, stopped after a day, data kept;")
    print("everything else is brought to what the records ask for, as they are now.")


async def _tell_missing(here: idle.Idle) -> None:
    """Stacks whose records are not there, if they are more than a sweep believes by itself."""
    live = [row for row in here.app.eyes.ledger.rows(records.STACKS) if row.stage == "" and not row.orphan]
    there = {row["id"] for row in await here.database.list(records.STACKS, fields="id")}
    missing = frozenset(row.id for row in live) - there
    judged = absence.judge(
        expected=frozenset(row.id for row in live), returned=frozenset(there), viewed=frozenset(),
        heard=frozenset(), since={}, now=0.0, apart=0.0,
    )  # fmt: skip
    if judged.is_mass:
        names = sorted(str(row.made.get("stack_name") or row.id) for row in live if row.id in missing)
        show.line(f"! {len(missing)} of {len(live)} stacks have no record any more: {', '.join(names[:20])}")
        print(
            "If a rule hides them, mend that. If they were deleted, accepting lets them be stopped in turn;"
        )
        print("their data is kept, and `cloudfreedom undelete` brings them back.")


async def findings(here: idle.Idle, *, chosen: str, first_contact: bool) -> list[Finding]:
    """One finding a stack, by name: `chosen`, or all; with `first_contact` those the ledger does not know."""
    ledger = here.app.eyes.ledger
    known = {one.id: one for one in await rows.stacks(here.database)}
    remembered = [row.id for row in ledger.rows(records.STACKS) if row.stage != "closed"]
    ids = [chosen] if chosen else list(dict.fromkeys([*known, *remembered]))
    if first_contact:
        ids = [record_id for record_id in ids if ledger.get(record_id) is None]
    found = []
    for record_id in ids:
        name = known[record_id].name if record_id in known else f"(record {record_id} is gone)"
        facts, want, made = await here.explain(record_id)
        if made.reason == foresee.PROJECT and await _is_held(here, facts):
            facts, want, made = await here.explain(record_id)
        found.append(finding(name, facts, want, made, catalog=here.app.catalog))
    return found


async def _is_held(here: idle.Idle, facts: StackFacts) -> bool:
    """The tenant's project waits for a person's word, as its handler would find if the stack asked for it."""
    if facts.tenant is None or facts.is_project_held:
        return False
    memory = here.app.eyes.memory
    memory.project_wishes.add(facts.tenant.id)
    made = await here.app.tenants.plan(contract.Key(records.TENANTS, facts.tenant.id))
    if made.blocked == FOREIGN:
        memory.project_holds.add(facts.tenant.id)
    return facts.tenant.id in memory.project_holds


def finding(name: str, facts: StackFacts, want: Want, made: contract.Plan, *, catalog: Catalog) -> Finding:
    """A plan as it is printed, with what follows from it."""
    plans = foresee.course(facts, want, made, catalog)
    is_prelude = made.reason in (foresee.ACTION, foresee.SECRETS)
    main = plans[1] if is_prelude and plans[1:] and plans[1].steps else made
    kind = _kind(facts, main)
    lines = foresee.lines(facts, plans)
    want = foresee.with_secrets(facts, want, catalog)[1]
    if isinstance(want, Desired) and want.awaited is not None and kind != "blocked":
        missing = hosts.told(facts, want.awaited)
        lines, kind = (*lines, f"domain {want.awaited.host} waits: {missing}"), kind or "in progress"
        main = main if made.steps or made.again is not None else replace(main, message="domain not proven")
    match kind:
        case "":
            text = ""
        case "blocked":
            text, lines = main.message or main.blocked, _reason(facts, main)
        case "in progress":
            text = main.message or main.reason.replace("_", " ")
        case "to update":
            text = f"{VERBS.get(main.reason, 'show on the record what is so')} ({summary(facts, want)})"
        case _:
            text = f"{kind.removeprefix('to ')} ({summary(facts, want)})"
    restarts = main.reason in ("apply", "restart") or bool(facts.turn and main.reason == "held_back")
    return Finding(name, kind, text, lines, restarts=restarts)


def _kind(facts: StackFacts, made: contract.Plan) -> str:
    if made.blocked or (made.reason == foresee.PROJECT and facts.is_project_held):
        return "blocked"
    if not made.steps and _rests(facts, made):
        return ""
    if not made.steps:
        return "in progress" if made.again is not None or made.reason in UNSURE else ""
    if wish(facts) is Wish.DELETED and any(map(_matters, made.steps)):
        return "to delete"
    return KINDS.get(made.reason, "to update")


def _rests(facts: StackFacts, made: contract.Plan) -> bool:
    """Deleted and kept; an absence that was believed and acted upon needs no proof anew to rest."""
    is_kept = facts.ledger is not None and facts.ledger.stage == RETAINED
    return made.reason == RETAINED or (made.reason == ABSENT and is_kept)


def _matters(step: contract.Step) -> bool:
    """The step does more than to show something on the record."""
    return not isinstance(step, steps.Record) or bool(step.ledger)


def _reason(facts: StackFacts, made: contract.Plan) -> tuple[str, ...]:
    """What staff reads about a blocked stack: shown now, or on the record already."""
    shown = dict(facts.record.display) if facts.record else {}
    for step in made.steps:
        if isinstance(step, steps.Record):
            shown |= step.show
    return (str(shown["error_message"]),) if shown.get("error_message") else ()
