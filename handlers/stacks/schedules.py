"""A stack's scheduled messages: rows of `stack_schedules` become scheduled tasks of its service. Pure.

A task carries its row's id in its name, so it is found again after a lost answer, and tasks that people made
are never touched. Coolify runs tasks in its server's time zone, and not while the service is stopped.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from handlers import naming, steps
from handlers.stacks.facts import StackFacts
from listener import contract, errors
from listener.compose.manifest import Schedule
from listener.coolify import payloads

COLLECTION = "stack_schedules"
REASON = "schedules"
"""Of a plan about scheduled tasks: what Coolify refuses of them says nothing about the stack."""
PREFIX = "cf-"
MOST = 20
"""Schedules of one stack."""
LONGEST = 4000
"""Characters of a message."""
OFTENEST = 12
"""Times within one hour: each costs a whole answer of the model."""
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")


class ScheduleRow(BaseModel):
    """One row: when to say what. `shown` is what the listener says about it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    stack_id: str = ""
    name: str = ""
    cron: str = ""
    zone: str = ""
    message: str = ""
    enabled: bool = False
    shown: str = ""


@dataclass(frozen=True, slots=True)
class PutTask:
    """Make the task, or give the one of that uuid these values."""

    proof: naming.Proof
    task: payloads.Task
    effect = True

    def describe(self) -> str:
        verb = "change" if self.task.uuid else "add"
        off = "" if self.task.enabled else ", switched off"
        return f"{verb} scheduled task {self.task.name}: {self.task.frequency}{off}"

    async def run(self, hands: steps.Hands) -> None:
        if self.task.uuid:
            await hands.coolify.patch_task(self.proof.uuid, self.task)
        else:
            await hands.coolify.create_task(self.proof.uuid, self.task)


@dataclass(frozen=True, slots=True)
class DropTask:
    """Remove a scheduled task whose row is gone."""

    proof: naming.Proof
    task: payloads.Task
    effect = True

    def describe(self) -> str:
        return f"remove scheduled task {self.task.name}"

    async def run(self, hands: steps.Hands) -> None:
        await hands.coolify.delete_task(self.proof.uuid, self.task.uuid)


def decide(
    facts: StackFacts,
    proof: naming.Proof,
    schedule: Schedule | None,
    rows: Sequence[ScheduleRow],
    tasks: Sequence[payloads.Task],
) -> contract.Plan | None:
    """The steps that make the tasks those of the rows and tell each row; None when all is so."""
    zone = facts.server.zone if facts.server else "UTC"
    wanted: dict[str, payloads.Task] = {}
    said: dict[contract.Key, Mapping[str, Any]] = {}
    for number, row in enumerate(sorted(rows, key=lambda row: row.id)):
        try:
            if number >= MOST:
                raise _refused(f"a stack has {MOST} schedules at most")
            task, text = _task(row, schedule, zone), _runs(facts, row, zone)
            wanted[task.name] = task
        except errors.Refusal as refusal:
            text = f"{refusal.code}: {refusal.why}."
        if text != row.shown:
            said[contract.Key(COLLECTION, row.id)] = {"shown": text}
    acts: list[steps.Act] = list(_differences(proof, wanted, tasks))
    names = [act.describe() for act in acts]
    if acts:
        acts.insert(0, steps.Record(entry=steps.Entry("stack.schedules", "started", detail={"steps": names})))
        acts.append(steps.Record(entry=steps.Entry("stack.schedules", "done"), beside=said))
    elif said:
        acts.append(steps.Record(beside=said))
    return contract.Plan(key=facts.key, steps=tuple(acts), reason=REASON, again=0.0) if acts else None


def _differences(
    proof: naming.Proof, wanted: Mapping[str, payloads.Task], tasks: Sequence[payloads.Task]
) -> Iterator[steps.Act]:
    """Of several tasks of one name, after a lost answer, the first is it; the others are removed."""
    ours = [task for task in tasks if task.name.startswith(PREFIX)]
    seen: dict[str, payloads.Task] = {}
    for task in ours:
        if task.name in wanted and task.name not in seen:
            seen[task.name] = task
        else:
            yield DropTask(proof, task)
    for name, task in wanted.items():
        there = seen.get(name)
        if there is None:
            yield PutTask(proof, task)
        elif replace(there, uuid="") != task:
            yield PutTask(proof, replace(task, uuid=there.uuid))


def _task(row: ScheduleRow, schedule: Schedule | None, zone: str) -> payloads.Task:
    if schedule is None:
        raise _refused("this stack's template takes no scheduled messages")
    if not row.message.strip() or len(row.message) > LONGEST:
        raise _refused(f"message must have 1 to {LONGEST} characters")
    if row.zone.strip() not in ("", zone):
        raise _refused(f"zone must be {zone}, in which the server's tasks run: write cron for that zone")
    cron = " ".join(row.cron.split())
    _check(cron)
    carried = base64.b64encode(row.message.encode()).decode("ascii")
    return payloads.Task(
        name=f"{PREFIX}{row.id}",
        command=schedule.command.replace("{message}", carried),
        frequency=cron,
        container=schedule.service,
        enabled=row.enabled,
    )


def _check(cron: str) -> None:
    """Five fields of numbers, ranges, lists and steps, not oftener than `OFTENEST` times an hour."""
    fields = cron.split(" ")
    if len(fields) != len(RANGES):
        raise _refused("cron must have five fields, such as 30 7 * * 1-5")
    times = [_values(field, *bounds) for field, bounds in zip(fields, RANGES, strict=True)]
    if len(times[0]) > OFTENEST:
        raise _refused(f"cron may name {OFTENEST} minutes of an hour at most")


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = PART.fullmatch(part)
        if match is None:
            raise _refused("cron may hold numbers, *, ranges, lists and steps")
        first = int(match[1]) if match[1] else low
        last = int(match[2]) if match[2] else (first if match[1] and not match[3] else high)
        step = int(match[3] or 1)
        if not low <= first <= last <= high or step < 1:
            raise _refused(f"cron holds a number outside {low} to {high}")
        found |= set(range(first, last + 1, step))
    return found


def _runs(facts: StackFacts, row: ScheduleRow, zone: str) -> str:
    code = "schedule_on" if row.enabled else "schedule_off"
    return facts.say(code, cron=" ".join(row.cron.split()), zone=zone)


def _refused(why: str) -> errors.Refusal:
    return errors.Refusal("SCHEDULE_REFUSED", "The schedule is not in force.", why=why)
