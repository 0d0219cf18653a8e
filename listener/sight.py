"""What the handlers see the world with, wired once: upstreams, ledger, site, and the second witness."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread

from handlers import eyes as seeing
from handlers import ledger, memory, orphans, restored, site, status, vault
from handlers.alerting import conditions, showing, sighting
from handlers.alerting.keeper import Keeper
from handlers.brake import Brake
from handlers.figures import Figures
from handlers.stacks.handler import StackHandler
from handlers.stacks.host_proofs import INTERVAL, HostProofs
from handlers.stacks.witness import Witness
from listener import contract
from listener.alerts.channels import channels
from listener.alerts.heartbeat import Heartbeat
from listener.compose import catalog as catalogs
from listener.coolify.view import View
from listener.dns.prover import Prover
from listener.dns.resolver import Resolver
from listener.dockerwatch import watch as watching
from listener.engine.gate import Gate
from listener.engine.highwater import HighWater
from listener.engine.lease import Lease
from listener.pocketbase.writer import Write, Writer
from listener.probe import address
from listener.probe.probe import SECONDS, Probe
from listener.settings import OFF, Settings
from listener.telemetry.metrics import Metrics
from listener.upstreams import Upstreams

Interval = Callable[[], float]
"""Seconds to the next round."""
Round = Callable[[], Awaitable[Iterable[contract.Key]]]
"""Looks at something shared; the keys to look at because of it."""


def eyes(
    settings: Settings,
    waits: contract.Waits,
    upstreams: Upstreams,
    *,
    lease: Lease,
    writer: Writer,
    unseal: Callable[[str], str],
) -> seeing.Eyes:
    rows, clock = ledger.Ledger(), time.monotonic
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
        vault=vault.Vault(unseal),
        memory=memory.Memory(clock=clock, began_at=clock()),
        site=_site(settings, waits, upstreams.inst),
        now=lambda: datetime.now(UTC),
        team_id=upstreams.team_id,
        term=lambda: lease.term,
        skew=upstreams.skew.worst,
        accept=partial(accept, writer),
        speak=partial(speak, writer),
    )


def _site(settings: Settings, waits: contract.Waits, inst: str) -> site.Site:
    return site.Site(
        inst=inst,
        waits=waits,
        voice=status.Voice(settings.listener_language, ZoneInfo(settings.listener_tz)),
        server_uuid=settings.coolify_server_uuid,
        destination_uuid=settings.coolify_destination_uuid,
        environment=settings.coolify_environment,
        coolify_url=settings.coolify_url,
        platform=settings.platform(),
        is_witnessed=settings.listener_probe_address != OFF,
        rollout=settings.listener_rollout,
        platform_domain=settings.platform_domain,
        proves_domains=settings.resolvers() is not None,
        door=settings.platform_addresses,
        reserved=settings.reserved(),
    )


def rounds(
    settings: Settings, waits: contract.Waits, eyes: seeing.Eyes, catalog: catalogs.Catalog
) -> list[tuple[Round, Interval]]:
    """The proofs of domains and the second witness, as far as switched on; with the seconds between two."""
    proving, found = proofs(settings, eyes), list[tuple[Round, Interval]]()
    if proving is not None:
        found.append((proving.round, partial(float, INTERVAL)))
    if not eyes.site.is_witnessed:
        return found
    probe = Probe(clock=eyes.memory.clock, trust=ssl.create_default_context(), seconds=SECONDS)
    text = settings.listener_probe_address
    witness = Witness(
        eyes=eyes, catalog=catalog, look=probe.look, door=address.chosen(text) if text else None
    )
    return [*found, (witness.round, partial(float, waits.poll_busy))]


def proofs(settings: Settings, eyes: seeing.Eyes) -> HostProofs | None:
    """Who looks own domains up; None when they need no proof."""
    resolvers = settings.resolvers()
    return None if resolvers is None else HostProofs(eyes=eyes, look=Prover(Resolver(resolvers)).look)


async def accept(writer: Writer) -> None:
    """What is in PocketBase is the listener's to act on, from now on."""
    body = {"accepted_at": status.stamp(datetime.now(UTC))}
    await writer.commit([Write("PATCH", seeing.META, "main", body)])


async def speak(writer: Writer, said: Mapping[str, Any]) -> None:
    """The hooks know this of the site."""
    await writer.commit([Write("PATCH", seeing.META, "main", dict(said))])


def watch(settings: Settings, eyes: seeing.Eyes, lease: Lease, writer: Writer) -> restored.Watch:
    """Notices that a side was put back to an earlier day."""
    mark = HighWater(
        settings.listener_state_dir, inst=eyes.site.inst, fence=lambda: lease.fence, clock=eyes.memory.clock
    )
    return restored.Watch(eyes=eyes, mark=mark, writer=writer, leads=lease.held)


def alerting(
    settings: Settings,
    eyes: seeing.Eyes,
    catalog: catalogs.Catalog,
    *,
    writer: Writer,
    lease: Lease,
    brake: Brake,
    gate: Gate,
    is_well: Callable[[], bool],
) -> list[tuple[Round, Interval]]:
    """What is worth waking a person for, kept and delivered; and the dead man's switch."""

    stacks = showing.Stacks(eyes, catalog)

    async def look() -> conditions.Sight:
        error = gate.breaker.error
        docker = await anyio.to_thread.run_sync(watching.read, settings.listener_docker_file)
        reasons = {name: name for name in gate.reasons()}
        opened = str(error) if error else ""
        return sighting.look(eyes, brake, stacks=stacks, reasons=reasons, breaker=opened, docker=docker)

    keeper = Keeper(
        eyes=eyes,
        writer=writer,
        lease=lease,
        look=look,
        channels=channels(settings.alert_addresses()),
        sender=settings.alert_sender,
    )
    url = settings.alert_heartbeat_url.get_secret_value()
    beat = Heartbeat(url, is_well=is_well)
    beats = [(beat.round, beat.interval)] if url else []
    return [(keeper.round, keeper.interval), (keeper.deliver, keeper.pause), *beats]


def figures(
    metrics: Metrics, eyes: seeing.Eyes, catalog: catalogs.Catalog, stacks: StackHandler, lease: Lease
) -> tuple[Round, Interval]:
    """What the handlers' part of the world says in metrics."""
    metrics.orphans.set_function(lambda: len(orphans.alive(eyes.ledger)))
    told = partial(Figures, metrics=metrics, eyes=eyes, books=stacks.books, brake=stacks.brake)
    shown = told(catalog=catalog, leads=lease.held)
    return shown.round, shown.interval
