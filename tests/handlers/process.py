"""One process of the listener without its engine: everything that a crash forgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial

import httpx

from handlers import eyes as seeing
from handlers import ledger, memory, orphans, recorder, site, status, vault
from handlers.requests.handler import RequestHandler
from handlers.stacks.handler import StackHandler
from handlers.stacks.schedule_handler import ScheduleHandler
from handlers.tenants.handler import TenantHandler
from listener import contract, errors
from listener.compose import catalog as catalogs
from listener.coolify.budget import Budget
from listener.coolify.client import Coolify
from listener.coolify.view import View
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write, Writer
from listener.sandbox.standin import standin
from listener.secrets import sealing
from tests.handlers.clock import Clock
from tests.handlers.turns import Turns

INST = "0a1b2c3d"
PLATFORM = {"ROUTER_BASE_URL": "http://router.example/v1"}
RESERVED = ("portal.example.org",)


class PatientBudget(Budget):
    """Waiting for its turn moves the clock."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._time = clock

    async def opened(self) -> None:
        """The time has passed."""
        while (left := self.wait_seconds()) > 0:
            self._time.seconds += left


@dataclass
class Place:
    """What outlives a process."""

    database: PocketBase
    http: httpx.AsyncClient
    """To Coolify."""
    coolify: standin.StandIn
    clock: Clock
    catalog: catalogs.Catalog
    waits: contract.Waits
    sealer: sealing.Sealer

    def site(self) -> site.Site:
        """The installation."""
        return site.Site(
            coolify_url="https://coolify.example.org/",
            inst=INST, waits=self.waits, voice=status.Voice("en", UTC), server_uuid=self.coolify.server.uuid,
            destination_uuid="", environment="production", platform=PLATFORM, reserved=RESERVED,
        )  # fmt: skip


@dataclass
class Process:
    """The handlers and what they know."""

    eyes: seeing.Eyes
    recorder: recorder.Recorder
    stacks: StackHandler
    tenants: TenantHandler
    requests: RequestHandler
    schedules: ScheduleHandler
    finder: orphans.Finder
    turns: Turns
    mass: list[bool]
    """What sweeps said of mass absence."""
    withheld: list[Callable[[], bool]]
    """Reasons against acting."""
    writer: Writer

    @property
    def handlers(self) -> Mapping[str, contract.Handler]:
        """By collection, as the engine has them."""
        known = (self.tenants, self.stacks, self.requests, self.schedules)
        return {handler.collection: handler for handler in known}


def _allowed(withheld: Sequence[Callable[[], bool]]) -> None:
    if any(holds() for holds in withheld):
        raise errors.Transient("WITHHELD", "nothing may begin now")


def begun(place: Place, *, term: int, holder: str) -> Process:
    """A process that has just taken the lease under this name."""
    writer = Writer(pocketbase=place.database, holder=lambda: holder)
    coolify = Coolify(http=place.http, budget=PatientBudget(clock=place.clock))
    rows, kept = ledger.Ledger(), vault.Vault(place.sealer.open)
    view = View(
        coolify=coolify, clock=place.clock, pace=place.waits.poll_busy, servers_every=place.waits.servers,
        known_servers=rows.servers,
    )  # fmt: skip

    async def accept() -> None:
        body = {"accepted_at": status.stamp(place.clock.now())}
        await writer.commit([Write("PATCH", seeing.META, "main", body)])

    remembered = memory.Memory(clock=place.clock, began_at=place.clock())
    eyes = seeing.Eyes(
        database=place.database, coolify=coolify, view=view, ledger=rows, memory=remembered,
        vault=kept, site=place.site(), now=place.clock.now, team_id=place.coolify.team.id, term=lambda: term,
        accept=accept,
        skew=lambda: place.clock.skew,
    )  # fmt: skip
    scribe = recorder.Recorder(
        writer=writer, ledger=rows, vault=kept, remembered=remembered, fence=lambda: term,
        sealer=place.sealer,
    )  # fmt: skip
    mass: list[bool] = []
    withheld: list[Callable[[], bool]] = []
    allowed = partial(_allowed, withheld)
    stacks = StackHandler(
        eyes=eyes, catalog=place.catalog, scribe=scribe, allowed=allowed, on_mass_absence=mass.append
    )
    tenants = TenantHandler(eyes=eyes, scribe=scribe, allowed=allowed, books=stacks.books)
    requests = RequestHandler(eyes=eyes, catalog=place.catalog, stacks=stacks, scribe=scribe, allowed=allowed)
    schedules = ScheduleHandler(eyes=eyes, scribe=scribe)
    finder = orphans.Finder(eyes=eyes, scribe=scribe, gate=lambda: ["records_missing"] * any(mass[-1:]))
    return Process(
        eyes, scribe, stacks, tenants, requests, schedules, finder, Turns(place.waits), mass, withheld, writer
    )
