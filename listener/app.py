"""`build` wires every object once; `serve` is the main loop.

Data flows one way: the feed names a key, the queue hands it to a worker, the handler observes and decides,
`apply` acts, and what was observed is shown on the record.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import anyio
import structlog

from handlers import eyes as seeing
from handlers import ledger, memory, recorder, site, status
from handlers.requests.handler import RequestHandler
from handlers.stacks.handler import StackHandler
from handlers.tenants.handler import TenantHandler
from listener import contract, errors
from listener.compose import catalog as catalogs
from listener.coolify.view import View
from listener.engine.breaker import Breaker
from listener.engine.engine import Engine
from listener.engine.gate import Gate
from listener.engine.gauges import expose
from listener.engine.hostlock import HostLock
from listener.engine.lease import Lease, uptime
from listener.engine.lifecycle import Notifier
from listener.engine.poll import Poller
from listener.engine.queue import Queue
from listener.engine.stream import Inbox, Stream
from listener.engine.sweep import Sweeper
from listener.engine.worker import Workers
from listener.pocketbase.lease import PocketBaseLease
from listener.pocketbase.realtime import Realtime
from listener.pocketbase.writer import Write, Writer
from listener.portal import bridge
from listener.secrets.sealing import Sealer
from listener.settings import Settings
from listener.telemetry import endpoint
from listener.telemetry.metrics import Metrics
from listener.upstreams import Upstreams

TOPICS = (
    "tenants/*",
    "agent_stacks/*",
    "listener_requests/*",
    "listener_lease/*",
    "listener_meta/*",
    "plan_tiers/*",
)
"""Unfiltered: a record that leaves a filter gives no event (PocketBase 0.40.6)."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class App:
    """Every object of a running listener that someone outside asks for."""

    engine: Engine
    gate: Gate
    hostlock: HostLock
    metrics: Metrics
    eyes: seeing.Eyes
    catalog: catalogs.Catalog
    stacks: StackHandler
    tenants: TenantHandler
    writer: Writer
    lent: bridge.Lent


def build(settings: Settings, waits: contract.Waits, upstreams: Upstreams) -> App:
    """Every object, wired once, by keyword. Nothing runs yet."""
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    hostlock = HostLock(settings.listener_state_dir, holder)
    metrics, catalog, mass = upstreams.metrics, load_catalog(settings), _Flag()
    feed = Realtime(http=upstreams.sse, session=upstreams.database.session, topics=TOPICS)
    lease = _lease(waits, upstreams, holder=holder, feed=feed, hostlock=hostlock)
    writer = Writer(pocketbase=upstreams.database, holder=lambda: lease.holder if lease.held() else "")
    eyes = _eyes(settings, waits, upstreams, lease=lease, writer=writer)
    gate = Gate(
        lease=lease,
        breaker=Breaker(probe=upstreams.probe, waits=waits, on_opened=lambda _: None, on_closed=lambda: None),
        checks={
            "observe_only": lambda: settings.listener_observe_only,
            "first_contact": lambda: eyes.is_first_contact,
            "records_missing": lambda: mass.is_set,
            "ledger": lambda: not eyes.is_caught_up,
        },
    )
    scribe = recorder.Recorder(
        writer=writer,
        ledger=eyes.ledger,
        remembered=eyes.memory,
        fence=lambda: lease.fence,
        seal=Sealer(settings.listener_secrets_key).seal,
    )
    allowed = partial(_allowed, gate)
    stacks = StackHandler(
        eyes=eyes, catalog=catalog, scribe=scribe, allowed=allowed, on_mass_absence=mass.turn
    )
    tenants = TenantHandler(eyes=eyes, scribe=scribe, allowed=allowed)
    requests = RequestHandler(eyes=eyes, stacks=stacks, scribe=scribe, allowed=allowed)
    engine = _engine(settings, waits, (tenants, stacks, requests), gate=gate, feed=feed, metrics=metrics)
    lent = _lent(settings, upstreams, eyes)
    return App(engine, gate, hostlock, metrics, eyes, catalog, stacks, tenants, writer, lent)


async def serve(app: App, settings: Settings) -> bool:
    """The main loop: the engine until a signal, the health endpoint beside it. True = drained cleanly."""
    app.hostlock.take()
    async with anyio.create_task_group() as tasks:
        if settings.listener_http != "off":
            host, _, port = settings.listener_http.rpartition(":")
            page = endpoint.app(metrics=app.metrics, alive=app.engine.alive, readiness=app.engine.readiness)
            await tasks.start(partial(endpoint.serve, page, host=host or "127.0.0.1", port=int(port)))
        if at := settings.listener_portal_http:
            await tasks.start(
                partial(bridge.serve, app.lent, at=at, origins=settings.listener_portal_origins)
            )
        drained = await app.engine.run()
        tasks.cancel_scope.cancel()
    return drained


