"""The secrets' part of a batch: which rows are written or removed, and remembered once it is answered."""

from __future__ import annotations

from collections.abc import Sequence

from handlers import steps, vault
from listener.pocketbase.writer import Write
from listener.secrets.sealing import Sealer


class Keeping:
    """Secrets to keep, and an owner whose secrets are no longer needed. Nothing happens before `writes`."""

    def __init__(self, kept: vault.Vault, sealer: Sealer, secrets: Sequence[steps.Secret], over: str) -> None:
        self._vault = kept
        self._rows = [
            kept.next(
                stack_id=one.stack_id,
                tenant_id=one.tenant_id,
                name=one.name,
                sealed=sealer.seal(one.value.get_secret_value()),
            )
            for one in secrets
        ]
        self._gone = kept.of_owner(over) if over else ()
        self._owners = {row.owner for row, _ in self._rows} | {row.owner for row in self._gone}

    def writes(self) -> list[Write]:
        """The items of the batch; until `done`, what PocketBase holds is in doubt."""
        for owner in self._owners:
            self._vault.doubt(owner)
        rows = [
            Write("POST" if is_new else "PATCH", vault.COLLECTION, row.id, row.model_dump(exclude={"id"}))
            for row, is_new in self._rows
        ]
        return rows + [Write("DELETE", vault.COLLECTION, row.id) for row in self._gone]

    def done(self) -> None:
        """The batch is stored."""
        for row, _ in self._rows:
            self._vault.keep(row)
        for row in self._gone:
            self._vault.drop(row.id)
        for owner in self._owners:
            self._vault.trust(owner)
