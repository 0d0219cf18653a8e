"""The daemon's own objects, without the daemon: to see and decide as it does, with no lease and no effect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from handlers import eyes, records
from handlers.stacks.desired import Want
from handlers.stacks.facts import StackFacts
from handlers.stacks.host_proofs import HostProofs
from listener import app, contract, settings, sight, upstreams
from listener.cli import configured
from listener.pocketbase.client import PocketBase, Row, Rows

Changed = Callable[[Rows], Rows]
"""What becomes of a list of rows."""


class Pretended(PocketBase):
    """PocketBase, in which single records read as if they were written already."""

    def __init__(self, real: PocketBase) -> None:
        self.__dict__.update(vars(real))
        self.rows: dict[str, Row] = {}
        """By record id, as `get` shall return them, their expanded relations included."""
        self.changed: dict[str, Changed] = {}
        """By collection, what becomes of a list of it."""

    async def get(self, collection: str, id: str, *, expand: str = "") -> Row | None:  # noqa: A002
        """The pretended row, or the real one."""
        return self.rows.get(id) or await super().get(collection, id, expand=expand)

    async def list(
        self,
        collection: str,
        *,
        filter: str = "",  # noqa: A002
        fields: str = "",
        expand: str = "",
    ) -> Rows:
        """The real rows, changed."""
        found = await super().list(collection, filter=filter, fields=fields, expand=expand)
        change = self.changed.get(collection)
        return change(found) if change else found


@dataclass(frozen=True, slots=True)
class Idle:
    """What a daemon would know and think now."""

    app: app.App
    database: Pretended
    settings: settings.Settings
    accepted_at: str
    """When first contact was accepted, or empty."""
    proofs: HostProofs | None
    """Who looks own domains up; None when they need no proof."""

    async def explain(self, record_id: str) -> tuple[StackFacts, Want, contract.Plan]:
        """Facts, what is desired, and the plan for one stack; a domain that waits was looked up once."""
        key = contract.Key(records.STACKS, record_id)
        told = await self.app.stacks.explain(key)
        if self.proofs is not None and await self.proofs.settle(record_id):
            return await self.app.stacks.explain(key)
        return told

    @property
    def is_untouched(self) -> bool:
        """There is no stack and no ledger: nothing here can be somebody else's."""
        known = self.app.eyes.ledger.is_known or self.app.eyes.is_first_contact
        return not known and not self.accepted_at


@asynccontextmanager
async def ready(changed: Mapping[str, Changed] | None = None) -> AsyncIterator[Idle]:
    """Both upstreams reached, ledger and tiers read; lists of a collection in `changed` go through it.

    Raises what keeps the daemon from starting.
    """
    wanted = configured.load(settings.Settings)
    async with upstreams.connected(wanted, awaited=None) as reached:
        database = Pretended(reached.database)
        database.changed.update(changed or {})
        built = app.build(wanted, wanted.waits(), replace(reached, database=database))
        await built.eyes.catch_up()
        await built.eyes.read_tiers()
        meta = await database.get(eyes.META, "main") or {}
        accepted_at = str(meta.get("accepted_at") or "")
        yield Idle(built, database, wanted, accepted_at, sight.proofs(wanted, built.eyes))
