"""What alerts are made from, gathered from what the listener has in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from handlers import orphans, records, servers
from handlers.alerting import copies
from handlers.alerting.conditions import Shown, Sight
from handlers.brake import Brake
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from handlers.stacks import byhand, last_copy
from handlers.status import Status
from listener.compose.catalog import Catalog
from listener.coolify import payloads
from listener.dockerwatch import containers

OLD = 10
"""So many times the usual interval, and a list of Coolify is old."""


def look(
    eyes: Eyes,
    brake: Brake,
    catalog: Catalog,
    *,
    reasons: Mapping[str, str],
    breaker: str,
    docker: containers.Report | None,
) -> Sight:
    """As things are known now; nothing is asked."""
    rows = [row for row in eyes.ledger.rows(records.STACKS) if row.stage != "closed"]
    report, now = eyes.disk, eyes.now()
    is_known = report is not None and report.is_fresh(now)
    named = Counter(one.name.rpartition("-")[2] for one in eyes.view.snapshot.services.values())
    return Sight(
        now=now,
        stacks=[_shown(eyes, catalog, row_id, named[row_id]) for row_id in _known(eyes, rows)],
        orphans={row.id: _name(row) for row in orphans.alive(eyes.ledger)},
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


def _known(eyes: Eyes, rows: list[LedgerRow]) -> list[str]:
    """Stacks with a row, and those whose record was seen."""
    return list(dict.fromkeys([*(row.id for row in rows if not row.orphan), *eyes.memory.tenant_of]))


def _shown(eyes: Eyes, catalog: Catalog, stack: str, services: int) -> Shown:
    row, seen = eyes.ledger.get(stack), eyes.memory.sightings.get(stack)
    told = seen.shown if seen and not seen.deleted_heard else {}
    return Shown(
        id=stack,
        name=_name(row) if row else str(told.get("name") or stack),
        tenant_id=row.tenant_id if row else eyes.memory.tenant_of.get(stack, ""),
        status=str(told.get("status") or ""),
        health=str(told.get("health") or ""),
        error=str(told.get("error_message") or ""),
        services=services,
        backup=copies.judge(told, eyes.now(), is_due=_is_copied(eyes, catalog, row, told)),
        is_retried=row is not None and told.get("status") == Status.DEPLOYING and _is_retried(row),
    )


def _is_copied(eyes: Eyes, catalog: Catalog, row: LedgerRow | None, told: Mapping[str, Any]) -> bool:
    """Its tariff has backups, it has a service with data, and it is not deleted."""
    tier = eyes.tiers.get(str(told.get("tier") or ""))
    if row is None or tier is None or not tier.backups or row.stage == "retained":
        return False
    return bool(row.service_uuid) and last_copy.is_copied(catalog, row.template)


def _is_retried(row: LedgerRow) -> bool:
    """It is being started again after it did not run, and was not seen running yet."""
    return row.start_open and bool(row.made.get(byhand.START_FAILED) or row.made.get(byhand.RESTORED))


def _name(row: LedgerRow) -> str:
    """As people find it in Coolify, without the record's id."""
    name = str(row.made.get("service_name") or "")
    return name.removeprefix("cf-").removesuffix(f"-{row.id}") or str(row.made.get("stack_name") or row.id)


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
