"""One loop over a plan: each step is allowed, run, and counted as an effect when it was one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from handlers import memory, steps
from listener import contract


async def apply(
    plan: contract.Plan,
    *,
    hands: steps.Hands,
    remembered: memory.Memory,
    allowed: Callable[[], None],
) -> contract.Outcome:
    """Every step is done, or the error of the first that failed is raised; both leave a plan that converges.

    `allowed` raises `LeaseLost` when nothing may begin any more: it is asked before every step.
    """
    record_id = plan.key.id
    for step in plan.steps:
        act = cast(steps.Act, step)
        allowed()
        try:
            await act.run(hands)
        finally:
            if act.effect:
                remembered.effect(record_id)
            _note(act, remembered.of(record_id), remembered.clock())
    if plan.again is not None:
        return contract.Again(plan.again, plan.wakes)
    return contract.Blocked(plan.blocked, plan.wakes) if plan.blocked else contract.Settled(plan.wakes)


def _note(act: steps.Act, seen: memory.Sighting, now: float) -> None:
    """What is remembered of a start or stop, whether it was answered or not."""
    match act:
        case steps.Stop():
            seen.stop_at = now
            seen.stop_since = now if seen.stop_since is None else seen.stop_since
        case steps.Restart():
            seen.start_at = now
            seen.stop_since = None
            seen.is_restart_seen = not act.was_running
        case _:
            pass
