"""Values that work for one stack only, such as a bot's token: who holds which.

Telegram gives a bot's messages to one poller. What a record asks for is compared by a keyed hash whose key
dies with the process, so nothing about the value is ever stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import anyio

from handlers import asks, records
from handlers.eyes import Eyes
from listener import errors
from listener.compose.catalog import Catalog


class Exclusive:
    """By keyed hash the stacks that ask for a value, in the order in which that was learned."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._key = secrets.token_bytes(32)
        self._asking: dict[tuple[str, bytes], dict[str, None]] = {}
        self._wanted: dict[str, tuple[tuple[str, bytes], ...]] = {}
        self._claims: set[str] = set()
        self._term = -1
        self._first = anyio.Lock()

    async def ready(self, eyes: Eyes) -> None:
        """What every record asks for is known, once a term."""
        async with self._first:
            term = eyes.loaded_term
            if self._term == term:
                return
            rows = await eyes.database.list(records.STACKS, fields="id,template,config")
            self.begin(term)
            for row in rows:
                self.learn(row["id"], records.stack(row))
            self.listed(term)

    def begin(self, term: int) -> bool:
        """Whether every record is to be learned, as none was in this term: then nothing is known now."""
        if self._term == term:
            return False
        self._asking.clear()
        self._wanted.clear()
        self._claims.clear()
        return True

    def listed(self, term: int) -> None:
        """Every record there is was learned in this term."""
        self._term = term

    def learn(self, record_id: str, record: records.StackRecord | None) -> None:
        """The record asks for these values now; an absent one, or one to be deleted, for none."""
        asks = record is not None and record.desired_state != "deleted"
        wanted = tuple(self._marks(record)) if record is not None and asks else ()
        for mark in set(self._wanted.pop(record_id, ())) - set(wanted):
            self._asking[mark].pop(record_id, None)
        for mark in wanted:
            self._asking.setdefault(mark, {})[record_id] = None
        if wanted:
            self._wanted[record_id] = wanted

    def claim(self, record_id: str, *, is_made: bool) -> None:
        """Whether a service is about to be made of the record: until the next look it counts as one."""
        (self._claims.add if is_made else self._claims.discard)(record_id)

    def taken(self, record_id: str, eyes: Eyes) -> tuple[str, str] | None:
        """Name of a variable whose value another stack holds, and that stack's record id."""
        for mark in self._wanted.get(record_id, ()):
            asking = tuple(self._asking[mark])
            if len(asking) == 1:
                continue
            holders = [one for one in asking if self._holds(one, mark, eyes)]
            if holders and holders[0] != record_id:
                return mark[0], holders[0]
        return None

    def _holds(self, record_id: str, mark: tuple[str, bytes], eyes: Eyes) -> bool:
        """A service that has the value may run, or is being made."""
        row = eyes.ledger.get(record_id)
        if row is None or row.stage in asks.OVER or not (row.service_uuid or row.intent):
            return record_id in self._claims
        try:
            sent = records.StackRecord.model_validate_json(eyes.vault.unsealed(row.last_spec))
        except (errors.Refusal, ValueError):
            return True
        return mark in self._marks(sent)

    def _marks(self, record: records.StackRecord) -> Iterator[tuple[str, bytes]]:
        template = self._catalog.get(record.template)
        config: Any = record.config
        given = config.get("env_vars") if isinstance(config, Mapping) else None
        if template is None or not isinstance(given, Mapping):
            return
        for parameter in template.manifest.parameters:
            texts = [given.get(name) for name in (parameter.name, *parameter.aliases)] * parameter.unique
            value = next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
            if value:
                data = value.encode(errors="surrogatepass")
                yield parameter.name, hmac.digest(self._key, data, hashlib.sha256)
