"""Everything that `desired` and `decide` may know about one stack, gathered before they run, frozen after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr

from handlers import ledger, naming, records
from handlers.books import Verdict
from handlers.site import Site
from listener import contract, errors
from listener.coolify import payloads
from listener.coolify import standing as standings
from listener.dns import verdict as proofs
from listener.probe import verdict as probed


@dataclass(frozen=True, slots=True)
class StackFacts:
    """One stack as observed. `clock` and all `..._at` and `..._since` are seconds on the listener's clock."""

    id: str
    now: datetime
    clock: float
    site: Site
    salt: str
    record: records.StackRecord | None
    gone: bool
    """The record is absent, with the proof that rule 5 of the design asks for."""
    tenant: records.TenantRecord | None
    tier: records.Tier | None
    ledger: ledger.LedgerRow | None
    project_uuid: str
    host_holder: str | None
    """Id of another record that holds the wanted host name."""
    entry: payloads.ServiceEntry | None
    """The ledger's service in the list."""
    marked: tuple[payloads.ServiceEntry, ...]
    """Services whose name ends in this record's id, oldest first."""
    server: payloads.Server | None
    listed_at: float
    """When the services of its server were asked for."""
    list_is_complete: bool
    effect_at: float
    exited_since: float | None
    is_restart_seen: bool
    """What runs now was started by our last start, not before it."""
    unmarked_since: float | None
    strange_since: float | None
    start_at: float
    """When this process last told it to start; minus infinity when an earlier one did, or nobody."""
    stop_at: float
    stop_since: float | None
    began_at: float
    look: naming.Look | None
    skew: float
    """Seconds by which the clocks of this host and of the upstreams differ."""
    away_at: float = float("-inf")
    """When Coolify was last known not to reach or use its server; minus infinity when it never was."""
    autopsy: str = field(default="", repr=False)
    """What is known of why it does not run well: containers, images, last log lines, where to look."""
    origin: str = field(default="", repr=False)
    """Of a stack that the listener did not make: what it is, and which command helps."""
    is_project_held: bool = False
    """A person must say what becomes of an older project of its tenant's."""
    verdict: Verdict | None = None
    """What quota and servers say to what it asks for beyond what it holds; None when it asks for no more."""
    is_braked: bool = False
    """So many deletions went within the hour that this one has to wait."""
    lacks_copy: bool = False
    """Its data may not be removed yet: no copy of it is proven, and nobody waived that."""
    turn: str = ""
    """Why new limits of the tier may not be applied yet; empty when it is its turn."""
    standing: standings.Standing | None = None
    """What the service is made of in Coolify, when it was read for this plan."""
    witness: probed.Verdict | None = None
    """What its domain answered since our last effect, if it was asked."""
    host_proof: proofs.Verdict | None = None
    """What the name servers said of its own domain, if they were asked."""
    door: tuple[str, ...] = ()
    """Where an own domain must lead: addresses or names of its server; none when they are not known."""
    secrets: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
    """What is kept for the stack or its tenant, by name."""
    taken: tuple[str, str] | None = None
    """A variable whose value works for one stack only, and the record id of the stack that holds it."""
    unsealable: errors.Refusal | None = None
    """Why what is kept cannot be opened."""
    refused_hash: str = ""
    refusal: tuple[str, str, str] = field(default=("", "", ""), repr=False)
    has_hooks: bool = False
    """PocketBase's hooks are in force: staff actions are staff's, and a stale form repeats none."""
    stale_action: bool = False
    """The record's action is one that was carried out moments ago: a stale form, not a wish."""

    @property
    def is_fresh(self) -> bool:
        """The list was requested after our last effect on this stack."""
        return self.listed_at > self.effect_at

    @property
    def marker(self) -> naming.Marker:
        """What this stack's service must carry."""
        row, record = self.ledger, self.record
        tenant = row.tenant_id if row else (record.tenant_id if record else "")
        return naming.Marker(inst=self.site.inst, tenant=tenant, stack=self.id)

    @property
    def key(self) -> contract.Key:
        """The stack's key."""
        return contract.Key(records.STACKS, self.id)

    def at(self, moment: float) -> datetime:
        """A point on the listener's clock as a time of day."""
        return self.now + timedelta(seconds=moment - self.clock)

    def say(self, code: str, **values: str) -> str:
        """A message in the site's language."""
        return self.site.voice.say(code, **values)

    def when(self, moment: float) -> str:
        """A point on the listener's clock, for people."""
        return self.site.voice.at(self.at(moment))
