"""Commands to the leader: a request is written, and its answer waited for. Nothing here touches Coolify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from listener import errors
from listener.cli import audit, configured, consent, lease, reach, rows, show, wait
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase, quoted
from listener.pocketbase.writer import Write

REQUESTS = "listener_requests"
LOOK = 0.25
"""Seconds between two looks at the request."""
AT_ONCE = 50
"""Requests that are looked at with one call: PocketBase takes 3500 characters of filter."""
GONE = "The request is gone."
QUESTIONS = {
    "recreate": "Make a NEW service for {name}? Volumes of the missing one are not brought back.",
    "purge": "Remove the data of {name} for good? It happens an hour after this at the earliest.",
    "retry": "Lift the block of {name} and look again?",
    "approve": "Let the deletion of {name} go on, or the template replace its compose if it was adopted?",
}
"""What is asked before each command."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the leader said to one request."""

    is_done: bool
    text: str


def ask(verb: str, stack: str, *, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    """The leader did what `verb` says to the stack, or said why not."""
    return reach.run(partial(_ask, verb, stack, yes, confirm, seconds))


async def _ask(verb: str, stack: str, yes: bool, confirm: Callable[[str], bool], seconds: float) -> Exit:
    async with reach.database(configured.load(configured.Database)) as known:
        target = await rows.pick(known, stack)
        if not agreed(QUESTIONS[verb].format(name=target.name), yes=yes, confirm=confirm):
            return Exit.FAILED
        return await carried_out(known, verb, target.id, {}, seconds)


def agreed(question: str, *, yes: bool, confirm: Callable[[str], bool]) -> bool:
    """A person said yes, or gave `--yes`; raises `CONFIRMATION_NEEDED` where nobody can be asked."""
    if yes:
        return True
    consent.must_be_possible("nothing was asked for")
    if confirm(question):
        return True
    consent.refused()
    return False


async def carried_out(
    known: PocketBase, verb: str, target: str, arguments: dict[str, str], seconds: float
) -> Exit:
    """The request is written and answered; raises `NOT_ANSWERED` when nobody did within `seconds`."""
    request = written(verb, target, arguments)
    await reach.writer(known).commit([request])
    with anyio.move_on_after(seconds):
        while True:
            row = await known.get(REQUESTS, request.id) or {}
            if row.get("state") != "open":
                show.line(str(row.get("result") or GONE))
                return Exit.DONE if row.get("state") == "done" else Exit.REFUSED
            await anyio.sleep(LOOK)
    raise await _not_answered(known, verb, seconds)


async def answered(
    known: PocketBase,
    verb: str,
    targets: Sequence[str],
    seconds: float,
    arguments: Mapping[str, str] | None = None,
) -> Mapping[str, Answer]:
    """The answer for each target: all are asked before the first is waited for.

    Raises `NOT_ANSWERED` when for `seconds` none of those that are left was answered.
    """
    writer, requests = (
        reach.writer(known),
        [written(verb, target, dict(arguments or {})) for target in targets],
    )
    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(writer.commit, [request])
    found: dict[str, Answer] = {}
    left, since = {request.id: str(request.body["target"]) for request in requests}, anyio.current_time()
    while True:
        for row in await _read(known, list(left)):
            if row["state"] != "open":
                is_done = row["state"] == "done"
                found[left.pop(row["id"])] = Answer(is_done=is_done, text=str(row["result"] or GONE))
                since = anyio.current_time()
        if not left:
            return found
        if anyio.current_time() - since > seconds:
            raise await _not_answered(known, f"{verb} of {len(left)} of {len(targets)}", seconds)
        await anyio.sleep(LOOK)


async def _read(known: PocketBase, requests: Sequence[str]) -> list[Mapping[str, Any]]:
    """These requests as they are now."""
    found: list[Mapping[str, Any]] = []
    for first in range(0, len(requests), AT_ONCE):
        condition = " || ".join(f"id={quoted(one)}" for one in requests[first : first + AT_ONCE])
        found += await known.list(REQUESTS, filter=condition, fields="id,state,result")
    return found


def written(verb: str, target: str, arguments: dict[str, str]) -> Write:
    """The write of a request that is open, asked by whoever runs this."""
    body = {
        "verb": verb,
        "target": target,
        "arguments": arguments,
        "actor": audit.actor(),
        "state": "open",
    }
    return Write("POST", REQUESTS, reach.new_id(), body)


async def _not_answered(known: PocketBase, what: str, seconds: float) -> errors.Terminal:
    held = await lease.read(known)
    return errors.Terminal(
        "NOT_ANSWERED",
        f"{what} was not carried out within {seconds:.0f} s",
        why=wait.NOBODY if not held.holder else "the listener waits for an upstream, or may not act now",
        fix="it stays open and is carried out as soon as a leader may act; see `cloudfreedom status`",
    )
