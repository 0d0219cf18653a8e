"""`build` wires every object once; `serve` is the main loop.

Data flows one way: the feed names a key, the queue hands it to a worker, the handler observes and decides,
`apply` acts, and what was observed is shown on the record.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import structlog

from handlers import expiry, orphans, recorder, restored, servers
from handlers import eyes as seeing
from handlers.catalogue import Catalogue
from handlers.decisions.notebook import Notebook
from handlers.requests.handler import RequestHandler
from handlers.stacks.access import Accesses
from handlers.stacks.handler import StackHandler
from handlers.stacks.schedule_handler import ScheduleHandler
from handlers.tenants.handler import TenantHandler
from listener import contract, errors, sight
from listener.compose import catalog as catalogs
from listener.dockerwatch import disk
from listener.engine.breaker import Breaker
from listener.engine.engine import Engine
from listener.engine.gate import Flag, Gate
from listener.engine.gauges import expose
from listener.engine.hostlock import HostLock
from listener.engine.lease import Lease, uptime
from listener.engine.lifecycle import Notifier, freeze
from listener.engine.poll import Poller
from listener.engine.queue import Queue
from listener.engine.stream import Inbox, Stream
from listener.engine.sweep import Sweeper
from listener.engine.worker import Workers
from listener.pocketbase.lease import PocketBaseLease
from listener.pocketbase.realtime import Realtime
from listener.pocketbase.writer import Writer
from listener.portal import bridge
from listener.secrets.sealing import Sealer
from listener.settings import Settings
from listener.telemetry import endpoint
from listener.telemetry.journal import Journal
from listener.telemetry.metrics import Metrics
from listener.upstreams import Upstreams

DECISIONS = "decisions.jsonl"
"""In the state directory: what was decided, and from what."""
TOPICS = (
    "tenants/*",
    "agent_stacks/*",
    "listener_requests/*",
    "listener_lease/*",
    "listener_meta/*",
    "plan_tiers/*",
    "servers/*",
    "stack_schedules/*",
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
    watch: restored.Watch


def build(settings: Settings, waits: contract.Waits, upstreams: Upstreams) -> App:
    """Every object, wired once, by keyword. Nothing runs yet."""
    holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    hostlock = HostLock(settings.listener_state_dir, holder)
    metrics, mass = upstreams.metrics, Flag()
    catalog = load_catalog(settings, set_aside=True)
    feed = Realtime(http=upstreams.sse, session=upstreams.database.session, topics=TOPICS)
    lease = _lease(waits, upstreams, holder=holder, feed=feed, hostlock=hostlock)
    writer = Writer(pocketbase=upstreams.database, holder=lambda: lease.holder if lease.held() else "")
    sealer = Sealer(settings.listener_secrets_key)
    eyes = sight.eyes(settings, waits, upstreams, lease=lease, writer=writer, unseal=sealer.open)
    watch = sight.watch(settings, eyes, lease, writer)
    checks = {"restored": watch.holds, "records_missing": mass.holds}
    gate = _gate(settings, waits, upstreams, eyes, lease, checks=checks)
    scribe = _scribe(eyes, writer, sealer, lease)
    allowed = partial(_allowed, gate)
    notebook = Notebook(Journal(settings.listener_state_dir / DECISIONS).append)
    stacks = StackHandler(
        eyes=eyes, catalog=catalog, scribe=scribe, allowed=allowed,
        on_mass_absence=mass.turn, noted=notebook.note,
    )  # fmt: skip
    tenants = TenantHandler(eyes=eyes, scribe=scribe, allowed=allowed, books=stacks.books)
    requests = RequestHandler(eyes=eyes, catalog=catalog, stacks=stacks, scribe=scribe, allowed=allowed)
    rounds = _rounds(settings, waits, eyes, catalog, writer=writer, gate=gate)
    rounds.append((stacks.poll, partial(eyes.view.interval, waits.poll)))
    finder = orphans.Finder(eyes=eyes, scribe=scribe, gate=gate.reasons)
    rounds += [(one.round, one.interval) for one in (finder, watch, notebook)]
    rounds.append(sight.figures(metrics, eyes, catalog, stacks, lease))
    told = partial(sight.alerting, settings, eyes, catalog, writer=writer, lease=lease, brake=stacks.brake)
    rounds += told(gate=gate, is_well=lambda: lease.held() and not engine.readiness().problems)
    known = (tenants, stacks, requests, ScheduleHandler(eyes=eyes, scribe=scribe))
    scarce = upstreams.coolify.budget.is_scarce
    ranked = partial(Queue, rank_of=stacks.books.rank, is_scarce=scarce, is_urgent=eyes.is_urgent)
    make = partial(_engine, queue_of=ranked, rounds=rounds, gate=gate, feed=feed, metrics=metrics)
    engine: Engine = make(settings, waits, known)
    eyes.view.on_stir(engine.nudge)
    lent = _lent(settings, upstreams, eyes, Accesses(eyes=eyes, catalog=catalog, scribe=scribe))
    return App(engine, gate, hostlock, metrics, eyes, catalog, stacks, tenants, writer, lent, watch)


def _gate(
    settings: Settings,
    waits: contract.Waits,
    upstreams: Upstreams,
    eyes: seeing.Eyes,
    lease: Lease,
    *,
    checks: Mapping[str, Callable[[], bool]],
) -> Gate:
    breaker = Breaker(probe=upstreams.probe, waits=waits, on_opened=lambda _: None, on_closed=lambda: None)
    known: Mapping[str, Callable[[], bool]] = {
        "observe_only": lambda: settings.listener_observe_only,
        "paused": lambda: eyes.is_paused,
        "first_contact": lambda: eyes.is_first_contact,
        "ledger": lambda: not eyes.is_caught_up,
    }
    return Gate(lease=lease, breaker=breaker, checks={**known, **checks})


def _rounds(
    settings: Settings,
    waits: contract.Waits,
    eyes: seeing.Eyes,
    catalog: catalogs.Catalog,
    *,
    writer: Writer,
    gate: Gate,
) -> list[tuple[sight.Round, sight.Interval]]:
    """What is looked at or kept again and again, apart from any key."""
    shown = Catalogue(
        eyes=eyes, catalog=catalog, writer=writer, language=settings.listener_language, gate=gate.reasons
    )
    report = partial(disk.read, settings.listener_disk_file)
    old = expiry.Expiry(eyes=eyes, writer=writer, gate=gate.reasons)
    keeper = servers.Keeper(eyes=eyes, writer=writer, gate=gate.reasons, report=report)
    return [
        (shown.round, shown.interval),
        (keeper.round, keeper.interval),
        (old.round, old.interval),
        *sight.rounds(settings, waits, eyes, catalog),
    ]


def _scribe(eyes: seeing.Eyes, writer: Writer, sealer: Sealer, lease: Lease) -> recorder.Recorder:
    return recorder.Recorder(
        writer=writer,
        ledger=eyes.ledger,
        vault=eyes.vault,
        remembered=eyes.memory,
        fence=lambda: lease.fence,
        sealer=sealer,
        language=eyes.site.voice.language,
    )


async def serve(app: App, settings: Settings) -> bool:
    """The main loop: the engine until a signal, the health endpoint beside it. True = drained cleanly."""
    app.hostlock.take()
    for slug, refusal in app.catalog.broken.items():
        log.error("template.broken", template=slug, code=refusal.code, error=str(refusal))
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


def load_catalog(settings: Settings, *, set_aside: bool = False) -> catalogs.Catalog:
    """Our templates, and the operator's own folder over them; raises as `Catalog.load` does."""
    own = (settings.templates_dir,) if settings.templates_dir else ()
    return catalogs.Catalog.load(
        catalogs.default_folder(),
        *own,
        platform=settings.platform(),
        require_digest=settings.templates_require_digest,
        set_aside=set_aside,
    )


