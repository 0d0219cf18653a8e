"""One sweep over all stacks, page by page, so that never more than a page of rows is in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio.lowlevel

from handlers import records
from handlers.books import CHUNK, Books
from handlers.eyes import ID_VIEWS, Eyes
from handlers.stacks import editions
from handlers.stacks.exclusive import Exclusive


@dataclass(slots=True)
class Seen:
    """What the lists said, by record id."""

    tenant_of: dict[str, str] = field(default_factory=dict)
    """Of every stack that was returned."""
    viewed: set[str] = field(default_factory=set)
    """In our own id view."""
    changed: list[str] = field(default_factory=list)
    """Stacks that are not what they were when they were last settled."""


async def sweep(eyes: Eyes, books: Books, exclusive: Exclusive) -> Seen:
    """What was listed between two proofs; the books hold it, and rows that differ are kept for a look."""
    seen, term = Seen(), eyes.loaded_term
    eyes.memory.swept.begin()
    async with eyes.database.proven():
        seen.viewed = {row["id"] for row in await eyes.database.list(ID_VIEWS[records.STACKS])}
        listed = await eyes.database.list(records.TENANTS)
        tenants = {row["id"]: records.tenant(row) for row in listed}
        await eyes.read_tiers()
        learns = exclusive.begin(term)
        async for page in eyes.database.pages(records.STACKS):
            for number, row in enumerate(page):
                if not number % CHUNK:
                    await anyio.lowlevel.checkpoint()
                stack = records.stack(row)
                tenant = tenants.get(stack.tenant_id)
                seen.tenant_of[stack.id] = tenant.id if tenant else stack.tenant_id
                books.learn(stack.id, stack, tenant)
                if learns:
                    exclusive.learn(stack.id, stack)
                if _differs(eyes, stack, tenant):
                    seen.changed.append(stack.id)
                    eyes.memory.swept.keep(row, tenant)
        await eyes.read_tombstones(records.STACKS, seen.tenant_of.keys() | seen.viewed)
    books.listed(seen.tenant_of.keys(), term)
    exclusive.listed(term)
    return seen


def _differs(eyes: Eyes, stack: records.StackRecord, tenant: records.TenantRecord | None) -> bool:
    """Record, tenant, tier or list entry is not what it was when the stack was last settled."""
    row = eyes.ledger.get(stack.id)
    entry = eyes.view.snapshot.services.get(row.service_uuid) if row else None
    tier = eyes.tiers.get(tenant.tier) if tenant else None
    return eyes.memory.of(stack.id).settled != editions.fingerprint(stack, tenant, tier, entry)
