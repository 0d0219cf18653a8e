"""What a stack's ledger row remembers of hands in Coolify: restored once a day, stopped again each time.

Kept among the names of `applied_spec`, so it survives a restart. Times of day, in ISO; that is enough for a
day. A person's own decision (an edit, an action, a suspension) forgets what was counted before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handlers import steps
from handlers.ledger import LedgerRow
from handlers.stacks.facts import StackFacts
from handlers.status import parse

DAY = timedelta(hours=24)
OFTEN = 3
"""Starts by hand within a day after which staff is told."""
START_FAILED = "start_failed"
"""Our last start was not seen running by its deadline: it is tried again slowly, without end."""
STOPPED_AGAIN = "stopped_again"
"""It stopped again within a day of its restoration: a person decides."""
RESTORED = "restored"
"""When it was last started again because somebody, or something, had stopped it."""
REASSERTED = "reasserted"
"""When it was last told to stop again because it had been started: the last three times."""
TOLD = "stack.started_by_hand"
"""Of the audit's line, and of the log's."""

Made = Mapping[str, Any]


def decided(made: Made) -> dict[str, Any]:
    """What remains when a person has decided: nothing is held against the stack."""
    return without(made, START_FAILED, STOPPED_AGAIN, RESTORED)


def running(made: Made) -> dict[str, Any]:
    """What remains when it was seen running, by whomever it was started; a restoration still counts."""
    return without(made, START_FAILED, STOPPED_AGAIN)


def without(made: Made, *names: str) -> dict[str, Any]:
    """The same without these."""
    return {name: value for name, value in made.items() if name not in names}


def lifted(row: LedgerRow) -> dict[str, Any]:
    """What `retry` changes: no block, and one more restoration."""
    freed = decided(row.made)
    return {"blocked": ""} | ({"applied_spec": freed} if freed != row.made else {})


def was_up(row: LedgerRow) -> bool:
    """Nothing of ours is open, and its last start did not fail."""
    return not (row.start_open or row.stage or row.made.get(START_FAILED))


def is_restored(facts: StackFacts) -> str:
    """When it was restored within the last day, for people; "" when it was not."""
    at = str((facts.ledger.made if facts.ledger else {}).get(RESTORED) or "")
    if not at or facts.now - datetime.fromisoformat(at) >= DAY:
        return ""
    return facts.site.voice.at(datetime.fromisoformat(at))


def is_started_again(facts: StackFacts) -> bool:
    """It runs although we saw it stopped, and no start of ours can be the cause."""
    row = facts.ledger
    if row is None or row.start_open or facts.entry is None or parse(facts.entry.status)[0] == "exited":
        return False
    seen_down = facts.stop_since is None and facts.stop_at > float("-inf")
    return row.stage in ("stopped", "retained") or (row.stage == "stopping" and seen_down)


def counted(facts: StackFacts) -> list[str]:
    """The last three re-assertions, with the one that is due now."""
    row = facts.ledger
    before = list(row.made.get(REASSERTED) or ()) if row else []
    return [*before, facts.now.isoformat()][-OFTEN:]


def alarm(facts: StackFacts, times: list[str] | None = None) -> str:
    """What staff reads when it was started often within a day; "" when it was not."""
    known = (facts.ledger.made if facts.ledger else {}).get(REASSERTED) or ()
    moments = [datetime.fromisoformat(at) for at in (known if times is None else times)]
    if len(moments) < OFTEN or facts.now - moments[0] >= DAY:
        return ""
    first, last = facts.site.voice.at(moments[0]), facts.site.voice.at(moments[-1])
    return (
        f"STARTED_BY_HAND · started {OFTEN} times from {first} to {last} although it shall not run, and "
        "stopped each time · someone, or an automation of Coolify, starts it · find out who in Coolify "
        "(team, scheduled tasks, API tokens, webhooks), or let it run: `cloudfreedom resume`"
    )


def alarm_ends(facts: StackFacts) -> float | None:
    """Seconds until the alarm is over; None without one."""
    if not alarm(facts) or facts.ledger is None:
        return None
    first = datetime.fromisoformat(facts.ledger.made[REASSERTED][0])
    return max((first + DAY - facts.now).total_seconds(), facts.site.waits.poll_busy)


def told(facts: StackFacts, times: list[str]) -> tuple[steps.Record, ...]:
    """The audit's line of an alarm that is due now."""
    if not alarm(facts, times):
        return ()
    return (steps.Record(entry=steps.Entry(TOLD, "failed", f"{OFTEN} times since {times[0]}")),)
