"""What alerts are made from is read once for each state of a stack, and never older than that."""

from __future__ import annotations

import json
from collections.abc import Sequence

from handlers import records
from handlers.alerting.conditions import Shown
from handlers.alerting.showing import Stacks
from handlers.status import stamp
from tests.handlers.world import World

BASE = "base-llm"
"""Its volume is worth a copy."""
DAY = 86_400.0


def looked(world: World, stacks: Stacks) -> Sequence[Shown]:
    """Every stack, as the listener's alerts see it."""
    rows = [row for row in world.parts.eyes.ledger.rows(records.STACKS) if row.stage != "closed"]
    return stacks.shown(rows)


async def test_what_is_kept_of_a_stack_is_what_a_first_look_would_say(world: World) -> None:
    eyes, catalog = world.parts.eyes, world.place.catalog
    kept, seen = Stacks(eyes, catalog), list[Shown]()

    async def compared() -> None:
        """After all is settled; a second look at the same finds the same."""
        await world.settle()
        (one,), (again,), (fresh,) = (looked(world, stacks) for stacks in (kept, kept, Stacks(eyes, catalog)))
        assert one == again == fresh
        seen.append(one)

    stack = await world.running(BASE)
    await compared()
    said = {"state": "failed", "tried": stamp(eyes.now()), "error": "no room"}
    await world.edit(stack, last_backup_info=json.dumps(said))
    await compared()
    await world.edit(stack, last_backup=stamp(eyes.now()), last_backup_info=json.dumps({"state": "done"}))
    await compared()
    world.pass_time(2 * DAY)
    await compared()
    await world.edit(stack, desired_state="suspended")
    await compared()
    await world.edit(stack, desired_state="deleted")
    await compared()
    late, failed = "backup_overdue", "backup_failed"  # PocketBase's own clock made the record long ago
    assert [one.backup and one.backup[0] for one in seen] == [late, failed, None, late, late, None]
    assert [one.status for one in seen] == [*["running"] * 4, "suspended", "deleted"]
