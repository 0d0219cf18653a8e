"""What people write into PocketBase."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anyio

from listener.sandbox import people
from tests.soak.place import STACKS, TIERS, Place

MOST_STACKS = 120
RETAINED = ("retained", "closed")
NOT_IN_FORMS = ("id", "created", "updated", "collectionId", "collectionName", "expand")
Row = dict[str, Any]


async def edit_config(place: Place, dice: random.Random) -> None:
    """Another model."""
    if row := await _one(place, dice, _is_live):
        variables = {**row["config"]["env_vars"], "MODEL": f"model-{dice.randrange(10_000)}"}
        await place.save(row["id"], config={"env_vars": variables})


async def new_token(place: Place, dice: random.Random) -> None:
    """All of a stack's secrets are others."""
    if row := await _one(place, dice, _is_live):
        variables = {**row["config"]["env_vars"], **place.variables(row["template"])}
        await place.save(row["id"], config={"env_vars": variables})


async def edit_domain(place: Place, dice: random.Random) -> None:
    """Another domain that nobody else has, or none."""
    if row := await _one(place, dice, lambda row: _is_live(row) and row["template"] != "telegram-bot"):
        name = f"{row['stack_name']}-{dice.randrange(1000)}.example.org"
        await place.save(row["id"], domain=dice.choice([name, name, ""]))


async def suspend(place: Place, dice: random.Random) -> None:
    """One that should run is to rest."""
    if row := await _one(place, dice, lambda row: row["desired_state"] == "running"):
        await place.save(row["id"], desired_state="suspended")


async def resume(place: Place, dice: random.Random) -> None:
    """One that rests is to run."""
    if row := await _one(place, dice, lambda row: row["desired_state"] == "suspended"):
        await place.save(row["id"], desired_state="running")


async def there_and_back(place: Place, dice: random.Random) -> None:
    """Suspended by mistake, and put right a moment later."""
    if row := await _one(place, dice, lambda row: row["desired_state"] == "running"):
        await place.save(row["id"], desired_state="suspended")
        await anyio.sleep(dice.uniform(0.0, 3.0))
        await place.save(row["id"], desired_state="running")


async def restart(place: Place, dice: random.Random) -> None:
    """An action is asked for."""
    if row := await _one(place, dice, _is_live):
        await place.save(row["id"], action=dice.choice(["restart", "restart", "redeploy", "reconcile"]))


async def hold(place: Place, dice: random.Random) -> None:
    """Staff holds a stack back."""
    if row := await _one(place, dice, _is_live):
        await place.save(row["id"], hold="not paid")


async def unhold(place: Place, dice: random.Random) -> None:
    """Staff lets it go."""
    if row := await _one(place, dice, lambda row: bool(row["hold"])):
        await place.save(row["id"], hold="")


async def new_stack(place: Place, dice: random.Random) -> None:
    """One more, unless there are very many."""
    if len(place.stacks) - len(place.gone) < MOST_STACKS:
        template = dice.choice(["telegram-bot"] * 8 + ["base-llm", "openclaw-agent"])
        await place.new_stack(dice.choice(place.tenants), template)


async def stale_form(place: Place, dice: random.Random) -> None:
    """A form that was opened long ago is saved whole: everything is as it was then, and it is opened anew."""
    stack = dice.choice(place.stacks)
    if stack in place.gone:
        return
    form, place.forms[stack] = place.forms[stack], await place.record(stack)
    await place.save(stack, **{name: value for name, value in form.items() if name not in NOT_IN_FORMS})


async def suspend_tenant(place: Place, dice: random.Random) -> None:
    """All its stacks are to rest; never more than a quarter of all tenants at once."""
    rows = await place.rows("tenants")
    active = [row["id"] for row in rows if row["status"] == "active"]
    if len(active) > 0.75 * len(rows):
        await place.change_tenant(dice.choice(sorted(active)), status="suspended")


async def activate_tenant(place: Place, dice: random.Random) -> None:
    """One that was suspended is active."""
    rows = sorted(row["id"] for row in await place.rows("tenants") if row["status"] != "active")
    if rows:
        await place.change_tenant(dice.choice(rows), status="active")


async def change_tier(place: Place, dice: random.Random) -> None:
    """A tenant has another tariff."""
    await place.change_tenant(dice.choice(place.tenants), plan_tier=dice.choice(TIERS))


async def delete_softly(place: Place, dice: random.Random) -> None:
    """By `desired_state`."""
    if row := await _one(place, dice, _is_live):
        await place.save(row["id"], desired_state="deleted")


async def delete_hard(place: Place, dice: random.Random) -> None:
    """The record itself, by a superuser."""
    if row := await _one(place, dice, _is_live):
        place.gone.add(row["id"])
        await people.ask(place.admin, "DELETE", f"{STACKS}/{row['id']}")


async def undelete(place: Place, dice: random.Random) -> None:
    """One that is deleted and kept is to run again."""
    if row := await _one(place, dice, lambda row: row["desired_state"] == "deleted"):
        await place.save(row["id"], desired_state="running")


async def undelete_hard(place: Place, dice: random.Random) -> None:
    """Staff asks for a record that was deleted in PocketBase; a name that is taken meanwhile is refused."""
    known = {row["id"] for row in await place.rows("agent_stacks")}
    if gone := sorted(place.gone - known):
        await place.ask("undelete", dice.choice(gone))


async def stop_at_once(place: Place, dice: random.Random) -> None:
    """Staff's emergency stop of one stack: a hold, and the command that lets it go first."""
    if row := await _one(place, dice, _is_live):
        await place.save(row["id"], hold="emergency")
        await place.ask("stop_now", row["id"])


async def lift_blocks(place: Place) -> None:
    """The operator has looked at what stopped again and again, and lets it be started."""
    for row in await place.rows("agent_stacks"):
        if row["error_message"].startswith("STOPPED_AGAIN"):
            await place.save(row["id"], action="retry")


async def approve_what_waits(place: Place, dice: random.Random) -> None:  # noqa: ARG001 - a deed
    """The operator lets every deletion pass that has not happened yet."""
    ledger = await place.rows("listener_ledger")
    due = {row["id"] for row in ledger if row["stage"] == "retained" and row["purge_announced"]}
    kept = {row["id"] for row in ledger if row["stage"] in RETAINED} - due
    known = {row["id"]: row for row in await place.rows("agent_stacks")}
    for stack in place.stacks:
        if stack in kept:
            continue
        if stack in known and known[stack]["desired_state"] == "deleted":
            await place.save(stack, action="approve")
        elif stack in place.gone and stack not in known:
            await place.ask("approve", stack)


async def purge(place: Place, dice: random.Random) -> None:
    """Staff has one purged that is deleted and kept."""
    ledger = await place.rows("listener_ledger")
    retained = sorted(
        row["id"] for row in ledger if row["kind"] == "agent_stacks" and row["stage"] == "retained"
    )
    if retained:
        stack = dice.choice(retained)
        place.purged.add(stack)
        await place.ask("backup_waived", stack)
        await place.ask("purge", stack)


async def _one(place: Place, dice: random.Random, meant: Callable[[Row], bool]) -> Row | None:
    """One of the records that are meant, if any."""
    rows = {row["id"]: row for row in await place.rows("agent_stacks") if meant(row)}
    found = [stack for stack in place.stacks if stack in rows]
    return rows[dice.choice(found)] if found else None


def _is_live(row: Row) -> bool:
    return bool(row["desired_state"] != "deleted")
