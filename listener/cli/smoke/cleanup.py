"""What a smoke test made is taken away again, as far as that can be done at once; the rest is told.

The stack is deleted like any other and erased, so that its data goes an hour later and not after the
retention; the tenant's record is removed, and its project follows when the data is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from handlers import ledger, records, status
from handlers.requests import erase
from listener import errors
from listener.cli import command, reach, rows, show
from listener.cli.smoke import marker
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write

LOOK = 0.5
"""Seconds between two looks at a stack that is being deleted."""
REASON = "smoke-test"
KEPT = (
    "the listener removes its data an hour from now at the earliest, then all that it remembers of it, "
    "and last the project; of the audit times and verbs remain"
)
NOTHING = "nothing of it is kept"
AGAIN = "the next `cloudfreedom smoke` cleans it up"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one smoke test's tenant."""

    slug: str
    is_gone: bool
    """Its records are removed."""
    told: str
    """What stays, and how long."""

    def json(self) -> dict[str, object]:
        """As `smoke --json` prints it."""
        return {"tenant": self.slug, "gone": self.is_gone, "told": self.told}

    def __str__(self) -> str:
        return f"{'Cleaned up' if self.is_gone else 'LEFT'}: {self.slug}: {self.told}"


async def earlier(known: PocketBase) -> tuple[Sequence[marker.Mark], Sequence[marker.Mark]]:
    """Smoke tests that were cut off, and those that may still run."""
    found = await known.list(records.TENANTS, filter="slug~'smoke-%'")
    marks = [mark for row in found if (mark := marker.read(row))]
    now = datetime.now(UTC)
    dead = [mark for mark in marks if not mark.may_run(now)]
    return dead, [mark for mark in marks if mark not in dead]


async def clear(known: PocketBase, mark: marker.Mark, *, seconds: float) -> Cleaned:
    """The stack was deleted and is to be erased, the tenant is gone; or it is said what is left, and why.

    Nothing is touched of a tenant that is not surely this smoke test's, or in which somebody has a stack.
    """
    try:
        with anyio.fail_after(seconds):
            return await _clear(known, mark, seconds)
    except TimeoutError:
        why = f"the listener did not stop and take it away within {seconds:.0f} s"
    except errors.ListenerError as error:
        why = f"{error.code}: {error.why or error.what}"
    return Cleaned(mark.slug, is_gone=False, told=f"{why}; {AGAIN}")


async def _clear(known: PocketBase, mark: marker.Mark, seconds: float) -> Cleaned:
    tenant = await known.get(records.TENANTS, mark.tenant_id)
    if tenant is None:
        return Cleaned(mark.slug, is_gone=True, told="nothing was written")
    stacks = await known.list(records.STACKS, filter=f"tenant_id={quoted(mark.tenant_id)}")
    strange = [str(row["stack_name"]) for row in stacks if row["id"] != mark.stack_id]
    if strange or marker.read(tenant) is None:
        why = f"it holds {', '.join(strange)}" if strange else "its record was edited"
        return Cleaned(mark.slug, is_gone=False, told=f"{why}, so it is left alone: delete it by hand")
    told = await _erased(known, mark, seconds) if stacks else NOTHING
    await reach.writer(known).commit([Write("DELETE", records.TENANTS, mark.tenant_id)])
    return Cleaned(mark.slug, is_gone=True, told=told)


async def _erased(known: PocketBase, mark: marker.Mark, seconds: float) -> str:
    """The stack was stopped for good, and the leader asked to erase it; what stays of it."""
    await _deleted(known, mark.stack_id)
    kept = await known.get(ledger.COLLECTION, mark.stack_id)
    if kept is None:
        return NOTHING
    arguments = {"reason": REASON}
    answers = await command.answered(known, erase.VERB, [mark.stack_id], seconds, arguments)
    answer = answers[mark.stack_id]
    if not ledger.LedgerRow.read(kept).service_uuid:
        return NOTHING
    return KEPT if answer.is_done else f"its data stays for its tariff's time: {answer.text}"


async def _deleted(known: PocketBase, record_id: str) -> None:
    """The stack's record is wanted deleted, and shows it; or is gone. PocketBase is waited for."""
    while True:
        try:
            stack = await rows.read(known, record_id)
            if stack is None:
                return
            if stack.desired_state != "deleted":
                await reach.patch(known, record_id, desired_state="deleted")
            elif stack.status == status.Status.DELETED:
                return
        except (errors.Transient, errors.Throttled) as error:
            show.line(f"Waiting: {error.what}")
        await anyio.sleep(LOOK)
