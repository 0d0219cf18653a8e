"""Every write of the listener but the lease's: in groups that are kept whole or not at all.

A group that finds nobody on the line goes at once, alone; groups that queued while a batch was on its way
share the next one. Nothing of ours runs in the background: whoever waits longest sends for everybody behind,
and each committer judges its own answer.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anyio
import structlog

from listener import errors
from listener.pocketbase import batch, budget, client, lease, written
from listener.pocketbase.batch import Write

__all__ = ["HOLDER_COLLECTIONS", "Write", "Writer"]

HOLDER_COLLECTIONS = frozenset({"listener_ledger", "stack_secrets"})
"""Collections whose rules let only the lease's holder write; `as_holder` is added here."""
THROTTLED_TRIES = 8
"""Tries of a group that is refused with 429, 2 s apart: the limiter's longest default window is 10 s."""
LEFT_OUT = "write.left_out"

log = structlog.get_logger()


class _LeaderGone(errors.Ambiguous):
    """The committer that was sending for this group was cancelled: look, and send again."""

    def __init__(self) -> None:
        super().__init__(
            "WRITE_INTERRUPTED", "a write to PocketBase was cut off", why="its batch was cancelled"
        )


@dataclass(eq=False, slots=True)
class _Group:
    """Writes that stand or fall together, and what became of them."""

    writes: Sequence[Write]
    alone: bool
    was_shared: bool = False
    throttled: int = 0
    rows: client.Rows | None = None
    error: errors.ListenerError | None = None

    @property
    def is_answered(self) -> bool:
        return self.rows is not None or self.error is not None


