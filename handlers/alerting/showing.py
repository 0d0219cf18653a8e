"""All stacks as their records show them, for alerts; what has not changed since is not read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.alerting import copies
from handlers.alerting.conditions import Shown
from handlers.eyes import Eyes
from handlers.ledger import LedgerRow
from handlers.stacks import byhand, last_copy
from handlers.status import Status
from listener.compose.catalog import Catalog

NOTHING: Mapping[str, Any] = {}
"""What the record of a stack shows that was not seen, or is gone."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read of one row and one state of its record: neither is ever changed in place."""

    row: LedgerRow | None
    told: Mapping[str, Any]
    shown: Shown
    said: copies.Said


class Stacks:
    """Looks at every stack every few seconds: with 10 000 that was most of an idle listener's work."""

    def __init__(self, eyes: Eyes, catalog: Catalog) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._readings: dict[str, _Reading] = {}

    def shown(self, rows: Iterable[LedgerRow]) -> Sequence[Shown]:
        """Every stack with one of these rows, and each whose record was seen, as things are known now."""
        eyes = self._eyes
        known = dict.fromkeys([*(row.id for row in rows if not row.orphan), *eyes.memory.tenant_of])
        readings = {stack: self._reading(stack) for stack in known}
        self._readings = readings
        named = Counter(one.name.rpartition("-")[2] for one in eyes.view.snapshot.services.values())
        now = eyes.now()
        return [self._judged(one, named[stack], now) for stack, one in readings.items()]

    def _reading(self, stack: str) -> _Reading:
        row, seen = self._eyes.ledger.get(stack), self._eyes.memory.sightings.get(stack)
        told = seen.shown if seen and not seen.deleted_heard else NOTHING
        before = self._readings.get(stack)
        if row is not None and before is not None and before.row is row and before.told is told:
            return before
        shown = Shown(
            id=stack,
            name=name(row) if row else str(told.get("name") or stack),
            tenant_id=row.tenant_id if row else self._eyes.memory.tenant_of.get(stack, ""),
            status=str(told.get("status") or ""),
            health=str(told.get("health") or ""),
            error=str(told.get("error_message") or ""),
            is_retried=row is not None and told.get("status") == Status.DEPLOYING and _is_retried(row),
        )
        return _Reading(row, told, shown, copies.read(told))

    def _judged(self, one: _Reading, services: int, now: datetime) -> Shown:
        """With what depends on the time, the tariffs and Coolify's list."""
        judged = copies.judge(one.said, now, is_due=self._is_copied(one))
        if judged is None and services == one.shown.services:
            return one.shown
        return replace(one.shown, services=services, backup=judged)

    def _is_copied(self, one: _Reading) -> bool:
        """Its tariff has backups, it has a service with data, and it is not deleted."""
        row, tier = one.row, self._eyes.tiers.get(str(one.told.get("tier") or ""))
        if row is None or tier is None or not tier.backups or row.stage == "retained":
            return False
        return bool(row.service_uuid) and last_copy.is_copied(self._catalog, row.template)


def _is_retried(row: LedgerRow) -> bool:
    """It is being started again after it did not run, and was not seen running yet."""
    return row.start_open and bool(row.made.get(byhand.START_FAILED) or row.made.get(byhand.RESTORED))


def name(row: LedgerRow) -> str:
    """As people find it in Coolify, without the record's id."""
    named = str(row.made.get("service_name") or "")
    return named.removeprefix("cf-").removesuffix(f"-{row.id}") or str(row.made.get("stack_name") or row.id)
