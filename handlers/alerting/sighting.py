"""What alerts are made from, gathered from what the listener has in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handlers import orphans, records, servers
from handlers.alerting.conditions import Sight
from handlers.alerting.showing import Stacks, name
from handlers.brake import Brake
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from listener.coolify import payloads
from listener.dockerwatch import containers

OLD = 10
"""So many times the usual interval, and a list of Coolify is old."""


def look(
    eyes: Eyes,
    brake: Brake,
    *,
    stacks: Stacks,
    reasons: Mapping[str, str],
    breaker: str,
    docker: containers.Report | None,
) -> Sight:
    """As things are known now; nothing is asked."""
    rows = [row for row in eyes.ledger.rows(records.STACKS) if row.stage != "closed"]
    report, now = eyes.disk, eyes.now()
    is_known = report is not None and report.is_fresh(now)
    return Sight(
        now=now,
        stacks=stacks.shown(rows),
        orphans={row.id: name(row) for row in orphans.alive(eyes.ledger)},
        servers={one.name: _why(one) for one in _used(eyes) if _why(one)},
        prunes=[one.name for one in _used(eyes) if one.prunes_volumes],
        free_mb=report.free_mb if report and is_known else None,
        is_disk_lost=report is not None and not is_known,
        fat=dict(_fat(eyes, rows)) if is_known else {},
        braked=brake.waiting,
        reasons=reasons,
        breaker=breaker,
        is_list_old=_list_age(eyes) > OLD * eyes.site.waits.poll,
        observed=docker.observations if docker and docker.is_fresh(now) else (),
        is_docker_lost=docker is not None and not docker.is_fresh(now),
        owners={row.service_uuid: row.id for row in rows if row.service_uuid},
    )


def _list_age(eyes: Eyes) -> float:
    """Seconds since the oldest of the lists that count was asked for, or since this process leads."""
    listed = eyes.view.snapshot.listed.values()
    return eyes.memory.clock() - max(min(listed, default=eyes.memory.began_at), eyes.memory.began_at)


def _used(eyes: Eyes) -> list[payloads.Server]:
    """Servers that stacks are on, or would be."""
    wanted = servers.known(eyes).keys() | eyes.ledger.servers()
    return [one for uuid, one in eyes.view.snapshot.servers.items() if uuid in wanted]


def _why(server: payloads.Server) -> str:
    if not server.is_reachable:
        return "Coolify cannot reach it"
    return "" if server.is_usable else "Coolify says that it cannot be used"


def _fat(eyes: Eyes, rows: list[LedgerRow]) -> Iterator[tuple[str, str]]:
    """Stacks whose volumes together hold more than the disk that is booked for them."""
    assert eyes.disk is not None
    for row in rows:
        demand = list(row.made.get("demand") or ())
        most = int(demand[3]) if len(demand) == 4 else 0
        if not row.service_uuid or not most:
            continue
        held = sum(
            size for name, size in eyes.disk.volumes.items() if name.startswith(f"{row.service_uuid}_")
        )
        if held > most:
            yield row.id, f"its volumes hold {held} MiB, {most} MiB are meant for them"
