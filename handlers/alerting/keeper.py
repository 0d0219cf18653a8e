"""`Keeper`: alerts follow what is wrong, are kept in `stack_alerts`, and reach people in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from handlers import status
from handlers.alerting import book, conditions, silences
from handlers.alerting.conditions import Alert
from handlers.alerting.kinds import KINDS, fix
from handlers.eyes import Eyes
from handlers.recorder import new_id
from listener import contract, errors
from listener.alerts.channels import Channel
from listener.alerts.message import Message, Notice
from listener.pocketbase.writer import Write, Writer

COLLECTION = "stack_alerts"
WHY = "it cannot be reached, or does not renew the lease; stacks run on, edits wait"
AWAY = Alert("pocketbase", "pocketbase", "PocketBase", WHY)
SLOWEST = 300.0
"""Seconds between two tries of a delivery that fails, at most."""

log = structlog.get_logger()


class Leading(Protocol):
    """What this process is just now."""

    @property
    def role(self) -> str:
        """leader, standby or unknown."""
        ...


class Keeper:
    """Two rounds: `round` keeps the rows, `deliver` tells people. `look` is what is known now."""

    def __init__(
        self,
        *,
        eyes: Eyes,
        writer: Writer,
        lease: Leading,
        look: Callable[[], Awaitable[conditions.Sight]],
        channels: Sequence[Channel],
        sender: str,
    ) -> None:
        waits = eyes.site.waits
        self._eyes = eyes
        self._writer = writer
        self._lease = lease
        self._look = look
        self._channels = channels
        self._sender = sender
        self._book = book.Book(patience=waits.alert, calm=waits.alert, new_id=new_id)
        self._term = -1
        self._saved: dict[str, Mapping[str, Any]] = {}
        self._silences: Sequence[silences.Silence] = ()
        self._since: datetime | None = None
        self._failures = 0
        self._reached: dict[tuple[str, bool], set[str]] = {}

    async def round(self) -> Iterable[contract.Key]:
        """The rows are what is wrong now, as far as this process may say. No key has to be looked at."""
        eyes, now, role = self._eyes, self._eyes.now(), self._lease.role
        if role == "standby":
            self._term = -1
            self._book.load(())
            return ()
        if role == "unknown":
            self._book.step(
                {**{key: row.alert for key, row in self._book.open().items()}, AWAY.key: AWAY}, now
            )
            return ()
        if not eyes.is_caught_up:
            return ()
        if self._term != eyes.term():
            await self._load(now)
        self._silences = silences.read(eyes.meta)
        self._book.step(conditions.alerts(await self._look()), now)
        await self._save()
        self._book.forget(now)
        return ()

    def interval(self) -> float:
        """Seconds to the next round."""
        return self._eyes.site.waits.poll_busy

    async def deliver(self) -> Iterable[contract.Key]:
        """What people must be told was told, as soon as it waited for what comes with it. Raises nothing."""
        now = self._eyes.now()
        rows = [row for row in self._book.untold() if not self._is_silent(row, now)]
        if not rows or self._lease.role == "standby":
            self._since = None
            return ()
        self._since = self._since or now
        if (now - self._since).total_seconds() < self._eyes.site.waits.alert_group:
            return ()
        if not self._channels or await self._send(rows):
            self._book.tell(rows, now)
            self._since = None
        return ()

    def pause(self) -> float:
        """Seconds to the next try of a delivery: more, the more failed."""
        return min(self._eyes.site.waits.poll_busy * 2.0**self._failures, SLOWEST)

    async def _send(self, rows: Sequence[book.Row]) -> bool:
        """Every channel has every row; one that had them before a failure of another is not asked again."""
        whole = True
        for channel in self._channels:
            left = [row for row in rows if channel.name not in self._reached.get(_news(row), ())]
            if not left:
                continue
            try:
                await channel.send(Message(self._sender, [_notice(row) for row in left]))
            except errors.Transient as error:
                whole = False
                log.warning("alert.not_delivered", channel=channel.name, why=error.why, alerts=len(left))
                continue
            log.info("alert.delivered", channel=channel.name, alerts=len(left))
            for row in left:
                self._reached.setdefault(_news(row), set()).add(channel.name)
        self._failures = 0 if whole else min(self._failures + 1, 10)
        if whole:
            self._reached.clear()
        return whole

    def _is_silent(self, row: book.Row, now: datetime) -> bool:
        return any(one.covers(row.alert, now) for one in self._silences)

    async def _load(self, now: datetime) -> None:
        """What another process left is gone on with; what was raised while PocketBase was away is kept."""
        term = self._eyes.term()
        since = status.stamp(now - book.HOUR)
        found = await self._eyes.database.list(COLLECTION, filter=f"cleared='' || cleared>'{since}'")
        own = {row.alert.key: row for row in self._book.rows.values() if row.id not in self._saved}
        rows = [row for row in map(_row, found) if row is not None]
        self._saved = {row.id: row.fields() for row in rows}
        known = {row.alert.key for row in rows if row.cleared is None}
        self._book.load([*rows, *(row for key, row in own.items() if key not in known)])
        self._term = term

    async def _save(self) -> None:
        writes, bodies = [], {}
        for row in self._book.rows.values():
            body, before = row.fields(), self._saved.get(row.id)
            if body == before:
                continue
            bodies[row.id] = body
            writes.append(Write("PATCH" if before else "POST", COLLECTION, row.id, body))
            if before is None:
                log.warning("alert.raised", key=row.alert.key, severity=row.severity, title=row.title)
            elif row.cleared and not before["cleared"]:
                log.warning("alert.cleared", key=row.alert.key, title=row.title)
        for first in range(0, len(writes), 40):
            chunk = writes[first : first + 40]
            await self._writer.commit(chunk)
            self._saved |= {write.id: bodies[write.id] for write in chunk}


def _news(row: book.Row) -> tuple[str, bool]:
    return row.id, row.cleared is not None


def _notice(row: book.Row) -> Notice:
    moment = row.cleared or row.raised
    return Notice(
        id=row.id,
        key=row.alert.key,
        kind=row.alert.kind,
        severity=row.severity,
        state="cleared" if row.cleared else "raised",
        title=row.title,
        text=row.alert.text,
        at=moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        tenant_id=row.alert.tenant_id,
        stack_id=row.alert.stack_id,
        fix=fix(row.alert.kind, row.alert.stack_id),
    )


def _row(row: Mapping[str, Any]) -> book.Row | None:
    """A row as PocketBase has it; None for a kind that this release does not know."""
    if row.get("kind") not in KINDS:
        return None
    about = str(row["title"]).removesuffix(f" {KINDS[row['kind']].title}")
    alert = Alert(row["key"], row["kind"], about, row["text"], row["tenant_id"], row["stack_id"])
    raised = _time(row["raised"])
    if raised is None:
        return None
    return book.Row(
        row["id"], alert, raised, _time(row["cleared"]), _time(row["told"]), _time(row["told_cleared"]),
        str(row.get("acked_by") or ""),
    )  # fmt: skip


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
