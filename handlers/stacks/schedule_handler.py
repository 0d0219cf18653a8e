"""The handler of `stack_schedules`: a row that changed makes its stack look at its scheduled tasks again."""

from __future__ import annotations

from collections.abc import Iterable

from handlers import apply, records, steps
from handlers.eyes import Eyes
from handlers.stacks.schedules import COLLECTION, ScheduleRow
from listener import contract


class ScheduleHandler:
    """Policy for `stack_schedules`: what is to be done is decided with the stack."""

    collection = COLLECTION

    def __init__(self, *, eyes: Eyes, scribe: steps.Scribe) -> None:
        self._eyes = eyes
        self._scribe = scribe
        self._seen: dict[str, ScheduleRow] = {}
        self._read: dict[str, ScheduleRow | None] = {}
        """As read for the plan; seen when that is applied, so that one that is withheld is made again."""

    def group(self, key: contract.Key) -> str:
        """The stack whose schedule it is."""
        row = self._seen.get(key.id)
        return row.stack_id if row else ""

    def noticed(self, change: contract.Change) -> None:
        """The row is looked at; a deleted one is missing then."""

    async def sweep(self) -> Iterable[contract.Key]:
        """Rows that are not what they were, and those that are gone."""
        rows = [ScheduleRow.model_validate(row) for row in await self._eyes.database.list(COLLECTION)]
        there = {row.id: row for row in rows}
        changed = [row.id for row in rows if not _same(row, self._seen.get(row.id))]
        gone = [row_id for row_id in self._seen if row_id not in there]
        return [contract.Key(COLLECTION, row_id) for row_id in (*changed, *gone)]

    async def plan(self, key: contract.Key) -> contract.Plan:
        """No step: the stack, and the one it belonged to before, are woken if something changed."""
        row = await self._eyes.database.get(COLLECTION, key.id)
        before = self._seen.get(key.id)
        self._read[key.id] = now = ScheduleRow.model_validate(row) if row else None
        if _same(now, before):
            return contract.Plan(key=key, reason="unchanged")
        stacks = {one.stack_id for one in (now, before) if one is not None and one.stack_id}
        wakes = tuple(contract.Key(records.STACKS, stack) for stack in sorted(stacks))
        return contract.Plan(key=key, reason="schedule_changed", wakes=wakes)

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The stacks are woken, and look at their tasks."""
        now = self._read.pop(plan.key.id, None)
        if now is None:
            self._seen.pop(plan.key.id, None)
        else:
            self._seen[plan.key.id] = now
        for stack in plan.wakes:
            self._eyes.memory.of(stack.id).is_scheduled = False
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        return await apply.apply(plan, hands=hands, remembered=self._eyes.memory, allowed=_always)

    async def report(self, key: contract.Key, error: Exception) -> None:
        """Only a read can fail here, and that is tried again."""


def _always() -> None:
    """Nothing is written: no lease is needed."""


def _same(row: ScheduleRow | None, other: ScheduleRow | None) -> bool:
    """What the listener itself shows does not count."""
    if row is None or other is None:
        return row is other
    return row.model_copy(update={"shown": ""}) == other.model_copy(update={"shown": ""})
