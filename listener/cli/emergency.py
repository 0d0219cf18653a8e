"""`cloudfreedom suspend --now`: a hold, and the leader drops all else for it; or the docker command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio

from handlers import ledger, records
from handlers.requests import emergency
from listener import errors
from listener.cli import command, configured, lease, pausing, reach, rows, show
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write

LOOK = 0.5
"""Seconds between two looks at the ledger."""
TOLD = ("stopping", "stopped", "retained", "closed")
"""Stages of a stack that Coolify was told to stop, or that has stopped."""
DOCKER = "docker ps -q --filter label=com.docker.compose.project={uuid} | xargs -r docker stop"
"""What stops a service's containers on its host; Coolify's compose project is the service's uuid."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person typed: a stack, or a tenant's slug or id."""

    stack: str
    tenant: str
    reason: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Meant:
    """What is to be stopped."""

    name: str
    target: str
    """Record id of a stack or of a tenant."""
    collection: str
    """Where the hold is written; empty when that record is gone."""
    way_back: str = ""
    """The command that ends the hold; empty when there is none to end."""


def stop(order: Order, *, confirm: Callable[[str], bool], seconds: float) -> Exit:
    """Everything meant was told to stop, or its docker command is printed."""
    return reach.run(partial(_stop, order, confirm, seconds))


async def _stop(order: Order, confirm: Callable[[str], bool], seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        meant = await _meant(known, order.stack, order.tenant)
        stacks = await _stacks(known, meant)
        show.columns([{"stack": name, "id": row.id, "service": row.service_uuid} for row, name in stacks])
        question = f"Stop {len(stacks)} stack{'' if len(stacks) == 1 else 's'} of {meant.name} at once?"
        if not command.agreed(question, yes=order.yes, confirm=confirm):
            return Exit.FAILED
        if meant.collection:
            fields = {"hold": order.reason}
            await reach.writer(known).commit([Write("PATCH", meant.collection, meant.target, fields)])
            show.line(f"{meant.name} is on hold: {order.reason}")
        led = await lease.read(known)
        held = await pausing.read(known)
        is_paused = held.holds(datetime.now(UTC))
        if is_paused or not led.is_led:
            show.line("! The listener is paused: `cloudfreedom unpause`." if is_paused else f"! {led}")
            return _by_hand([(row, name) for row, name in stacks if row.service_uuid])
        answer = await command.carried_out(known, emergency.VERB, meant.target, {}, seconds)
        return answer if answer is not Exit.DONE else await _watched(known, meant, seconds)


async def _meant(known: PocketBase, stack: str, tenant: str) -> Meant:
    if stack:
        one = await rows.pick(known, stack)
        return Meant(one.name, one.id, records.STACKS, f"`cloudfreedom hold {one.name} --clear`")
    found = await known.list(records.TENANTS, filter=f"slug={quoted(tenant)} || id={quoted(tenant)}")
    if found:
        slug = found[0]["slug"]
        back = f"`cloudfreedom hold --tenant {slug} --clear`"
        return Meant(f"tenant {slug}", str(found[0]["id"]), records.TENANTS, back)
    kept = await known.list(ledger.COLLECTION, filter=f"tenant_id={quoted(tenant)}")
    if kept:
        return Meant(f"tenant {tenant}, whose record is gone", tenant, "")
    raise errors.Terminal(
        "TENANT_UNKNOWN",
        f"there is no tenant {tenant!r}",
        why="no record has that slug or id, and the ledger knows none",
        fix="`cloudfreedom tenants` shows all",
    )


async def _stacks(known: PocketBase, meant: Meant) -> Sequence[tuple[ledger.LedgerRow, str]]:
    """Ledger rows that are not over, with the names of their stacks."""
    condition = f"id={quoted(meant.target)} || tenant_id={quoted(meant.target)}"
    kept = [ledger.LedgerRow.read(row) for row in await known.list(ledger.COLLECTION, filter=condition)]
    named: Mapping[str, str] = {
        row["id"]: row["stack_name"] for row in await known.list(records.STACKS, filter=condition)
    }
    live = [row for row in kept if row.kind == records.STACKS and row.stage != "closed"]
    return [(row, named.get(row.id) or str(row.made.get("stack_name") or row.id)) for row in live]


async def _watched(known: PocketBase, meant: Meant, seconds: float) -> Exit:
    """Until Coolify was told of each, as far as it can be; the rest is left to a person on the host."""
    left: Sequence[tuple[ledger.LedgerRow, str]] = ()
    with anyio.move_on_after(seconds):
        while True:
            stacks = [(row, name) for row, name in await _stacks(known, meant) if row.service_uuid]
            left = [(row, name) for row, name in stacks if row.stage not in TOLD]
            if not left:
                show.line(f"Coolify was told to stop {len(stacks)} of {len(stacks)}.")
                back = f"; {meant.way_back} ends the hold" if meant.way_back else ""
                show.line(f"`cloudfreedom status` shows `suspended` when it is seen{back}.")
                return Exit.DONE
            await anyio.sleep(LOOK)
    return _by_hand(left)


def _by_hand(left: Sequence[tuple[ledger.LedgerRow, str]]) -> Exit:
    """The commands that need no listener and no Coolify."""
    if not left:
        show.line("Nothing of it has a service.")
        return Exit.DONE
    show.line("! These were not stopped through Coolify. On their host:")
    for row, name in left:
        reason = f"  # {name}" + (f": {row.blocked}" if row.blocked else "")
        show.line(DOCKER.format(uuid=row.service_uuid) + reason)
    return Exit.FAILED
