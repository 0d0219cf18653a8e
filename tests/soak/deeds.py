"""What is done during a soak, as a literal registry of deeds with weights. A new deed is one more line.

A deed is given the place and dice of its own; it may find nothing to do. It may raise when a side is down:
whoever did it gave up, and that is counted.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.soak import backup, hands, saves, upsets
from tests.soak.place import Place

Deed = Callable[[Place, random.Random], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """One line of the registry. `most` is how often it is in a plan, 0 = as often as its weight brings."""

    name: str
    weight: float
    do: Deed
    most: int = 0


DEEDS: tuple[Kind, ...] = (
    # people write records
    Kind("edit config", 12.0, saves.edit_config),
    Kind("new token", 2.0, saves.new_token),
    Kind("edit domain", 4.0, saves.edit_domain),
    Kind("suspend", 6.0, saves.suspend),
    Kind("resume", 8.0, saves.resume),
    Kind("there and back", 2.0, saves.there_and_back),
    Kind("restart", 3.0, saves.restart),
    Kind("hold", 1.0, saves.hold),
    Kind("unhold", 2.0, saves.unhold),
    Kind("new stack", 3.0, saves.new_stack),
    Kind("stale form", 3.0, saves.stale_form),
    Kind("suspend tenant", 0.7, saves.suspend_tenant),
    Kind("activate tenant", 1.4, saves.activate_tenant),
    Kind("change tier", 0.7, saves.change_tier),
    # deletion, and the ways back
    Kind("delete softly", 2.0, saves.delete_softly),
    Kind("delete hard", 0.7, saves.delete_hard),
    Kind("undelete", 1.5, saves.undelete),
    Kind("undelete a gone record", 1.0, saves.undelete_hard),
    Kind("stop at once", 0.7, saves.stop_at_once),
    Kind("approve what waits", 2.0, saves.approve_what_waits),
    Kind("purge", 0.3, saves.purge, most=3),
    # people in Coolify's own pages
    Kind("stop by hand", 2.0, hands.stop),
    Kind("start by hand", 2.0, hands.start),
    Kind("container dies", 1.0, hands.die),
    # both sides and the network
    Kind("coolify fault", 4.0, upsets.coolify),
    Kind("job fault", 1.0, upsets.jobs),
    Kind("pocketbase fault", 4.0, upsets.pocketbase),
    Kind("dead tokens", 0.5, upsets.dead_tokens),
    # what runs ends
    Kind("kill the leader", 1.2, upsets.kill_leader),
    Kind("kill the standby", 0.4, upsets.kill_standby),
    Kind("kill both", 0.3, upsets.kill_both),
    Kind("freeze the leader", 0.6, upsets.freeze_leader),
    Kind("restart pocketbase", 0.5, upsets.restart_pocketbase),
    Kind("kill pocketbase", 0.3, upsets.kill_pocketbase),
    Kind("restart coolify", 0.7, upsets.restart_coolify),
    Kind("restore pocketbase", 0.3, backup.restore, most=3),
)


@dataclass(frozen=True)
class Planned:
    """One deed of a plan: when, what, and the seed of its dice."""

    at: float
    kind: Kind
    seed: int


def plan(seed: int, seconds: float, *, a_second: float) -> Sequence[Planned]:
    """The same for the same numbers; each kind is met once in a plan that is long enough."""
    dice = random.Random(seed)
    count = int(seconds * a_second)
    kinds = dice.choices(DEEDS, weights=[kind.weight for kind in DEEDS], k=count)
    kinds[: len(DEEDS)] = dice.sample(DEEDS, min(len(DEEDS), count))
    dice.shuffle(kinds)
    left = {kind.name: kind.most or count for kind in DEEDS}
    made = []
    for number, kind in enumerate(kinds):
        left[kind.name] -= 1
        if left[kind.name] >= 0:
            made.append(Planned(number / a_second, kind, dice.getrandbits(32)))
    return made
