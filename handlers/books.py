"""What every stack asks for and holds, so that admission is one look and never races.

Two workers may decide about two stacks at once. Whoever is admitted is booked before anything is awaited, and
stays booked by its ledger row, so together they never get more than there is. Nothing here is kept over a
restart: holders are read out of the ledger, askers out of the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import anyio
import anyio.lowlevel

from handlers import admission, asks, demand, ledger, placement, records, servers
from handlers.amounts import NOTHING, Demand
from handlers.eyes import Eyes
from handlers.placement import Queued
from listener import errors
from listener.compose.catalog import Catalog

RESTING = ("stopped", "retained")
CHUNK = 100
"""Records read without letting others have their turns; each takes some 70 µs."""
MOST_WOKEN = 20
"""Stacks that one release of room wakes at once; each that starts wakes others."""

Verdict = errors.Refusal | placement.Place


class Books:
    """Asks by tenant, and what was decided from them. Everything but `ready` is done without awaiting."""

    def __init__(self, *, eyes: Eyes, catalog: Catalog) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._asks: dict[str, asks.Ask] = {}
        self._tenants: dict[str, set[str]] = {}
        self._claims: dict[str, tuple[str, Demand]] = {}
        self._unfit: set[str] = set()
        self._told: set[str] = set()
        self._edition = 0
        self._judged: dict[str, tuple[object, Mapping[str, errors.Refusal]]] = {}
        self._lined: tuple[object, Mapping[str, placement.Place]] = (None, {})
        self._term = -1
        self._first = anyio.Lock()

    async def ready(self) -> None:
        """Every record is in the books, once a term."""
        async with self._first:
            eyes = self._eyes
            if self._term == eyes.loaded_term:
                return
            term, there = eyes.loaded_term, set[str]()
            async with eyes.database.proven():
                listed = await eyes.database.list(records.TENANTS)
                tenants = {row["id"]: records.tenant(row) for row in listed}
                await eyes.read_tiers()
                async for page in eyes.database.pages(records.STACKS):
                    for stack in map(records.stack, page):
                        if not len(there) % CHUNK:
                            await anyio.lowlevel.checkpoint()
                        self.learn(stack.id, stack, tenants.get(stack.tenant_id))
                        there.add(stack.id)
            self.listed(there, term)

    def listed(self, there: AbstractSet[str], term: int) -> None:
        """These records, all learned in this term, are all there are."""
        for record_id in self._asks.keys() - there:
            self.learn(record_id, None, None)
        if self._term != term:
            self._claims.clear()
            self._told.clear()
            self._term = term

    def learn(
        self, record_id: str, record: records.StackRecord | None, tenant: records.TenantRecord | None
    ) -> None:
        """The books hold what this record asks for now; a deleted one asks for nothing."""
        wanted = record is not None and record.desired_state != "deleted"
        ask = asks.read(self._eyes, self._catalog, record, tenant) if record and wanted else None
        old = self._asks.get(record_id)
        if ask == old:
            return
        self._edition += 1
        self._unfit.discard(record_id)
        if old is not None:
            self._tenants[old.tenant_id].discard(record_id)
            del self._asks[record_id]
        if ask is not None:
            self._asks[record_id] = ask
            self._tenants.setdefault(ask.tenant_id, set()).add(record_id)

    def ask(self, record_id: str) -> asks.Ask | None:
        """What this record asks for, as last learned."""
        return self._asks.get(record_id)

    def verdict(self, record_id: str) -> Verdict | None:
        """Where it may run, why not, or its place in line; None for what needs no more than it holds."""
        ask = self._asks.get(record_id)
        if self._claims.pop(record_id, None) is not None or record_id in self._unfit:
            self._unfit.discard(record_id)
            self._edition += 1
        if ask is None or ask.need is None or not ask.wants:
            return None
        denied = self._denied(ask.tenant_id).get(record_id)
        if denied is not None:
            return denied
        return self._place(ask)

    def settle(self, record_id: str, verdict: Verdict | None, *, takes: bool, unfit: bool) -> None:
        """What became of a verdict: room is taken, or it waits, or it is refused for reasons of its own."""
        known = len(self._unfit), len(self._claims)
        (self._unfit.add if unfit else self._unfit.discard)(record_id)
        if takes and isinstance(verdict, placement.Placed) and (ask := self._asks.get(record_id)):
            self._claims[record_id] = (verdict.server, ask.need or NOTHING)
        waits = verdict is not None and not isinstance(verdict, placement.Placed)
        (self._told.add if waits else self._told.discard)(record_id)
        if known != (len(self._unfit), len(self._claims)):
            self._edition += 1

    def relieved(self) -> tuple[str, ...]:
        """Stacks that were told to wait, or were refused, and would be admitted now."""
        found: list[str] = []
        for record_id in self._told:
            ask = self._asks.get(record_id)
            if ask is None or len(found) >= MOST_WOKEN:
                continue
            is_denied = record_id in self._denied(ask.tenant_id)
            if not is_denied and isinstance(self._place(ask), placement.Placed | None):
                found.append(record_id)
        return tuple(found)

    def waiting(self) -> Mapping[str, placement.Place]:
        """Everybody in line, and where they fit."""
        return self._line()

    def rank(self, tenant_id: str) -> int:
        """The priority of the tenant's tier, 0 when it is not known."""
        ask = next((self._asks[one] for one in self._tenants.get(tenant_id, ())), None)
        tier = self._eyes.tiers.get(ask.tenant.tier) if ask and ask.tenant else None
        return tier.priority if tier else 0

    def size(self, tenant_id: str) -> int:
        """How many stacks of the tenant ask for something."""
        return len(self._tenants.get(tenant_id, ()))

    def counts(self, tenant_id: str) -> asks.Counts:
        """How its stacks fare, as its own record says it."""
        ids = self._tenants.get(tenant_id, set())
        rows = [row for one in ids if (row := self._eyes.ledger.get(one)) is not None]
        line = self._line() if self._told else {}
        queued = [place for one in ids - self._claims.keys() if isinstance(place := line.get(one), Queued)]
        tenant = next((self._asks[one].tenant for one in ids), None)
        most = self.quota(tenant).stacks if tenant else 0
        return asks.count(rows, queued, refused=len(self._denied(tenant_id)), most=most)

    def quota(self, tenant: records.TenantRecord) -> admission.Quota:
        """What the tenant may have in all."""
        return demand.quota(tenant, self._eyes.tiers.get(tenant.tier))

    def booked(self) -> dict[str, Demand]:
        """By server, what is held there; services that are not ours included."""
        found = dict(servers.foreign(self._eyes))
        for row in self._eyes.ledger.rows(records.STACKS):
            if row.id not in self._claims:
                held = self._held(row)
                found[row.server_uuid] = found.get(row.server_uuid, NOTHING) + held
        for server, need in self._claims.values():
            found[server] = found.get(server, NOTHING) + need
        return found

    def _held(self, row: ledger.LedgerRow | None) -> Demand:
        """What a ledger row holds on its server: all while it may run, the disk while its data is kept."""
        if row is None or row.stage == "closed" or not (row.service_uuid or row.intent):
            return NOTHING
        held = self._applied(row)
        return Demand(disk_mb=held.disk_mb) if row.stage in RESTING else held

    def _applied(self, row: ledger.LedgerRow) -> Demand:
        """What it was last given; of one from before the books what it asks for now."""
        ask = self._asks.get(row.id)
        return Demand.read(row.made.get("demand")) or (ask.need if ask and ask.need else NOTHING)

    def _lines(self, tenant_id: str) -> Iterator[admission.Line]:
        for record_id in self._tenants.get(tenant_id, ()):
            ask, row = self._asks[record_id], self._eyes.ledger.get(record_id)
            claim = self._claims.get(record_id)
            exists = row is not None and row.stage not in asks.OVER and bool(row.service_uuid or row.intent)
            held = claim[1] if claim else (self._applied(row) if row is not None and exists else NOTHING)
            yield admission.Line(
                id=record_id,
                order=ask.order,
                template=ask.template,
                need=ask.need,
                held=held,
                exists=exists or claim is not None,
                asks=ask.wants and ask.need is not None and record_id not in self._unfit,
                has_own_host=bool(ask.host),
            )

    def _denied(self, tenant_id: str) -> Mapping[str, errors.Refusal]:
        key = (self._edition, self._eyes.ledger.versions[tenant_id], self._eyes.rulings)
        known = self._judged.get(tenant_id)
        if known is not None and known[0] == key:
            return known[1]
        of_tenant = [self._asks[one] for one in self._tenants.get(tenant_id, ())]
        tenant = next((ask.tenant for ask in of_tenant if ask.tenant is not None), None)
        found = admission.judge(self.quota(tenant), self._lines(tenant_id)) if tenant is not None else {}
        self._judged[tenant_id] = (key, found)
        return found

    def _line(self) -> Mapping[str, placement.Place]:
        """Who starts where, over all tenants, from the books as they are."""
        eyes = self._eyes
        seen = eyes.view.snapshot.requested_at
        key = (self._edition, eyes.ledger.versions[""], eyes.rulings, seen, eyes.disk)
        if self._lined[0] != key:
            known = servers.known(eyes)
            is_bounded = any(one.is_bounded for one in known.values())
            found = placement.line_up(self._askers(known), known, self.booked()) if is_bounded else {}
            self._lined = (key, found)
        return self._lined[1]

    def _place(self, ask: asks.Ask) -> placement.Place | None:
        """Its place; who may be where nothing is bounded needs no line."""
        known, row = servers.known(self._eyes), self._eyes.ledger.get(ask.id)
        if ask.need is None or ask.tenant is None or ask.need.beyond(self._held(row)) == NOTHING:
            return None
        where = self._where(row, ask.tenant, known)
        if not where:
            return placement.Queued(0, "", NOTHING)
        if all(uuid in known and known[uuid].is_swarm for uuid in where):
            return placement.Swarm(known[where[0]].name)
        if any(uuid in known and known[uuid].is_bounded for uuid in where):
            return self._line().get(ask.id)
        return placement.Placed(where[0])

    def _askers(self, known: Mapping[str, placement.Server]) -> Iterator[placement.Asker]:
        for ask in self._asks.values():
            tenant = ask.tenant
            if not ask.wants or ask.need is None or tenant is None:
                continue
            if ask.id in self._unfit or ask.id in self._claims:
                continue
            row = self._eyes.ledger.get(ask.id)
            need = ask.need.beyond(self._held(row))
            if need == NOTHING or ask.id in self._denied(ask.tenant_id):
                continue
            where = self._where(row, tenant, known)
            if any(uuid in known and known[uuid].is_bounded for uuid in where):
                tier = self._eyes.tiers.get(tenant.tier)
                order = (-(tier.priority if tier else 0), *ask.order)
                yield placement.Asker(ask.id, order, need, where, ask.need)

    def _where(
        self,
        row: ledger.LedgerRow | None,
        tenant: records.TenantRecord,
        known: Mapping[str, placement.Server],
    ) -> tuple[str, ...]:
        """A stack never changes its server; a new one is placed."""
        if row is not None and row.stage != "closed" and row.server_uuid:
            return (row.server_uuid,)
        tier = self._eyes.tiers.get(tenant.tier)
        return placement.candidates(
            known.values(),
            tenant_id=tenant.id,
            tier=tenant.tier,
            named=tenant.server,
            needs_own=bool(tier and tier.dedicated),
        )
