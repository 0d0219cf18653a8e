"""The listener's own memory, one row per tenant or stack, so that a record's fields need never be believed.

Only the holder of the lease writes it (PocketBase's rule refuses any other), so the rows are kept in memory
from the moment the lease is taken and written through.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from listener.pocketbase.client import PocketBase

COLLECTION = "listener_ledger"
FORMAT = 1
"""Raised when an older release would misread a row: it then does nothing (`LEDGER_TOO_NEW`)."""


COMPARED, SENT = "compared", "sent"
"""In `applied_spec`: Coolify's `updated_at` when it was last compared with what was sent; hash of that."""
DOUBTED = "doubted"
"""In `compared`: PocketBase was put back, so Coolify may have edits that the record has not."""


@functools.lru_cache(maxsize=1024)
def _same(names: tuple[str, ...]) -> tuple[str, ...]:
    """An equal one that is known already: thousands of rows have the same names."""
    return names


Common = Annotated[str, AfterValidator(sys.intern)]
"""A text that many rows have: it is in memory once."""
Moment = Annotated[datetime | None, BeforeValidator(lambda value: value or None)]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ()), AfterValidator(_same)]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="ignore"))
class LedgerRow:
    """What must be remembered of one record. Empty texts and None mean: not so far."""

    id: str
    kind: Common = ""
    tenant_id: Common = ""
    server_uuid: Common = ""
    project_uuid: Common = ""
    service_uuid: str = ""
    intent: Mapping[str, Any] | None = None
    """An effect begun and not known to have ended: what (create, apply, restart), fence, begun (ISO)."""
    applied_hash: str = ""
    """Hash of the spec that Coolify has; empty = send everything again."""
    salt: str = ""
    env_keys: Names = ()
    template: Common = ""
    template_version: Common = ""
    domain: str = ""
    """The host name this row holds, or "": unique over all rows."""
    stage: Common = ""
    """"" live · stopping · stopped · retained (deleted, data kept) · closed."""
    start_begun: Moment = None
    start_open: bool = False
    """Our last start has neither been seen running nor passed its deadline."""
    deletion_seen: Moment = None
    retention_days: int = 0
    purge_announced: Moment = None
    blocked: str = ""
    last_spec: str = ""
    applied_spec: Mapping[str, Any] | None = None
    """Names made once: service_name, stack_name, slug."""
    format: int = FORMAT
    """Of the release that wrote it last; a row of an older one is brought up when it changes next."""

    @staticmethod
    def read(row: Mapping[str, Any]) -> LedgerRow:
        """The row as PocketBase holds it; what is no column of ours is passed over."""
        return _ROW.validate_python(row)

    def columns(self) -> dict[str, Any]:
        """By name, every column."""
        return {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}

    @property
    def made(self) -> Mapping[str, Any]:
        """Names as they were when the object was made."""
        return self.applied_spec or {}

    @property
    def orphan(self) -> str:
        """When its service was found without a record and a row (ISO); empty for every other stack."""
        return str(self.made.get("orphan") or "")

    @property
    def is_over(self) -> bool:
        """Closed, and nothing of it is left to be erased."""
        return self.stage == "closed" and not self.made.get("erase")

    def doubted(self) -> dict[str, Any] | None:
        """The change by which what stands in Coolify is compared anew, and sent again where it differs or
        cannot be read. None for a stack that was never sent anything."""
        return {"applied_spec": {**self.made, COMPARED: DOUBTED}} if self.made.get(SENT) else None

    def changed(self, changes: Mapping[str, Any]) -> LedgerRow:
        """The row with these columns changed."""
        return LedgerRow.read({**self.columns(), **changes})


_ROW = TypeAdapter(LedgerRow)


