"""`Book`: which alerts are open, what became of them, and what people still have to be told. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handlers import status
from handlers.alerting.conditions import Alert
from handlers.alerting.kinds import KINDS

HOUR = timedelta(hours=1)
OFTEN = 3
"""Raised so often within an hour, an alert flaps: that is told instead, until half an hour was quiet."""
QUIET = timedelta(minutes=30)
FLAPS = "flaps:"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `stack_alerts`. Times are UTC; `told` and `told_cleared` = people got it."""

    id: str
    alert: Alert
    raised: datetime
    cleared: datetime | None = None
    told: datetime | None = None
    told_cleared: datetime | None = None
    acked_by: str = ""

    @property
    def severity(self) -> str:
        """Its kind's."""
        return KINDS[self.alert.kind].severity

    @property
    def title(self) -> str:
        """Whom it is about, and what is so."""
        return f"{self.alert.about} {KINDS[self.alert.kind].title}"

    def fields(self) -> dict[str, Any]:
        """As PocketBase keeps it, but for what people write there."""
        return {
            "key": self.alert.key,
            "kind": self.alert.kind,
            "severity": self.severity,
            "title": self.title,
            "text": self.alert.text,
            "tenant_id": self.alert.tenant_id,
            "stack_id": self.alert.stack_id,
            "raised": status.stamp(self.raised),
            "cleared": status.stamp(self.cleared) if self.cleared else "",
            "told": status.stamp(self.told) if self.told else "",
            "told_cleared": status.stamp(self.told_cleared) if self.told_cleared else "",
        }


class Book:
    """`patience` and `calm`: seconds before a patient kind is raised, and before any is cleared."""

    def __init__(self, *, patience: float, calm: float, new_id: Callable[[], str]) -> None:
        self._patience = timedelta(seconds=patience)
        self._calm = timedelta(seconds=calm)
        self._new_id = new_id
        self._begun: dict[str, datetime] = {}
        self._missed: dict[str, datetime] = {}
        self._raises: defaultdict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=OFTEN))
        self.rows: dict[str, Row] = {}
        """By id: open ones, and cleared ones that people still have to be told of."""

    def load(self, rows: Iterable[Row]) -> None:
        """What PocketBase holds of the last hour, and all that is open."""
        self.rows = {row.id: row for row in rows}
        self._raises.clear()
        for row in sorted(self.rows.values(), key=lambda row: row.raised):
            self._raises[row.alert.key].append(row.raised)

    def open(self) -> Mapping[str, Row]:
        """Open alerts by key."""
        return {row.alert.key: row for row in self.rows.values() if row.cleared is None}

    def step(self, found: Mapping[str, Alert], now: datetime) -> None:
        """The rows follow what is wrong now."""
        found = {**found, **self._flapping(now)}
        known = self.open()
        self._begun = {key: self._begun.get(key, now) for key in found}
        for key, alert in found.items():
            self._missed.pop(key, None)
            if alert.is_kept:
                continue
            if key in known:
                self._renew(known[key], alert)
            elif self._is_due(key, alert, now):
                self._raise(alert, now)
        for key, row in known.items():
            if key not in found and now - self._missed.setdefault(key, now) >= self._calm:
                self._missed.pop(key)
                flapped = now if row.told is None and f"{FLAPS}{key}" in known else None
                over = replace(row, cleared=now)
                self.rows[row.id] = replace(over, told=flapped, told_cleared=flapped) if flapped else over

    def untold(self) -> list[Row]:
        """What people have to be told: that it is so, or that it is over. Not what flaps, nor `info`."""
        flapping = {key.removeprefix(FLAPS) for key in self.open() if key.startswith(FLAPS)}
        return [
            row
            for row in self.rows.values()
            if row.severity != "info" and row.alert.key not in flapping and _is_news(row)
        ]

    def tell(self, told: Iterable[Row], now: datetime) -> None:
        """People got these."""
        for one in told:
            row = self.rows.get(one.id)
            if row is not None:
                self.rows[one.id] = replace(
                    row,
                    told=row.told or now,
                    told_cleared=now if one.cleared else row.told_cleared,
                )

    def forget(self, now: datetime) -> None:
        """Rows that are over, told, and older than an hour are not kept here any more."""
        gone = [
            row.id
            for row in self.rows.values()
            if row.cleared and now - row.cleared > HOUR and not _is_news(row)
        ]
        for row_id in gone:
            del self.rows[row_id]

    def _is_due(self, key: str, alert: Alert, now: datetime) -> bool:
        return not KINDS[alert.kind].patient or now - self._begun[key] >= self._patience

    def _raise(self, alert: Alert, now: datetime) -> None:
        row = Row(self._new_id(), alert, now)
        self.rows[row.id] = row
        self._raises[alert.key].append(now)

    def _renew(self, row: Row, alert: Alert) -> None:
        """Its text is as of now; that alone is no news."""
        if row.alert != alert:
            self.rows[row.id] = replace(row, alert=alert)

    def _flapping(self, now: datetime) -> dict[str, Alert]:
        found = {}
        for key, times in self._raises.items():
            is_often = len(times) == OFTEN and now - times[0] <= HOUR
            is_open = f"{FLAPS}{key}" in self.open()
            if not key.startswith(FLAPS) and (is_often or is_open) and now - times[-1] < QUIET:
                last = next((row for row in reversed(self.rows.values()) if row.alert.key == key), None)
                if last is not None:
                    text = f"{last.title}: {OFTEN} times within an hour"
                    one = last.alert
                    found[f"{FLAPS}{key}"] = Alert(
                        f"{FLAPS}{key}", "flapping", one.about, text, one.tenant_id, one.stack_id
                    )
        return found


def _is_news(row: Row) -> bool:
    """What came and went while nobody could be told is told as over."""
    return row.told is None if row.cleared is None else row.told_cleared is None