async def accept(writer: Writer) -> None:
    """What is in PocketBase is the listener's to act on, from now on."""
    body = {"accepted_at": status.stamp(datetime.now(UTC))}
    await writer.commit([Write("PATCH", seeing.META, "main", body)])


def load_catalog(settings: Settings) -> catalogs.Catalog:
    """Our templates, and the operator's own folder over them."""
    own = (settings.templates_dir,) if settings.templates_dir else ()
    return catalogs.Catalog.load(catalogs.default_folder(), *own)


def _lent(settings: Settings, upstreams: Upstreams, eyes: seeing.Eyes) -> bridge.Lent:
    return bridge.Lent(
        pocketbase_url=str(upstreams.sse.base_url),
        pocketbase_ca_file=settings.pocketbase_ca_file,
        database=upstreams.database,
        coolify=upstreams.coolify,
        view=eyes.view,
    )


def _lease(
    waits: contract.Waits, upstreams: Upstreams, *, holder: str, feed: Realtime, hostlock: HostLock
) -> Lease:
    return Lease(
        store=PocketBaseLease(pocketbase=upstreams.renewals),
        waits=waits,
        holder=holder,
        clock=uptime,
        on_suspect=feed.reconnect,
        take_at_once=hostlock.is_dead,
    )


def _eyes(
    settings: Settings, waits: contract.Waits, upstreams: Upstreams, *, lease: Lease, writer: Writer
) -> seeing.Eyes:
    rows, clock = ledger.Ledger(), time.monotonic
    place = site.Site(
        inst=upstreams.inst,
        waits=waits,
        voice=status.Voice(settings.listener_language, ZoneInfo(settings.listener_tz)),
        server_uuid=settings.coolify_server_uuid,
        destination_uuid=settings.coolify_destination_uuid,
        environment=settings.coolify_environment,
        coolify_url=settings.coolify_url,
        platform=settings.platform(),
        reserved=settings.reserved(),
    )
    view = View(
        coolify=upstreams.coolify,
        clock=clock,
        pace=waits.poll_busy,
        servers_every=waits.servers,
        known_servers=rows.servers,
    )
    return seeing.Eyes(
        database=upstreams.database,
        coolify=upstreams.coolify,
        view=view,
        ledger=rows,
        memory=memory.Memory(clock=clock, began_at=clock()),
        site=place,
        now=lambda: datetime.now(UTC),
        team_id=upstreams.team_id,
        term=lambda: lease.term,
        skew=upstreams.skew.worst,
        accept=partial(accept, writer),
    )


def _engine(
    settings: Settings,
    waits: contract.Waits,
    known: tuple[TenantHandler, StackHandler, RequestHandler],
    *,
    gate: Gate,
    feed: Realtime,
    metrics: Metrics,
) -> Engine:
    handlers: Mapping[str, contract.Handler] = {handler.collection: handler for handler in known}
    _, stacks, _ = known
    queue = Queue(
        clock=anyio.current_time,
        group_of=lambda key: handlers[key.collection].group(key),
        waits=waits,
        random=random.random,
    )
    sweeper = Sweeper(handlers=handlers, queue=queue, gate=gate, waits=waits, metrics=metrics)
    inbox = Inbox(
        queue=queue,
        handlers=handlers,
        other=lambda change: sweeper.request(f"{change.key.collection} changed"),
    )
    expose(metrics, queue=queue, gate=gate)
    return Engine(
        stream=Stream(feed=feed, inbox=inbox, lease=gate.lease, sweeper=sweeper, metrics=metrics),
        sweeper=sweeper,
        poller=Poller(poll=stacks.poll, interval=lambda: waits.poll, queue=queue, gate=gate),
        workers=Workers(
            queue=queue,
            handlers=handlers,
            gate=gate,
            waits=waits,
            metrics=metrics,
            count=settings.listener_workers,
        ),
        gate=gate,
        notifier=Notifier(os.environ),
    )


def _allowed(gate: Gate) -> None:
    """Raises when nothing may begin any more: `LeaseLost`, or again later for any other reason."""
    reasons = gate.reasons()
    if "lease" in reasons:
        raise errors.LeaseLost("LEASE_STALE", "nothing may begin now", why="the lease was not renewed")
    if reasons:
        raise errors.Transient("WITHHELD", "nothing may begin now", why=", ".join(reasons))


class _Flag:
    """A reason against acting that is turned on and off."""

    def __init__(self) -> None:
        self.is_set = False

    def turn(self, on: bool) -> None:
        if on != self.is_set:
            log.warning("records.missing" if on else "records.returned")
        self.is_set = on
