"""The second witness's rounds: which domains are asked, and when. What they answer never causes a step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

from handlers import memory, records
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from listener import contract
from listener.compose.catalog import Catalog
from listener.probe import address, verdict

Look = Callable[[address.Address | None, str, str], Awaitable[verdict.Verdict]]
MOST = 100
"""Domains asked in one round: at five a second it takes 20 s."""
AT_REST = ("stopped", "retained")


class Witness:
    """Asks domains in turn and remembers the answers, by which plans show health."""

    def __init__(self, *, eyes: Eyes, catalog: Catalog, look: Look, door: address.Address | None) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._look = look
        self._door = door
        """Where the default server's proxy is asked, when it is not at the address that Coolify shows."""

    async def round(self) -> Iterable[contract.Key]:
        """Every domain whose turn it is was asked; the keys whose health is another now."""
        rows = self._eyes.ledger.rows(records.STACKS)
        due = [(row, host) for row in rows if (host := self.host_of(row)) and self._is_due(row)]
        due.sort(key=lambda one: self._asked_at(one[0]))
        changed: list[str] = []
        async with anyio.create_task_group() as tasks:
            for row, host in due[:MOST]:
                tasks.start_soon(self._ask, row, host, changed)
        return [contract.Key(records.STACKS, record_id) for record_id in changed]

    def host_of(self, row: LedgerRow) -> str:
        """The domain to ask: which it holds, or held when it was deleted if nobody has it now; "" if none."""
        if not row.service_uuid or row.intent or row.start_open or row.stage not in ("", *AT_REST):
            return ""
        if row.domain:
            return row.domain
        host = str(row.made.get("host") or "") if row.stage == "retained" else ""
        return "" if self._eyes.ledger.holder_of(host) else host

    async def _ask(self, row: LedgerRow, host: str, changed: list[str]) -> None:
        template = self._catalog.get(row.template)
        web = template.manifest.web if template else None
        found = await self._look(self._address(row.server_uuid), host, web.health_path if web else "/")
        seen = self._eyes.memory.of(row.id)
        before, seen.witness = seen.witness, found
        if before is not None and before.requested_at <= seen.effect_at:
            before = None
        if before is None or (before.word, before.reason) != (found.word, found.reason):
            changed.append(row.id)

    def _address(self, server_uuid: str) -> address.Address | None:
        if self._door is not None and server_uuid == self._eyes.site.server_uuid:
            return self._door
        server = self._eyes.view.snapshot.servers.get(server_uuid)
        return address.of_server(server.ip) if server else None

    def _asked_at(self, row: LedgerRow) -> float:
        seen = self._eyes.memory.of(row.id)
        return memory.NEVER if seen.witness is None else seen.witness.requested_at

    def _is_due(self, row: LedgerRow) -> bool:
        """Never asked since our last effect, or long ago; sooner while it contradicts Coolify."""
        seen, waits = self._eyes.memory.of(row.id), self._eyes.site.waits
        if seen.witness is None or seen.witness.requested_at <= seen.effect_at:
            return True
        wanted = verdict.Word.ABSENT if row.stage in AT_REST else verdict.Word.GOOD
        pace = waits.resync if seen.witness.word is wanted else waits.poll
        return self._eyes.memory.clock() - seen.witness.requested_at >= pace
