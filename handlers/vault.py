"""Secrets kept for stacks and tenants: made or set once, sealed in PocketBase, opened only to be sent.

Only the holder of the lease writes them, like the ledger, so the sealed rows are kept in memory from the
moment the lease is taken and written through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, SecretStr

from listener import errors
from listener.pocketbase.client import PocketBase, quoted

COLLECTION = "stack_secrets"


class SecretRow(BaseModel):
    """One secret of a stack, or of a tenant for all its stacks (`stack_id` is empty then)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    stack_id: str = ""
    tenant_id: str = ""
    name: str = ""
    value: str = ""
    """Sealed."""
    generation: int = 1
    """How often it was set."""

    @property
    def owner(self) -> str:
        """Record id of the stack, or of the tenant."""
        return self.stack_id or self.tenant_id


class Vault:
    """All rows by id, as last written or read by us. `unseal` opens one value."""

    def __init__(self, unseal: Callable[[str], str]) -> None:
        self._unseal = unseal
        self._rows: dict[str, SecretRow] = {}
        self._owned: dict[str, dict[str, SecretRow]] = {}
        self._doubted: set[str] = set()

    async def load(self, database: PocketBase) -> None:
        """The rows are what PocketBase holds now."""
        rows = [SecretRow.model_validate(row) for row in await database.list(COLLECTION)]
        self._rows.clear()
        self._owned.clear()
        for row in rows:
            self.keep(row)
        self._doubted.clear()

    def rows(self) -> Sequence[SecretRow]:
        """Every row."""
        return list(self._rows.values())

    def of_owner(self, owner: str) -> Sequence[SecretRow]:
        """The rows of one stack, or of one tenant without those of its stacks."""
        return list(self._owned.get(owner, {}).values())

    def opened(self, stack_id: str, tenant_id: str) -> Mapping[str, SecretStr]:
        """Name to value for one stack: its own, and its tenant's where it has none of that name.

        Raises `Refusal` `SEAL_BROKEN`, naming the secret, when a value cannot be opened.
        """
        rows = [*self.of_owner(tenant_id), *self.of_owner(stack_id)]
        return {row.name: SecretStr(self.open(row)) for row in rows}

    def unsealed(self, sealed: str) -> str:
        """The text of a seal that a command made; raises `SEAL_BROKEN`."""
        return self._unseal(sealed)

    def open(self, row: SecretRow) -> str:
        """The row's value; raises `SEAL_BROKEN` with its name and owner."""
        try:
            return self._unseal(row.value)
        except errors.Refusal as refusal:
            raise errors.Refusal(
                refusal.code,
                refusal.message,
                what=f"{row.name} of {row.owner}",
                why=refusal.why,
                fix=refusal.fix,
            ) from refusal

    def next(self, *, stack_id: str, tenant_id: str, name: str, sealed: str) -> tuple[SecretRow, bool]:
        """The row that holds this value from now on, and whether it is a new one."""
        row_id = _row_id(stack_id or tenant_id, name)
        old = self._rows.get(row_id)
        row = SecretRow(
            id=row_id,
            stack_id=stack_id,
            tenant_id=tenant_id,
            name=name,
            value=sealed,
            generation=old.generation + 1 if old else 1,
        )
        return row, old is None

    def keep(self, row: SecretRow) -> None:
        """The row was written to PocketBase."""
        self.drop(row.id)
        self._rows[row.id] = row
        self._owned.setdefault(row.owner, {})[row.id] = row

    def drop(self, row_id: str) -> None:
        """The row was removed from PocketBase."""
        row = self._rows.pop(row_id, None)
        if row is not None:
            del self._owned[row.owner][row_id]

    def doubt(self, owner: str) -> None:
        """A write of this owner's rows begins: PocketBase may hold others than we remember."""
        self._doubted.add(owner)

    def is_doubted(self, owner: str) -> bool:
        """A write of this owner's rows began and was not answered so far."""
        return owner in self._doubted

    def trust(self, owner: str) -> None:
        """That write was answered."""
        self._doubted.discard(owner)

    async def sure(self, owner: str, database: PocketBase) -> None:
        """This owner's rows are what PocketBase holds, also when a run was cut off while it wrote."""
        if owner not in self._doubted:
            return
        wanted = f"stack_id={quoted(owner)} || (stack_id='' && tenant_id={quoted(owner)})"
        async with database.proven():
            rows = await database.list(COLLECTION, filter=wanted)
        for old in self.of_owner(owner):
            self.drop(old.id)
        for row in rows:
            self.keep(SecretRow.model_validate(row))
        self.trust(owner)


def _row_id(owner: str, name: str) -> str:
    """The same for the same owner and name: a repeated write makes no second row."""
    return hashlib.sha256(f"{owner}\n{name}".encode()).hexdigest()[:15]
