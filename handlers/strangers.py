"""Services that no ledger row knows, and what their descriptions say: lists have names only.

Each is read once, and again when it changed; what was read is kept with the rest of the memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from handlers import naming, records
from handlers.eyes import Eyes
from listener.coolify import payloads

OURS = re.compile(r"cf-[a-z0-9-]+-[a-z0-9]{15}")
"""How the listener names a service: after the last `-` stands the record's id."""
CLONE = "-clone-"
"""In the name that Coolify gives to a copy (4.3.10); the copy has the original's description."""


def unknown(eyes: Eyes) -> list[payloads.ServiceEntry]:
    """Services as last listed that are in no row of the ledger."""
    ours = {row.service_uuid for row in eyes.ledger.rows(records.STACKS)}
    return [one for one in eyes.view.snapshot.services.values() if one.uuid not in ours]


def unread(eyes: Eyes, services: Sequence[payloads.ServiceEntry]) -> list[payloads.ServiceEntry]:
    """Those whose descriptions were not read since they changed."""
    return [one for one in services if (one.uuid, one.updated_at) not in eyes.memory.markers]


async def marker(eyes: Eyes, service: payloads.ServiceEntry) -> naming.Marker | None:
    """The marker in its description, None without one. A 404 counts only for our own team."""
    known, seen = eyes.memory.markers, (service.uuid, service.updated_at)
    if seen not in known:
        detail = await eyes.coolify.service(service.uuid)
        if detail is None:
            await eyes.prove_team()
        known[seen] = naming.read(detail.description) if detail else None
    return known[seen]


def marked(eyes: Eyes) -> list[tuple[payloads.ServiceEntry, naming.Marker]]:
    """Unknown services whose descriptions were read and hold a marker, oldest first, copies last."""
    known = eyes.memory.markers
    found = [
        (one, said) for one in unknown(eyes) if (said := known.get((one.uuid, one.updated_at))) is not None
    ]
    return sorted(found, key=lambda pair: (CLONE in pair[0].name, pair[0].created_at, pair[0].uuid))


def without_row(eyes: Eyes) -> dict[str, tuple[payloads.ServiceEntry, naming.Marker]]:
    """By record id, the oldest service that carries our full marker where the ledger has no such row."""
    found: dict[str, tuple[payloads.ServiceEntry, naming.Marker]] = {}
    for one, said in marked(eyes):
        is_ours = said.inst == eyes.site.inst and said.stack and CLONE not in one.name
        if is_ours and eyes.ledger.get(said.stack) is None:
            found.setdefault(said.stack, (one, said))
    return found


async def without_record(eyes: Eyes, ids: Sequence[str]) -> set[str]:
    """Those ids of stacks of which a proven identity sees no record, neither listed nor in our id view."""
    if not ids:
        return set()
    async with eyes.database.proven():
        listed = await eyes.database.list(records.STACKS, fields="id")
        viewed = await eyes.database.list("agent_stack_ids", fields="id")
    return set(ids) - {str(row["id"]) for row in (*listed, *viewed)}