class Ledger:
    """All rows by record id, as last written or read by us."""

    def __init__(self) -> None:
        self._rows: dict[str, LedgerRow] = {}
        self._written: set[str] = set()
        self._doubted: set[str] = set()
        self._by_host = _Index(lambda row: row.domain)
        self._by_service = _Index(lambda row: row.service_uuid)
        self.versions: Counter[str] = Counter()
        """By tenant, and in all under "": grows whenever one of its rows becomes another."""

    async def load(self, database: PocketBase) -> None:
        """The rows are what PocketBase holds now; one that is written meanwhile stays as written."""
        self._written.clear()
        async with database.proven():
            pages = database.pages(COLLECTION)
            rows = [LedgerRow.read(row) async for page in pages for row in page]
        written = {record_id: self._rows[record_id] for record_id in self._written}
        self._rows = {row.id: row for row in rows} | written
        for index in (self._by_host, self._by_service):
            index.fill(self._rows.values())
        self._doubted.clear()
        self.versions.update({"", *(row.tenant_id for row in self._rows.values())})

    @property
    def is_known(self) -> bool:
        """There is at least one row."""
        return bool(self._rows)

    def get(self, record_id: str) -> LedgerRow | None:
        """The row of a record, if it has one."""
        return self._rows.get(record_id)

    def all(self) -> Sequence[LedgerRow]:
        """Every row."""
        return list(self._rows.values())

    def is_doubted(self, record_id: str) -> bool:
        """A write of this row began and was not answered so far."""
        return record_id in self._doubted

    def rows(self, kind: str) -> Sequence[LedgerRow]:
        """Every row of one collection's records."""
        return [row for row in self._rows.values() if row.kind == kind]

    def holder_of(self, host: str) -> str | None:
        """The record id that holds a host name, retained stacks included."""
        return self._by_host.first(host)

    def owner_of(self, service_uuid: str) -> str | None:
        """The record id whose service this is."""
        return self._by_service.first(service_uuid)

    def servers(self) -> set[str]:
        """Every server a service of ours may be on."""
        return {row.server_uuid for row in self._rows.values() if row.server_uuid}

    def keep(self, row: LedgerRow) -> None:
        """The row was written to PocketBase."""
        self._put(row)
        self._written.add(row.id)
        self._doubted.discard(row.id)

    def drop(self, record_id: str) -> None:
        """The row was removed from PocketBase."""
        row = self._rows.pop(record_id, None)
        self._doubted.discard(record_id)
        if row is not None:
            self._indexed(row, None)
            self.versions.update({"", row.tenant_id})

    def doubt(self, record_id: str) -> None:
        """A write of this row begins: until it is kept, PocketBase may hold another row than we remember."""
        self._doubted.add(record_id)

    async def sure(self, record_id: str, database: PocketBase) -> None:
        """The row is what PocketBase holds, also when a run was cut off while it wrote."""
        if record_id not in self._doubted:
            return
        async with database.proven():
            row = await database.get(COLLECTION, record_id)
        if row is not None:
            self._put(LedgerRow.read(row))
        self._doubted.discard(record_id)

    def _put(self, row: LedgerRow) -> None:
        self._indexed(self._rows.get(row.id), row)
        self._rows[row.id] = row
        self.versions.update({"", row.tenant_id})

    def _indexed(self, old: LedgerRow | None, new: LedgerRow | None) -> None:
        for index in (self._by_host, self._by_service):
            index.replace(old, new)


class _Index:
    """Rows' ids by a text of theirs that no other row should have; `first` is whoever had it first."""

    def __init__(self, text_of: Callable[[LedgerRow], str]) -> None:
        self._text_of = text_of
        self._ids: dict[str, str | tuple[str, ...]] = {}

    def fill(self, rows: Iterable[LedgerRow]) -> None:
        self._ids.clear()
        for row in rows:
            self.replace(None, row)

    def first(self, text: str) -> str | None:
        ids = self._all(text)
        return ids[0] if ids else None

    def replace(self, old: LedgerRow | None, new: LedgerRow | None) -> None:
        before, after = (self._text_of(row) if row else "" for row in (old, new))
        if before == after:
            return
        if old is not None and before:
            self._put(before, tuple(one for one in self._all(before) if one != old.id))
        if new is not None and after:
            self._put(after, (*self._all(after), new.id))

    def _all(self, text: str) -> tuple[str, ...]:
        ids = self._ids.get(text, ()) if text else ()
        return (ids,) if isinstance(ids, str) else ids

    def _put(self, text: str, ids: tuple[str, ...]) -> None:
        if ids:
            self._ids[text] = ids[0] if len(ids) == 1 else ids
        else:
            self._ids.pop(text, None)
