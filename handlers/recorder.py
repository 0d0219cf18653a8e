"""One batch for what belongs together: the ledger's memory, the record's display, the line in the audit."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from handlers import erasing, history, memory, naming, records, resealing, status, steps, vault
from handlers import ledger as ledgers
from handlers.keeping import Keeping
from listener import contract, errors
from listener.pocketbase.writer import Write, Writer
from listener.secrets.sealing import Sealer

OPERATIONS = "stack_operations"
ACTOR = "listener"
LOUD = frozenset({"stack.started_by_hand", "stack.drift"})
"""Verbs of the audit that the log warns of, too."""
ID_CHARACTERS = string.ascii_lowercase + string.digits


log = structlog.get_logger()


class Recorder:
    """Implements `steps.Scribe`: writes through the lease holder's writer, then remembers."""

    def __init__(
        self,
        *,
        writer: Writer,
        ledger: ledgers.Ledger,
        vault: vault.Vault,
        remembered: memory.Memory,
        fence: Callable[[], int],
        sealer: Sealer,
        language: str = "en",
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._memory = remembered
        self._fence = fence
        self._sealer = sealer
        self._vault = vault
        self._language = language
        self._claims: dict[str, str] = {}
        """By record: the host name that it is just taking, or was when it was cut off."""

    async def record(
        self,
        key: contract.Key,
        *,
        ledger: Mapping[str, Any] | None = None,
        show: Mapping[str, Any] | None = None,
        entry: steps.Entry | None = None,
        consume: str = "",
        spec: Mapping[str, Any] | None = None,
        beside: Mapping[contract.Key, Mapping[str, Any]] | None = None,
        secrets: Sequence[steps.Secret] = (),
        revive: Mapping[str, Any] | None = None,
    ) -> None:
        """All of it is stored and remembered, or none.

        Raises `DOMAIN_TAKEN` when another record has the host name, `RECORD_CHANGED` when the action is new.
        """
        sealed = {"last_spec": self._sealer.seal(json.dumps(spec))} if spec else {}
        row, writes = self._ledger_write(key, {**(ledger or {}), **sealed})
        if row is not None:
            self._claim(row.domain, key.id)
            self._ledger.doubt(key.id)
        writes += _record_writes(key, revive or {}, show or {}, consume)
        for other, fields in (beside or {}).items():
            writes += _record_writes(other, {}, fields)
        if entry is not None:
            writes.append(self._entry_write(key, entry, row))
        shown = _stacks({**(beside or {}), key: show or {}})
        writes += self._state_writes(shown, key, row)
        over = key.id if row is not None and row.stage == "closed" else ""
        keeping = Keeping(self._vault, self._sealer, secrets, over)
        writes += keeping.writes()
        await self._commit(writes, key, consume, entry)
        for stack, fields in shown.items():
            self._memory.show(stack, fields)
        self._kept(row)
        keeping.done()
        if consume:
            self._memory.commanded(key.id, consume, is_stale=entry is None)

    def _kept(self, row: ledgers.LedgerRow | None) -> None:
        if row is not None:
            self._claims.pop(row.id, None)
            self._ledger.keep(row)

    async def _commit(
        self, writes: Sequence[Write], key: contract.Key, consume: str, entry: steps.Entry | None
    ) -> None:
        try:
            if writes:
                await self._writer.commit(writes)
        except errors.UpstreamRefusal as error:
            self._claims.pop(key.id, None)
            if not consume:
                raise
            raise errors.Transient(
                "RECORD_CHANGED", "the action was changed meanwhile", why=error.why
            ) from error
        if entry is not None and entry.verb in LOUD and entry.outcome == "failed":
            log.warning(entry.verb, key=str(key), reason=entry.reason)

    async def reseal(self) -> None:
        """Everything sealed is sealed with the first key."""
        await resealing.reseal(self._writer, self._sealer, self._vault, self._ledger)

    async def erase(self, key: contract.Key, by: str) -> None:
        """What PocketBase holds of this stack or tenant is gone, and nothing of it is remembered."""
        over = self._entry_write(key, steps.Entry(erasing.OVER[key.collection], "done", by), None)
        stays = await erasing.erase(self._writer, key, ending=(over,))
        for secret in self._vault.of_owner(key.id):
            self._vault.drop(secret.id)
        row = self._ledger.get(key.id)
        self._ledger.drop(key.id)
        if row is not None and stays:
            self._ledger.keep(row.changed(erasing.ROW))
        self._memory.sightings.pop(key.id, None)

    def wish_project(self, tenant_id: str) -> None:
        """The tenant's handler will find that a stack waits for the project."""
        self._memory.project_wishes.add(tenant_id)

    def proven(self, record_id: str, proof: naming.Proof) -> None:
        """The 201 of our own create is proof until the list says something else."""
        seen = self._memory.of(record_id)
        seen.look, seen.look_entry, seen.strange_since = proof, ("", ""), None

    def _ledger_write(
        self, key: contract.Key, changes: Mapping[str, Any] | None
    ) -> tuple[ledgers.LedgerRow | None, list[Write]]:
        if not changes:
            return None, []
        old = self._ledger.get(key.id)
        if old is not None and old.format != ledgers.FORMAT:
            changes = {**changes, "format": ledgers.FORMAT}
        row = (old or ledgers.LedgerRow(id=key.id, kind=key.collection)).changed(changes)
        columns = _columns(row)
        body = columns if old is None else {name: columns[name] for name in changes}
        return row, [Write("POST" if old is None else "PATCH", ledgers.COLLECTION, key.id, body)]

    def _claim(self, host: str, record_id: str) -> None:
        if not host:
            return
        taking = next(
            (other for other, name in self._claims.items() if name == host and other != record_id), ""
        )
        holder = taking or self._ledger.holder_of(host)
        if holder not in (None, record_id):
            raise errors.Refusal(
                "DOMAIN_TAKEN",
                "This domain is used by another stack. Choose another one.",
                what="the domain is taken",
                why=f"stack {holder} holds it",
                fix="choose another host name, or free it on that stack first",
            )
        self._claims[record_id] = host

    def _state_writes(
        self, shown: Mapping[str, Mapping[str, Any]], key: contract.Key, row: ledgers.LedgerRow | None
    ) -> list[Write]:
        """A line for every stack whose state changes by this, in the batch that shows it."""
        writes = []
        for stack, fields in shown.items():
            if new := history.changed(self._memory.of(stack).shown, fields):
                own = row if stack == key.id else None
                writes.append(self._entry_write(contract.Key(records.STACKS, stack), new[0], own, new[1]))
        return writes

    def _entry_write(
        self, key: contract.Key, entry: steps.Entry, row: ledgers.LedgerRow | None, state: str = ""
    ) -> Write:
        row = row or self._ledger.get(key.id)
        stack = key.id if key.collection == records.STACKS else ""
        tenant = (row.tenant_id if row else "") if stack else ""
        if stack and not tenant:
            tenant = str(self._memory.of(stack).shown.get("tenant_id") or "")
        if key.collection == records.TENANTS:
            tenant = key.id
        now = status.stamp(datetime.now(UTC))
        body = {
            "stack_id": stack,
            "tenant_id": tenant,
            "verb": entry.verb,
            "outcome": entry.outcome,
            "actor": ACTOR,
            "reason": entry.reason,
            "detail": dict(entry.detail),
            "fence": self._fence(),
            "text": history.sentence(entry, state, self._language) if tenant else "",
            "side": history.side(entry),
            "state": state,
            "begun" if entry.outcome == "started" else "ended": now,
        }
        return Write("POST", OPERATIONS, new_id(), body)


def _stacks(shown: Mapping[contract.Key, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Of these fields to show, those of stacks whose state they say: by record id."""
    return {
        key.id: fields
        for key, fields in shown.items()
        if key.collection == records.STACKS and {"status", "health"} & fields.keys()
    }


def _record_writes(
    key: contract.Key, revive: Mapping[str, Any], show: Mapping[str, Any], consume: str = ""
) -> list[Write]:
    """The record is made again, or what it shows is written, or its action cleared."""
    made = [Write("POST", key.collection, key.id, dict(revive))] if revive else []
    if consume:
        body = {**show, "action": ""}
        return [*made, Write("PATCH", key.collection, key.id, body, query={"if_action": consume})]
    return [*made, Write("PATCH", key.collection, key.id, dict(show), optional=True)] if show else made


def new_id() -> str:
    """An id as PocketBase makes them, chosen here so that a repeated write makes no second line."""
    number, found = secrets.randbelow(len(ID_CHARACTERS) ** 15), ""
    for _ in range(15):
        number, letter = divmod(number, len(ID_CHARACTERS))
        found += ID_CHARACTERS[letter]
    return found


def _columns(row: ledgers.LedgerRow) -> dict[str, Any]:
    """The row as PocketBase takes it; times in its own form, absent ones as empty text."""
    body = row.columns()
    for name in ("start_begun", "deletion_seen", "purge_announced"):
        body[name] = status.stamp(body[name]) if body[name] else ""
    return body | {"env_keys": list(row.env_keys)}
