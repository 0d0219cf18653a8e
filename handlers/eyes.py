"""What the handlers see the world with, and the little that they keep of it between two looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers import absence, ledger, memory, naming, pause, records, releases, vault
from handlers.site import Site
from listener import contract, errors
from listener.coolify.client import Coolify
from listener.coolify.view import View
from listener.dockerwatch import disk
from listener.pocketbase.client import PocketBase, quoted

META = "listener_meta"
REQUESTS = "listener_requests"
TOMBSTONES = "listener_tombstones"
ID_VIEWS: Mapping[str, str] = {records.STACKS: "agent_stack_ids", records.TENANTS: "tenant_ids"}
"""Our own id views: no rule on the table can hide a row from them."""


@dataclass(slots=True)
class Eyes:
    """Both upstreams to read from, the ledger, and the memory; nothing here has an effect."""

    database: PocketBase
    coolify: Coolify
    view: View
    ledger: ledger.Ledger
    vault: vault.Vault
    memory: memory.Memory
    site: Site
    now: Callable[[], datetime]
    """Time of day, UTC; durations are never taken from it alone."""
    team_id: int
    term: Callable[[], int]
    """Which term of the lease this is, 0 before the first; rows of an earlier one are not believed."""
    skew: Callable[[], float]
    """Seconds by which the clocks of this host and of the upstreams differ at most."""
    accept: Callable[[], Awaitable[None]]
    """Says for good that what is in PocketBase is the listener's to act on."""
    tiers: Mapping[str, records.Tier] = field(default_factory=dict)
    """By id, as last swept or changed."""
    servers: Mapping[str, records.ServerRecord] = field(default_factory=dict)
    """By Coolify's uuid, as last swept or changed."""
    rulings: int = 0
    """Grows whenever tiers or servers become others."""
    disk: disk.Report | None = None
    """How full the disk of this host is, as last measured."""
    loaded_term: int = -1
    speak: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None
    """Writes down what the hooks must know of the site: its language, texts and host names."""
    has_hooks: bool = False
    """PocketBase's hooks ran when its `listener_meta` was read last."""
    accepted_at: str = ""
    """When a person accepted what is in PocketBase, as it was read last."""
    missed: dict[str, str] = field(default_factory=dict)
    """Collection of which too much was missing -> the acceptance that there was before."""
    is_first_contact: bool = False
    """There are stack records and no ledger rows, and nobody accepted that yet: observe only."""

    meta: Mapping[str, Any] = field(default_factory=dict)
    """`listener_meta` as it was read last: at every sweep, which a change of it asks for."""
    paused: pause.Pause = field(default_factory=pause.Pause)
    """As `listener_meta` said when it was read last."""

    @property
    def is_paused(self) -> bool:
        """A person wants nothing done for now."""
        return self.paused.holds(self.now())

    @property
    def is_caught_up(self) -> bool:
        """The ledger in memory is that of the present term: plans may be applied."""
        return self.loaded_term == self.term()

    def is_urgent(self, key: contract.Key) -> bool:
        """It goes before everything else: a command of staff's, or what staff wants stopped at once."""
        return key.collection == REQUESTS or key.id in self.memory.urgent

    async def catch_up(self) -> None:
        """The ledger is that of the present term, and first contact is judged. Begins every sweep.

        Raises what `releases.check` raises: then nothing of it was read.
        """
        meta = await self.database.get(META, "main") or {}
        await releases.check(self.database, meta)
        self.meta = meta
        self.accepted_at = str(meta.get("accepted_at") or "")
        is_accepted = bool(self.accepted_at)
        self.has_hooks = bool(meta.get("hooks_stamp"))
        self.paused = pause.of(meta)
        term = self.term()
        if self.loaded_term != term:
            await self.ledger.load(self.database)
            await self.vault.load(self.database)
            self.memory.forget()
            is_new = not self.ledger.is_known and not is_accepted
            stacks = await self.database.list(records.STACKS, fields="id") if is_new else []
            self.is_first_contact = bool(stacks)
            if is_new and not stacks and term:
                await self.accept()
            self.loaded_term = term
        await self._tell_hooks(meta, term)
        if is_accepted:
            self.is_first_contact = False

    @contextmanager
    def in_one_term(self) -> Iterator[None]:
        """Raises `Transient` when the lease was taken anew inside: what was read before is not believed."""
        term = self.term()
        yield
        if self.term() != term:
            raise errors.Transient("TERM_CHANGED", "the lease was taken anew while a plan was made")

    async def _tell_hooks(self, meta: Mapping[str, Any], term: int) -> None:
        said = self.site.for_hooks(self.now())
        if term and self.speak and meta and any(meta.get(name) != value for name, value in said.items()):
            await self.speak(said)

    async def read_tiers(self) -> None:
        """Tiers and servers are what PocketBase holds now."""
        tiers = {row["id"]: records.tier(row) for row in await self.database.list("plan_tiers")}
        servers = {row["uuid"]: records.server(row) for row in await self.database.list("servers")}
        self.rulings += (tiers, servers) != (self.tiers, self.servers)
        self.tiers, self.servers = tiers, servers

    async def tenant(self, tenant_id: str) -> records.TenantRecord | None:
        """The tenant's record, or None for a 404 (which proves nothing)."""
        row = await self.database.get(records.TENANTS, tenant_id) if tenant_id else None
        return records.tenant(row) if row else None

    async def read_tombstones(self, collection: str, there: AbstractSet[str]) -> None:
        """What the hooks wrote down of hard deletes is evidence, like an event; but not of what is there."""
        wanted = f"collection={quoted(collection)}"
        rows = await self.database.list(TOMBSTONES, filter=wanted, fields="record_id")
        for record_id in {str(row["record_id"]) for row in rows} - there:
            known = self.ledger.get(record_id)
            if known is not None and known.stage != "closed":
                self.memory.of(record_id).deleted_heard = True

    def judge_absence(
        self,
        collection: str,
        live: AbstractSet[str],
        returned: AbstractSet[str],
        viewed: AbstractSet[str],
        *,
        uncounted: AbstractSet[str] = frozenset(),
    ) -> bool:
        """What a proven sweep says of `live` ledger ids is remembered; True = too much is missing at once.

        `uncounted` ids may be missing in any number. What is missing in a mass is evidence once a person
        accepted it since.
        """
        if self._is_accepted(collection):
            for record_id in live - returned - viewed:
                self.memory.of(record_id).deleted_heard = True
        remembered = self.memory
        before = remembered.absent.get(collection, absence.NOTHING_MISSING)
        verdict = absence.judge(
            expected=frozenset(live),
            returned=frozenset(returned),
            viewed=frozenset(viewed),
            heard=frozenset(i for i in live if remembered.of(i).deleted_heard),
            since=before.since,
            now=remembered.clock(),
            apart=self.site.waits.absence,
            uncounted=frozenset(uncounted),
        )
        remembered.absent[collection] = verdict
        if verdict.is_mass:
            self.missed.setdefault(collection, self.accepted_at)
        else:
            self.missed.pop(collection, None)
        return verdict.is_mass

    def _is_accepted(self, collection: str) -> bool:
        """Too much of it was missing, and a person accepted that."""
        return collection in self.missed and self.accepted_at > self.missed[collection]

    async def is_gone(self, collection: str, record_id: str) -> bool:
        """A record is gone: there is evidence, and two reads by a proven identity say 404."""
        absent = self.memory.absent.get(collection, absence.NOTHING_MISSING)
        if not self.memory.of(record_id).deleted_heard and record_id not in absent.enough:
            return False
        async with self.database.proven():
            row = await self.database.get(collection, record_id)
            known = await self.database.get(ID_VIEWS[collection], record_id)
        return row is None and known is None

    async def look(self, uuid: str, wanted: naming.Marker) -> naming.Look:
        """One service read by uuid. A 404 counts only while the team check answers for our team."""
        read_at = self.memory.clock()
        detail = await self.coolify.service(uuid)
        if detail is not None:
            return naming.prove(detail, wanted, read_at)
        await self.prove_team()
        return naming.Missing(uuid, read_at)

    async def prove_team(self) -> None:
        """Coolify answers for our team just now, so a 404 means what it says; raises `Global` otherwise."""
        team = await self.coolify.team()
        if team.id != self.team_id:
            raise errors.Global(
                "COOLIFY_WRONG_TEAM",
                "Coolify answers for another team than at the start",
                why=f"the token belongs to team {team.name!r} ({team.id}) now, it was {self.team_id}",
                fix="set COOLIFY_TOKEN to a token of the team that holds the tenants' projects",
            )
