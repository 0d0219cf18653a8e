"""Which events can meet a stack in which status: one that can and never does is a hole in the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from handlers.status import Status
from tests.machine.cast import EVENTS, GONE

Pair = tuple[str, str]
ALL = (*map(str, Status), GONE)
ABOUT_NOBODY = (
    "create", "lose_a_create", "find_an_old_service", "restore_description", "clone", "move", "rename",
    "edit_description", "work_by_hand", "delete_by_hand",
)  # fmt: skip
"""Events about no stack that is there, or about a service that not every stack has: which statuses they meet
follows from what has a service."""
PASSING = ("deploying", "deleting")
"""Statuses that last for seconds of the machine's time: which events meet them is left to chance."""
LASTING = tuple(status for status in ALL if status not in PASSING)
SERVED = ("running", "error", GONE)
"""Statuses in which a stack surely has a service."""
ON_RECORDS = (
    "edit_domain", "edit_config", "edit_badly", "edit_limits", "edit_name", "edit_tenant",
    "edit_there_and_back",
    "suspend", "resume", "delete_softly", "hold", "delete_hard", "hear_of_a_deletion", "act", "wipe_display",
    "forge_display", "save_a_stale_form", "make_unhealthy", "make_unstartable",
)  # fmt: skip
"""Events about a record: it is there."""


def events() -> list[str]:
    """The names of the machine's rules."""
    return sorted(EVENTS)


def demanded() -> Iterator[Pair]:
    """Every pair that can occur and lasts, so that a long run must have met it."""
    for event in events():
        if event == "undelete":
            yield GONE, event
        elif event in ON_RECORDS:
            yield from ((status, event) for status in LASTING if status != GONE)
        elif event in ABOUT_NOBODY:
            served = (
                ()
                if event in ("create", "lose_a_create", "find_an_old_service", "restore_description")
                else SERVED
            )
            yield from ((status, event) for status in served)
        else:
            yield from ((status, event) for status in LASTING)


def table(met: Counter[Pair]) -> str:
    """How often each event met each status, a line an event."""
    lines = [f"{'':24}" + "".join(f"{status[:9]:>10}" for status in ALL)]
    lines += [
        f"{event[:24]:24}" + "".join(f"{met[status, event]:10}" for status in ALL) for event in events()
    ]
    return "\n".join(lines)
