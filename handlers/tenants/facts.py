"""Everything that `decide` may know about one tenant, gathered before it runs, frozen after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handlers import ledger, naming, records
from handlers.site import Site
from handlers.tenants import adopt
from listener import contract
from listener.coolify import payloads


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """One tenant as observed. `projects` are Coolify's when one is wanted; else nobody asked."""

    id: str
    now: datetime
    clock: float
    began_at: float
    effect_at: float
    site: Site
    record: records.TenantRecord | None
    ledger: ledger.LedgerRow | None
    is_wished: bool
    projects: tuple[payloads.Project, ...]
    projects_at: float
    unmarked_since: float | None
    """Request time of the first project list, after the settle window, without our marker."""
    gone: bool = False
    """The record is absent, with the proof that rule 5 of the design asks for."""
    live: int = 0
    """Its stacks that the ledger has not closed."""
    is_doubted: bool = False
    """Coolify did not find its project when a service was to be made in it."""
    missing_since: float | None = None
    """Request time of the first project list that lacks the ledger's project."""
    kept_until: float = float("-inf")
    """Coolify refused to delete its project: not asked again before."""
    stacks: tuple[str, ...] = ()
    """Stacks to wake, because the tenant changed."""
    old: tuple[adopt.Found, ...] = ()
    """Unmarked projects that may be its own from before the listener; nobody else's stack lives in them."""
    has_stacks: bool = True
    """False for a tenant that only uses the Router: nothing about it is the listener's."""
    counted: str = ""
    """How its stacks fare, in a sentence."""
    refusal: str = ""
    """What Coolify's refusal of the project says to people, while nobody edited the tenant since."""

    @property
    def key(self) -> contract.Key:
        """The tenant's key."""
        return contract.Key(records.TENANTS, self.id)

    @property
    def marker(self) -> naming.Marker:
        """What the tenant's project must carry."""
        return naming.Marker(self.site.inst, self.id)

    @property
    def marked(self) -> tuple[payloads.Project, ...]:
        """Projects that carry the tenant's full marker."""
        return tuple(p for p in self.projects if naming.read(p.description) == self.marker)

    @property
    def project(self) -> payloads.Project | None:
        """The ledger's project, as listed."""
        uuid = self.ledger.project_uuid if self.ledger else ""
        return next((p for p in self.projects if p.uuid == uuid), None)
