"""What is old goes by itself: records of purged stacks, and what PocketBase holds of times long past.

Ages are PocketBase's own stamps, compared with our time of day only while all clocks agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import structlog

from handlers import ledger, records, status
from handlers.eyes import ID_VIEWS, REQUESTS, TOMBSTONES, Eyes
from handlers.recorder import OPERATIONS
from handlers.stacks.purge import SKEW
from listener import contract, errors
from listener.pocketbase.client import Row, quoted
from listener.pocketbase.writer import Write, Writer

KEPT = timedelta(days=30)
"""How long the record of a purged stack stays; likewise tombstones and answered requests."""
AUDIT_KEPT = timedelta(days=400)
HOUR = 3600.0
"""Seconds between two rounds, and after the lease was taken before the first."""
ABOUT = ("stack_schedules", "stack_alerts")
"""Collections whose rows of a stack go with its row of the ledger."""
MOST = 40
"""Rows that one round removes; one batch."""

log = structlog.get_logger()


class Expiry:
    """Removes what is old, a little at a time; `gate` names the reasons against writing just now."""

    def __init__(self, *, eyes: Eyes, writer: Writer, gate: Callable[[], Sequence[str]]) -> None:
        self._eyes = eyes
        self._writer = writer
        self._gate = gate
        self._again = eyes.site.waits.resync
        self._refused: set[str] = set()
        """Rows that PocketBase did not let go, by id: not tried again by this process."""

    def interval(self) -> float:
        """Seconds to the next round: fewer while more is old, or nothing may be removed."""
        return self._again

    async def round(self) -> Iterable[contract.Key]:
        """At most `MOST` of the rows that were old are gone. No key has to be looked at for it."""
        eyes, waits = self._eyes, self._eyes.site.waits
        self._again = waits.resync
        is_new = eyes.memory.clock() - eyes.memory.began_at < HOUR
        if is_new or self._gate() or eyes.skew() > SKEW:
            return ()
        async with eyes.database.proven():
            found = [*await self._purged(), *await self._past()]
        found = [write for write in found if write.id not in self._refused]
        chosen, self._again = found[:MOST], waits.poll if len(found) > MOST else HOUR
        for name in dict.fromkeys(write.collection for write in chosen):
            if self._gate():
                return ()
            await self._remove(name, [write for write in chosen if write.collection == name])
        return ()

    async def _remove(self, collection: str, writes: Sequence[Write]) -> None:
        """The rows are gone, but for those that something of the operator's own refers to."""
        try:
            await self._writer.commit(writes)
        except errors.UpstreamRefusal as error:
            if len(writes) > 1:
                for write in writes:
                    await self._remove(collection, [write])
                return
            self._refused.add(writes[0].id)
            log.warning("expiry.refused", collection=collection, row=writes[0].id, why=error.why)
            return
        log.info("expired", collection=collection, rows=len(writes))
        if collection == ledger.COLLECTION:
            for write in writes:
                self._eyes.ledger.drop(write.id)

    async def _purged(self) -> list[Write]:
        """Records of stacks purged long ago; and rows of the ledger whose records are gone."""
        database, before = self._eyes.database, self._eyes.now() - KEPT
        closed = f"stage='closed' && {_older('updated', before)}"
        rows = [ledger.LedgerRow.read(row) for row in await database.list(ledger.COLLECTION, filter=closed)]
        old = [row for row in rows if row.is_over and _is_purged(row, before)]
        if not old:
            return []
        there = {name: {row["id"] for row in await database.list(name, fields="id")} for name in ID_VIEWS}
        for name, view in ID_VIEWS.items():
            there[name] |= {row["id"] for row in await database.list(view, fields="id")}
        deleted = await database.list(records.STACKS, filter="desired_state='deleted'", fields="id")
        mine = {row["id"] for row in deleted}
        last = [row.id for row in old if self._is_last(row, there)]
        return [
            *(Write("DELETE", records.STACKS, row.id) for row in old if row.id in mine),
            *[write for name in ABOUT for write in await self._about(name, frozenset(last))],
            *(Write("DELETE", ledger.COLLECTION, row_id) for row_id in last),
        ]

    async def _about(self, collection: str, stacks: AbstractSet[str]) -> list[Write]:
        if not stacks:
            return []
        rows = await self._eyes.database.list(collection, fields="stack_id")
        return [Write("DELETE", collection, row["id"]) for row in rows if row["stack_id"] in stacks]

    def _is_last(self, row: ledger.LedgerRow, there: Mapping[str, AbstractSet[str]]) -> bool:
        """Nothing but this row is left: no record, and of a tenant no stack."""
        stacks = self._eyes.ledger.rows(records.STACKS)
        is_used = row.kind == records.TENANTS and any(stack.tenant_id == row.id for stack in stacks)
        return row.kind in there and row.id not in there[row.kind] and not is_used

    async def _past(self) -> list[Write]:
        """Tombstones, answered requests, and lines of the audit."""
        database, now = self._eyes.database, self._eyes.now()
        known = {row.id for row in self._eyes.ledger.all()}
        buried = await database.list(TOMBSTONES, filter=_older("created", now - KEPT), fields="record_id")
        answered = f"state!='open' && {_older('updated', now - KEPT)}"
        over = await database.list(REQUESTS, filter=answered, fields="id")
        said = await database.list(
            OPERATIONS, filter=_older("created", now - AUDIT_KEPT), fields="stack_id,state,ended"
        )
        return [
            *(Write("DELETE", TOMBSTONES, row["id"]) for row in buried if row["record_id"] not in known),
            *(Write("DELETE", REQUESTS, row["id"]) for row in over),
            *(Write("DELETE", OPERATIONS, row_id) for row_id in expendable(said, known)),
        ]


def expendable(old: Sequence[Row], known: AbstractSet[str]) -> list[str]:
    """Ids of the lines of the audit that may go: all but the last state of each stack in `known`.

    Availability and age of a stack are counted from its last state, however old that is.
    """
    last: dict[str, Row] = {}
    for row in old:
        stack = str(row["stack_id"])
        if row["state"] and stack in known and row["ended"] >= last.get(stack, row)["ended"]:
            last[stack] = row
    kept = {row["id"] for row in last.values()}
    return [str(row["id"]) for row in old if row["id"] not in kept]


def _is_purged(row: ledger.LedgerRow, before: datetime) -> bool:
    """By the row's own stamp too, if it has one: a data base that was put back has new stamps."""
    at = str(row.made.get("purged_at") or "")
    return not at or datetime.fromisoformat(at) < before


def _older(column: str, moment: datetime) -> str:
    return f"{column} < {quoted(status.stamp(moment))}"