class Writer:
    """Commits groups of writes as the lease's holder, whose name `holder` tells at any time."""

    def __init__(self, *, pocketbase: client.PocketBase, holder: Callable[[], str]) -> None:
        self._pocketbase = pocketbase
        self._holder = holder
        self._budget = budget.Budget()
        self._queue: deque[_Group] = deque()
        self._line = anyio.Lock()

    @property
    def pocketbase(self) -> client.PocketBase:
        """Where it writes to, to be read from."""
        return self._pocketbase

    async def commit(self, writes: Sequence[Write]) -> client.Rows:
        """All of the writes are in PocketBase; its rows, one a write, `{}` for one deleted or left out.

        After any answer but 200 the rows are read again, and what is there as sent counts as written.
        Optional writes are left out of a group that is refused because of them. Another committer's failure
        or cancellation costs a delay, no more; when this one is cancelled, its writes may have happened.

        Raises `UpstreamRefusal` `WRITE_REFUSED` (status 404 where a rule or condition refused), `LeaseLost`
        when another holds the lease, `Global` (`FIELD_DROPPED`, `COLLECTION_UNWRITABLE`, `BATCH_DISABLED`),
        `Throttled` after `THROTTLED_TRIES`, `Ambiguous` when the answer was lost and the rows do not show
        the writes, and `UpstreamUnavailable` when nothing was sent.
        """
        signed = [self._signed(write) for write in writes]
        if len(signed) > batch.ITEMS:
            raise ValueError(f"a group of more than {batch.ITEMS} writes fits no batch")
        try:
            return await self._settle(signed)
        except batch.Refused as refusal:
            required = [write for write in signed if not write.optional]
            if not signed[refusal.index].optional:
                raise
            log.warning(LEFT_OUT, what=refusal.what, why=refusal.why)
        rows = iter(await self._settle(required))
        return [{} if write.optional else next(rows) for write in signed]

    def _signed(self, write: Write) -> Write:
        # What cannot be encoded must fail here, not in a batch with others.
        json.dumps(write.item(), ensure_ascii=False, allow_nan=False).encode()
        if write.collection not in HOLDER_COLLECTIONS:
            return write
        holder = self._holder()
        if not holder:
            raise lease.lost("this listener does not hold it")
        return replace(write, query={**write.query, "as_holder": holder})

    async def _settle(self, writes: Sequence[Write]) -> client.Rows:
        """The rows of a group that is sent until it is clear what became of it."""
        alone = any(write.is_conditional for write in writes)
        while writes:
            logins = self._pocketbase.session.logins
            group = _Group(writes, alone)
            try:
                return written.complete(writes, await self._send(group))
            except (batch.Refused, errors.Ambiguous) as error:
                if group.was_shared and isinstance(error, batch.Refused | batch.Failed):
                    alone = True
                    continue
                rows = await self._afterwards(writes, error)
                if written.all_hold(writes, rows):
                    return [row or {} for row in rows]
                # A dead token is refused like a stranger; by now there is a new one.
                if not isinstance(error, _LeaderGone) and self._pocketbase.session.logins == logins:
                    _check_rule(writes, rows, error)
                    raise
        return []

    async def _afterwards(
        self, writes: Sequence[Write], error: batch.Refused | errors.Ambiguous
    ) -> Sequence[client.Row | None]:
        """The rows as they are after the error, seen as a proven member and, if refused, as the holder."""
        is_refused = isinstance(error, batch.Refused)
        try:
            await self._pocketbase.session.prove()
            rows = [await self._pocketbase.get(write.collection, write.id) for write in writes]
        except errors.UpstreamUnavailable as unavailable:
            raise (unavailable if is_refused else error) from None
        if is_refused and any(write.collection in HOLDER_COLLECTIONS for write in writes):
            state = await lease.read(self._pocketbase)
            if state.holder != self._holder():
                raise lease.lost(f"it is held by {state.holder!r}")
        return rows

    async def _send(self, group: _Group) -> client.Rows:
        """The group's rows from a batch that this committer, or one before it on the line, has sent."""
        self._queue.append(group)
        try:
            async with self._line:
                while not group.is_answered:
                    await self._lead(group)
        finally:
            if group in self._queue:
                self._queue.remove(group)
        if group.error is not None:
            raise group.error
        assert group.rows is not None
        return group.rows

    async def _lead(self, own: _Group) -> None:
        """One batch was sent for the head of the queue; those of its groups that stay unanswered wait on."""
        await self._budget.turn(sum(write.creates for write in own.writes))
        groups = self._head()
        writes = [write for group in groups for write in group.writes]
        try:
            rows = iter(await batch.post(self._pocketbase, writes))
            for group in groups:
                group.rows = [next(rows) for _ in group.writes]
        except errors.Throttled as throttled:
            self._budget.slow_down(throttled.after)
            _count(groups, throttled)
        except batch.Refused as refusal:
            _blame(groups, refusal)
        except errors.ListenerError as error:
            for group in groups:
                group.error = error
        except BaseException:
            for group in groups:
                group.error = _LeaderGone()
            raise
        finally:
            self._budget.spent(sum(write.creates for write in writes))
            self._queue = deque(group for group in self._queue if not group.is_answered)

    def _head(self) -> list[_Group]:
        """The groups at the head of the queue that fit into one batch, at least the first."""
        groups = [self._queue[0]]
        items = len(groups[0].writes)
        creates = sum(write.creates for write in groups[0].writes)
        for group in list(self._queue)[1:]:
            items += len(group.writes)
            creates += sum(write.creates for write in group.writes)
            if groups[0].alone or group.alone or items > batch.ITEMS or creates > self._budget.room:
                break
            groups.append(group)
        for group in groups:
            group.was_shared = len(groups) > 1
        return groups


def _count(groups: Sequence[_Group], throttled: errors.Throttled) -> None:
    for group in groups:
        group.throttled += 1
        if group.throttled == THROTTLED_TRIES:
            group.error = throttled


def _blame(groups: Sequence[_Group], refusal: batch.Refused) -> None:
    """The group with the refused write has the refusal; the others wait on for the next batch."""
    after = 0
    for group in groups:
        before, after = after, after + len(group.writes)
        if before <= refusal.index < after:
            group.error = refusal


def _check_rule(
    writes: Sequence[Write], rows: Sequence[client.Row | None], error: batch.Refused | errors.Ambiguous
) -> None:
    """Raises `Global` when a rule shuts us out altogether: then it is nothing about this record.

    PocketBase 0.40.6 refuses a create with 400 where its rule says no, and with 404 only where there is no
    such collection; an update with 404 where its rule says no.
    """
    if not isinstance(error, batch.Refused):
        return
    write, row = writes[error.index], rows[error.index]
    is_there = write.creates or row is not None
    if error.status == 403 or (error.status == 404 and is_there and not write.is_conditional):
        raise errors.Global(
            "COLLECTION_UNWRITABLE",
            f"PocketBase lets the listener not {write.method} in {write.collection!r}",
            why="it was renamed or deleted, or its rules were changed or emptied",
            fix="run `cloudfreedom schema diff`, then `cloudfreedom schema apply`",
        )
