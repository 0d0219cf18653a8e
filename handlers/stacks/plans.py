"""The few shapes a stack's plan has, so that `decide` reads as a list of cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handlers import status, steps
from handlers.stacks.facts import StackFacts
from listener import contract

NEEDS_LOOK = "needs_look"
"""Reason of a plan that cannot go on before the service was read by uuid."""
SHORTEST_WAIT = 0.01
"""Seconds added to a wait for a point in time, so that the next look lies after it."""


def settled(
    facts: StackFacts, reason: str, show: Mapping[str, Any], *, again: float | None = None
) -> contract.Plan:
    """Nothing to do in Coolify; the record shows it."""
    return plan(facts, reason, (), show, again=again)


def blocked(
    facts: StackFacts, reason: str, show: Mapping[str, Any], *, again: float | None = None
) -> contract.Plan:
    """Nothing is touched until a person acts on the record, or elsewhere, which is looked for `again`."""
    return replace(plan(facts, reason, (), show, again=again), blocked=reason)


def waiting(facts: StackFacts, code: str, *, seconds: float, **values: str) -> contract.Plan:
    """Nothing yet; looked at again after `seconds` at the latest. The status stays as it is shown.

    So does an error's reason; one that is left over from before is taken away.
    """
    show = {"message": facts.say(code, **values)}
    if facts.record is not None and facts.record.display.get("status") != status.Status.ERROR:
        show["error_message"] = ""
    return plan(facts, code, (), show, again=seconds)


def until(facts: StackFacts, moment: float) -> float:
    """Seconds to just after a point on the listener's clock; of one that passed, to the next list."""
    left = moment - facts.clock
    return left + SHORTEST_WAIT if left > 0 else facts.site.waits.poll_busy


def needs_look(facts: StackFacts) -> contract.Plan:
    """The service must be read by uuid first: proof before effect, and absence needs two looks."""
    return contract.Plan(key=facts.key, reason=NEEDS_LOOK, again=0.0)


def plan(
    facts: StackFacts,
    reason: str,
    acts: tuple[steps.Act, ...],
    show: Mapping[str, Any],
    *,
    again: float | None = None,
    wakes: tuple[contract.Key, ...] = (),
) -> contract.Plan:
    """A plan that ends in showing what the record does not show yet."""
    if facts.record is not None:
        patch = status.difference(facts.record.display, restored(facts) | dict(show))
        acts = _showing(acts, patch) if patch else acts
    return contract.Plan(
        key=facts.key,
        steps=acts,
        reason=reason,
        message=str(show.get("message", "")),
        again=again,
        wakes=wakes,
    )


def _showing(acts: tuple[steps.Act, ...], patch: Mapping[str, Any]) -> tuple[steps.Act, ...]:
    """The steps, of which the last one shows it: in the batch of what is remembered last, if that is one."""
    match acts:
        case (*before, steps.Record(of=None, consume="") as last) if not last.revive:
            return (*before, replace(last, show={**last.show, **patch}))
        case _:
            return (*acts, steps.Record(show=patch))


def restored(facts: StackFacts) -> dict[str, Any]:
    """What the ledger knows and the record must show: a wiped or forged field comes back on the next pass."""
    row = facts.ledger
    if row is None:
        return {}
    return {
        "coolify_project_uuid": row.project_uuid or facts.project_uuid,
        "coolify_service_uuid": row.service_uuid,
        "coolify_server_uuid": row.server_uuid,
        "template_version": row.template_version,
    }


def shown(
    facts: StackFacts,
    word: status.Status,
    code: str,
    *,
    health: str | None = None,
    staff: str = "",
    **values: str,
) -> dict[str, Any]:
    """Status, message and error of a record; `health` is left as it is when None."""
    show = {"status": str(word), "message": facts.say(code, **values), "error_message": staff}
    return show if health is None else {**show, "health": str(health)}