def _lent(settings: Settings, upstreams: Upstreams, eyes: seeing.Eyes, ways: Accesses) -> bridge.Lent:
    return bridge.Lent(
        pocketbase_url=str(upstreams.sse.base_url),
        pocketbase_ca_file=settings.pocketbase_ca_file,
        database=upstreams.database,
        coolify=upstreams.coolify,
        view=eyes.view,
        access=ways.of,
        kept=ways.kept,
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


def _engine(
    settings: Settings,
    waits: contract.Waits,
    known: Sequence[contract.Handler],
    *,
    queue_of: Callable[..., Queue],
    rounds: Sequence[tuple[sight.Round, sight.Interval]],
    gate: Gate,
    feed: Realtime,
    metrics: Metrics,
) -> Engine:
    handlers: Mapping[str, contract.Handler] = {handler.collection: handler for handler in known}
    queue = queue_of(
        clock=anyio.current_time,
        group_of=lambda key: handlers[key.collection].group(key),
        waits=waits,
        random=random.random,
        metrics=metrics,
    )
    sweeper = Sweeper(handlers=handlers, queue=queue, gate=gate, waits=waits, metrics=metrics)
    inbox = Inbox(queue=queue, handlers=handlers, other=partial(_sweep_for, sweeper))
    expose(metrics, queue=queue, gate=gate, sweeper=sweeper)
    return Engine(
        stream=Stream(feed=feed, inbox=inbox, lease=gate.lease, sweeper=sweeper, metrics=metrics),
        sweeper=sweeper,
        pollers=[Poller(poll=poll, interval=interval, queue=queue, gate=gate) for poll, interval in rounds],
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
        rehearse=partial(load_catalog, settings),
        on_started=freeze,
    )


def _sweep_for(sweeper: Sweeper, change: contract.Change) -> None:
    """A collection without a handler changed: every key may be another now."""
    sweeper.request(f"{change.key.collection} changed")


def _allowed(gate: Gate) -> None:
    """Raises when nothing may begin any more: `LeaseLost`, or again later for any other reason."""
    reasons = gate.reasons()
    if "lease" in reasons:
        raise errors.LeaseLost("LEASE_STALE", "nothing may begin now", why="the lease was not renewed")
    if reasons:
        raise errors.Transient("WITHHELD", "nothing may begin now", why=", ".join(reasons))
