"""Services of ours of which neither a record nor the ledger knows: found, written down, never lost again.

A row in the ledger makes each one a stack like a hard-deleted one: grace, then stopped, then kept. Its data
goes only by approval. Projects without a tenant are reported and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from handlers import ledger, naming, records, steps, strangers
from handlers.eyes import ID_VIEWS, Eyes
from listener import contract
from listener.coolify import payloads

READS = 20
"""Descriptions that one round reads at most, of services that nobody has read yet."""
DAY = 86400.0
"""Seconds between two looks at the projects."""

log = structlog.get_logger()


def alive(rows: ledger.Ledger) -> list[ledger.LedgerRow]:
    """The orphans' rows, oldest first; a closed one is an orphan no more."""
    found = [row for row in rows.rows(records.STACKS) if row.orphan and row.stage != "closed"]
    return sorted(found, key=lambda row: (row.orphan, row.id))


async def projects(eyes: Eyes, listed: Sequence[payloads.Project]) -> list[payloads.Project]:
    """Of all projects those with our marker whose tenant has neither a record nor a ledger row."""
    found = []
    for one in listed:
        said = naming.read(one.description)
        is_ours = said is not None and said.inst == eyes.site.inst and not said.stack
        if said is not None and is_ours and eyes.ledger.get(said.tenant) is None:
            found.append((one, said.tenant))
    if not found:
        return []
    async with eyes.database.proven():
        rows = await eyes.database.list(records.TENANTS, fields="id")
        rows += await eyes.database.list(ID_VIEWS[records.TENANTS], fields="id")
    known = {str(row["id"]) for row in rows}
    return [one for one, tenant in found if tenant not in known]


class Finder:
    """Looks for orphans while the lists are believed: `gate` names the reasons against acting just now."""

    def __init__(self, *, eyes: Eyes, scribe: steps.Scribe, gate: Callable[[], Sequence[str]]) -> None:
        self._eyes = eyes
        self._scribe = scribe
        self._gate = gate
        self._projects_at = float("-inf")

    def interval(self) -> float:
        """Seconds to the next round: fewer while descriptions are left to read, or nothing may be told."""
        waits = self._eyes.site.waits
        if self._gate():
            return waits.poll_busy
        has_more = bool(strangers.unread(self._eyes, strangers.unknown(self._eyes)))
        return waits.poll if has_more else waits.resync

    async def round(self) -> Iterable[contract.Key]:
        """Every orphan that can be told now has a row; the keys of new ones."""
        eyes = self._eyes
        if self._gate():
            return ()
        self._forget_gone()
        for one in strangers.unread(eyes, strangers.unknown(eyes))[:READS]:
            await strangers.marker(eyes, one)
        found = strangers.without_row(eyes)
        lost = sorted(await strangers.without_record(eyes, tuple(found)))
        made = [key for stack in lost if (key := await self._written(*found[stack])) is not None]
        if eyes.memory.clock() - self._projects_at >= DAY:
            self._projects_at = eyes.memory.clock()
            if left := await projects(eyes, await eyes.coolify.projects()):
                log.warning("orphans.projects", projects=[one.name for one in left])
        return made

    async def _written(self, service: payloads.ServiceEntry, said: naming.Marker) -> contract.Key | None:
        """The orphan's key once it has a row; None when the service is another than it was listed as."""
        eyes, key = self._eyes, contract.Key(records.STACKS, said.stack)
        detail = await eyes.coolify.service(service.uuid)
        if detail is None or naming.read(detail.description) != said or self._gate():
            return None
        row = {
            "tenant_id": said.tenant,
            "server_uuid": service.server_uuid,
            "project_uuid": detail.project_uuid,
            "service_uuid": service.uuid,
            "applied_spec": {"service_name": service.name, "orphan": eyes.now().isoformat()},
        }
        named = {"service_uuid": service.uuid, "name": service.name}
        entry = steps.Entry("stack.orphan", "started", "neither a record nor a ledger row", named)
        await self._scribe.record(key, ledger=row, entry=entry)
        log.warning("orphan.found", stack=said.stack, tenant=said.tenant, **named)
        return key

    def _forget_gone(self) -> None:
        """Nothing is kept of services that are gone or were read again since."""
        known, there = self._eyes.memory.markers, self._eyes.view.snapshot.services
        for uuid, updated_at in list(known):
            if uuid not in there or there[uuid].updated_at != updated_at:
                del known[uuid, updated_at]
