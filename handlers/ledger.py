"""The listener's own memory, one row per tenant or stack, so that a record's fields need never be believed.

Only the holder of the lease writes it (PocketBase's rule refuses any other), so the rows are kept in memory
from the moment the lease is taken and written through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from listener.pocketbase.client import PocketBase

COLLECTION = "listener_ledger"
FORMAT = 1
"""Raised when an older release would misread a row: it then does nothing (`LEDGER_TOO_NEW`)."""


COMPARED, SENT = "compared", "sent"
"""In `applied_spec`: Coolify's `updated_at` when it was last compared with what was sent; hash of that."""
DOUBTED = "doubted"
"""In `compared`: PocketBase was put back, so Coolify may have edits that the record has not."""


class LedgerRow(BaseModel):
    """What must be remembered of one record. Empty texts and None mean: not so far."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    kind: str = ""
    tenant_id: str = ""
    server_uuid: str = ""
    project_uuid: str = ""
    service_uuid: str = ""
    intent: Mapping[str, Any] | None = None
    """An effect begun and not known to have ended: what (create, apply, restart), fence, begun (ISO)."""
    applied_hash: str = ""
    """Hash of the spec that Coolify has; empty = send everything again."""
    salt: str = ""
    env_keys: tuple[str, ...] = ()
    template: str = ""
    template_version: str = ""
    domain: str = ""
    """The host name this row holds, or "": unique over all rows."""
    stage: str = ""
    """"" live · stopping · stopped · retained (deleted, data kept) · closed."""
    start_begun: datetime | None = None
    start_open: bool = False
    """Our last start has neither been seen running nor passed its deadline."""
    deletion_seen: datetime | None = None
    retention_days: int = 0
    purge_announced: datetime | None = None
    blocked: str = ""
    last_spec: str = ""
    applied_spec: Mapping[str, Any] | None = None
    """Names made once: service_name, stack_name, slug."""
    format: int = FORMAT
    """Of the release that wrote it last; a row of an older one is brought up when it changes next."""

    @field_validator("start_begun", "deletion_seen", "purge_announced", mode="before")
    @classmethod
    def _no_date(cls, value: Any) -> Any:
        return value or None

    @field_validator("env_keys", mode="before")
    @classmethod
    def _no_keys(cls, value: Any) -> Any:
        return value or ()

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
        return LedgerRow.model_validate({**self.model_dump(), **changes})


class Ledger:
    """All rows by record id, as last written or read by us."""

    def __init__(self) -> None:
        self._rows: dict[str, LedgerRow] = {}
        self._written: set[str] = set()
        self._doubted: set[str] = set()
        self.versions: Counter[str] = Counter()
        """By tenant, and in all under "": grows whenever one of its rows becomes another."""

    async def load(self, database: PocketBase) -> None:
        """The rows are what PocketBase holds now; one that is written meanwhile stays as written."""
        self._written.clear()
        rows = [LedgerRow.model_validate(row) for row in await database.list(COLLECTION)]
        written = {record_id: self._rows[record_id] for record_id in self._written}
        self._rows = {row.id: row for row in rows} | written
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
        return next((row.id for row in self._rows.values() if host and row.domain == host), None)

    def owner_of(self, service_uuid: str) -> str | None:
        """The record id whose service this is."""
        return next((row.id for row in self._rows.values() if row.service_uuid == service_uuid), None)

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
            self._put(LedgerRow.model_validate(row))
        self._doubted.discard(record_id)

    def _put(self, row: LedgerRow) -> None:
        self._rows[row.id] = row
        self.versions.update({"", row.tenant_id})
