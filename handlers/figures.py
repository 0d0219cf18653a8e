"""What the handlers' part of the world says in metrics: stacks, room, ages, and how long people waited.

Only the leader tells of stacks and room: a sum over leader and standby counts nothing twice.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from handlers import ledger, records, servers
from handlers.amounts import NOTHING, Demand
from handlers.books import Books
from handlers.brake import Brake
from handlers.eyes import Eyes
from handlers.placement import Queued
from handlers.status import Health, Status
from listener import contract
from listener.compose.catalog import Catalog
from listener.coolify import versions
from listener.dockerwatch.disk import MEGABYTE
from listener.pocketbase import schema_model
from listener.telemetry.metrics import Metrics

VERSION_SECONDS = 3600.0
"""Between two questions for Coolify's version."""
UNREADY = (Status.PENDING, Status.DEPLOYING, Status.ERROR)
UNKNOWN = "unknown"
OTHER = "other"
"""The label of a word that is none of ours."""


class Figures:
    """Sets its gauges at each scrape, and counts what comes to run. `leads` = we hold the lease."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        eyes: Eyes,
        books: Books,
        brake: Brake,
        catalog: Catalog,
        leads: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._catalog = catalog
        self._eyes = eyes
        self._books = books
        self._brake = brake
        self._leads = leads
        self._coolify = ""
        metrics.list_age_seconds.set_function(self._list_age)
        metrics.on_scrape(self.refresh)
        eyes.memory.watchers.append(self.shown)
        for template in catalog.slugs():
            for since in ("deploy", "created"):
                metrics.stack_ready_seconds.labels(template, since)

    def interval(self) -> float:
        """Seconds to the next round: fewer until Coolify told its version."""
        return VERSION_SECONDS if self._coolify else self._eyes.site.waits.poll

    async def round(self) -> Iterable[contract.Key]:
        """The versions are as of now. No key has to be looked at for it."""
        text = await self._eyes.coolify.version()
        self._coolify = text if versions.parse(text) else UNKNOWN
        said = (_own_version(), str(schema_model.VERSION))
        self._metrics.build_info.clear()
        self._metrics.build_info.labels(*said, platform.python_version(), self._coolify).set(1)
        return ()

    def refresh(self) -> None:
        """The gauges are what is known now; without the lease those of the leader are silent."""
        told = self._metrics
        for gauge in (told.stacks, told.server_total, told.server_promised, told.server_free):
            gauge.clear()
        report = self._eyes.disk
        is_known = report is not None and report.is_fresh(self._eyes.now())
        told.disk_free_bytes.set(report.free_mb * MEGABYTE if report and is_known else float("nan"))
        if not self._leads() or not self._eyes.is_caught_up:
            told.stacks_overdue.set(0)
            told.stacks_queued.set(0)
            told.brake_waiting.set(0)
            return
        told.brake_waiting.set(self._brake.waiting)
        told.brake_used.set(len(self._brake.used()))
        told.brake_limit.set(self._brake.limit())
        self._tell_stacks()
        self._tell_room()

    def shown(self, record_id: str, before: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """A stack's record shows these fields now; a start that ended well is counted."""
        row, ask = self._eyes.ledger.get(record_id), self._books.ask(record_id)
        ended = bool(fields.get("last_deploy")) and {**before, **fields}.get("health") != Health.UNHEALTHY
        if not ended or row is None or ask is None:
            return
        now, ready = self._eyes.now(), self._metrics.stack_ready_seconds
        if row.start_begun is not None:
            ready.labels(ask.template, "deploy").observe(_since(row.start_begun, now))
        if before.get("last_deploy") or row.made.get("adopted"):
            return
        if created := _time(ask.order[0]):
            ready.labels(ask.template, "created").observe(_since(created, now))
        tenant_began = _time(ask.tenant.created) if ask.tenant else None
        others = (one for one in self._eyes.ledger.rows(records.STACKS) if one.tenant_id == ask.tenant_id)
        if tenant_began and not any(self._has_run(one) for one in others if one.id != record_id):
            self._metrics.tenant_ready_seconds.observe(_since(tenant_began, now))

    def _has_run(self, row: ledger.LedgerRow) -> bool:
        """It was seen running once, as its record says, or else as far as the ledger tells."""
        seen = self._eyes.memory.sightings.get(row.id)
        if row.made.get("adopted") or (seen and seen.shown):
            return bool(row.made.get("adopted") or (seen and seen.shown.get("last_deploy")))
        return row.start_begun is not None and not row.start_open

    def _list_age(self) -> float:
        return self._eyes.memory.clock() - self._eyes.view.snapshot.requested_at

    def _tell_stacks(self) -> None:
        seen, words = self._eyes.memory.sightings, Counter[tuple[str, str]]()
        for record_id in self._eyes.memory.tenant_of:
            if record_id in seen and seen[record_id].deleted_heard:
                continue
            shown = seen[record_id].shown if record_id in seen else {}
            words[_word(shown, "status", Status), _word(shown, "health", Health)] += 1
        for (status, health), count in words.items():
            self._metrics.stacks.labels(status, health).set(count)
        rows = self._eyes.ledger.rows(records.STACKS)
        self._metrics.stacks_overdue.set(sum(self._is_overdue(row) for row in rows))
        places = self._books.waiting().values()
        self._metrics.stacks_queued.set(sum(isinstance(place, Queued) for place in places))

    def _is_overdue(self, row: ledger.LedgerRow) -> bool:
        """It was started, its template's deadline is over, and it is not shown as running."""
        seen, template = self._eyes.memory.sightings.get(row.id), self._catalog.get(row.template)
        if row.stage or row.start_begun is None or seen is None or seen.shown.get("status") not in UNREADY:
            return False
        deadline = template.manifest.health.deadline if template else self._eyes.site.waits.deploy
        return _since(row.start_begun, self._eyes.now()) > deadline

    def _tell_room(self) -> None:
        booked = self._books.booked()
        for uuid, server in servers.known(self._eyes).items():
            most, held = _amounts(server.promised), _amounts(booked.get(uuid, NOTHING))
            for resource, amount in held.items():
                where = (server.name, resource)
                self._metrics.server_promised.labels(*where).set(amount)
                if most[resource]:
                    self._metrics.server_total.labels(*where).set(most[resource])
                    self._metrics.server_free.labels(*where).set(most[resource] - amount)


def _amounts(demand: Demand) -> dict[str, float]:
    """By resource, in base units; `planned` is the memory that stacks are expected to use."""
    return {
        "cpu_cores": demand.cpus,
        "memory_bytes": demand.memory_mb * MEGABYTE,
        "planned_memory_bytes": demand.planned_mb * MEGABYTE,
        "disk_bytes": demand.disk_mb * MEGABYTE,
    }


def _word(shown: Mapping[str, Any], field: str, words: Iterable[str]) -> str:
    said = str(shown.get(field) or UNKNOWN)
    return said if said in {*words, UNKNOWN} else OTHER


def _own_version() -> str:
    try:
        return metadata.version("cloudfreedom-listener")
    except metadata.PackageNotFoundError:
        return UNKNOWN


def _time(text: str) -> datetime | None:
    """A record's time, UTC where it does not say; None where it has none that can be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since(moment: datetime, now: datetime) -> float:
    """Seconds; clocks that disagree make none negative."""
    return max(0.0, (now - moment).total_seconds())
