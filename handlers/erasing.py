"""Everything that PocketBase holds of one stack, or of one tenant beside its stacks, taken out of it.

What stays of a row of the audit are verb, outcome, times, ids and actor; of a request its verb and state.
A second time does no harm: a run that was cut off is made again from the beginning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers import ledger, records, steps, vault
from listener import contract, errors
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write, Writer

AUDIT: Mapping[str, Any] = {"text": "", "reason": "", "detail": None}
REQUEST: Mapping[str, Any] = {"arguments": None, "result": ""}
CHUNK = 40
"""Writes a batch."""
GONE = ("stack_schedules", "stack_alerts", vault.COLLECTION)
"""Collections whose rows of the stack or tenant are removed."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Take everything about the stack or tenant out of PocketBase."""

    of: contract.Key
    effect = False

    def describe(self) -> str:
        return f"erase what is kept of {self.of}"

    async def run(self, hands: steps.Hands) -> None:
        await hands.scribe.erase(self.of)


async def erase(writer: Writer, key: contract.Key, *, ending: Sequence[Write]) -> None:
    """All of it is gone; a stack's record and ledger row, too. `ending` goes with the last of it.

    Raises `Transient` `ERASE_UNFINISHED` when a row was changed by somebody else meanwhile.
    """
    database = writer.pocketbase
    try:
        async with database.proven():
            is_stack = key.collection == records.STACKS
            if is_stack and await database.get(records.STACKS, key.id):
                await writer.commit([Write("DELETE", records.STACKS, key.id)])
            writes = [write async for write in _writes(database, key)]
            for first in range(0, len(writes), CHUNK):
                await writer.commit(writes[first : first + CHUNK])
            if is_stack and await database.get(ledger.COLLECTION, key.id):
                await writer.commit([Write("DELETE", ledger.COLLECTION, key.id), *ending])
    except errors.UpstreamRefusal as error:
        raise errors.Transient(
            "ERASE_UNFINISHED", "something was written meanwhile", why=error.why, fix="it goes on by itself"
        ) from error


async def _writes(database: PocketBase, key: contract.Key) -> AsyncIterator[Write]:
    """What is written or removed; rows that are empty already are left alone."""
    mine = quoted(key.id)
    column = "stack_id" if key.collection == records.STACKS else "tenant_id"
    answered = f"target={mine} && state!='open'"
    for collection, condition, emptied in (
        ("stack_operations", f"{column}={mine}", AUDIT),
        ("listener_requests", answered, REQUEST),
    ):
        for row in await database.list(collection, filter=condition, fields=",".join(emptied)):
            if any(row.get(name) for name in emptied):
                yield Write("PATCH", collection, row["id"], emptied)
    for collection in GONE:
        for row in await database.list(collection, filter=f"{column}={mine}", fields="id"):
            yield Write("DELETE", collection, row["id"])
    buried = (
        f"record_id={mine}" if key.collection == records.STACKS else f"record_id={mine} || tenant_id={mine}"
    )
    for row in await database.list("listener_tombstones", filter=buried, fields="id"):
        yield Write("DELETE", "listener_tombstones", row["id"])
