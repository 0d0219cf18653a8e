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
ROW: Mapping[str, Any] = {"last_spec": "", "domain": "", "applied_spec": None}
"""What a tenant's row of the ledger is emptied of."""
REQUEST: Mapping[str, Any] = {"arguments": None, "result": ""}
CHUNK = 40
"""Writes a batch."""
OVER: Mapping[str, str] = {records.STACKS: "stack.erase", records.TENANTS: "tenant.erase"}
"""Verb of the one row of the audit that keeps its reason: who asked, and the number of the letter."""
GONE = ("stack_schedules", "stack_alerts", vault.COLLECTION)
"""Collections whose rows of the stack or tenant are removed."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Take everything about the stack or tenant out of PocketBase."""

    of: contract.Key
    by: str = ""
    """Who asked and why, as it stays in the audit."""
    effect = False

    def describe(self) -> str:
        return f"erase what is kept of {self.of}"

    async def run(self, hands: steps.Hands) -> None:
        await hands.scribe.erase(self.of, self.by)


def tenant(tenant_id: str) -> dict[str, Any]:
    """What the record of an erased tenant holds: its id is its slug, so that no host name tells of it."""
    return {
        "name": "erased",
        "slug": tenant_id,
        "domain": "",
        "owners": [],
        "hold": "",
        "status": "inactive",
        "listener_message": "",
    }


async def erase(writer: Writer, key: contract.Key, *, ending: Sequence[Write]) -> bool:
    """All of it is gone; a stack's record and ledger row, too. `ending` goes with the last of it.

    The record of a tenant stays, as `tenant` says, and with it the ledger's row, emptied (True).

    Raises `Transient` `ERASE_UNFINISHED` when a row was changed by somebody else meanwhile.
    """
    database = writer.pocketbase
    try:
        async with database.proven():
            is_there = await database.get(key.collection, key.id) is not None
            if is_there and key.collection == records.STACKS:
                await writer.commit([Write("DELETE", key.collection, key.id)])
            elif is_there:
                await writer.commit([Write("PATCH", key.collection, key.id, tenant(key.id))])
            writes = [write async for write in _writes(database, key)]
            for first in range(0, len(writes), CHUNK):
                await writer.commit(writes[first : first + CHUNK])
            stays = is_there and key.collection == records.TENANTS
            last = list(ending)
            if await database.get(ledger.COLLECTION, key.id):
                last.insert(0, _row_write(key, stays=stays))
            await writer.commit(last)
    except errors.UpstreamRefusal as error:
        raise errors.Transient(
            "ERASE_UNFINISHED", "something was written meanwhile", why=error.why, fix="it goes on by itself"
        ) from error
    return stays


def _row_write(key: contract.Key, *, stays: bool) -> Write:
    if stays:
        return Write("PATCH", ledger.COLLECTION, key.id, ROW)
    return Write("DELETE", ledger.COLLECTION, key.id)


async def _writes(database: PocketBase, key: contract.Key) -> AsyncIterator[Write]:
    """What is written or removed; rows that are empty already are left alone."""
    mine = quoted(key.id)
    column = "stack_id" if key.collection == records.STACKS else "tenant_id"
    answered = f"target={mine} && state!='open'"
    for collection, condition, emptied in (
        ("stack_operations", f"{column}={mine} && verb!='stack.erase' && verb!='tenant.erase'", AUDIT),
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
