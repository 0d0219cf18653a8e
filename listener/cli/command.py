"""Commands to the leader: a request is written, and its answer waited for. Nothing here touches Coolify."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import anyio

from listener import errors
from listener.cli import configured, consent, lease, reach, rows, show, wait
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase
from listener.pocketbase.writer import Write

REQUESTS = "listener_requests"
LOOK = 0.25
"""Seconds between two looks at the request."""
QUESTIONS = {
    "recreate": "Make a NEW service for {name}? Volumes of the missing one are not brought back.",
    "purge": "Remove the data of {name} for good? It happens an hour after this at the earliest.",
    "retry": "Lift the block of {name} and look again?",
    "approve": "Let the deletion of {name} go on, or the template replace its compose if it was adopted?",
}
"""What is asked before each command."""


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
    request = reach.new_id()
    body = {
        "verb": verb,
        "target": target,
        "arguments": arguments,
        "actor": os.environ.get("SUDO_USER") or os.environ.get("USER") or "unknown",
        "state": "open",
    }
    await reach.writer(known).commit([Write("POST", REQUESTS, request, body)])
    with anyio.move_on_after(seconds):
        while True:
            row = await known.get(REQUESTS, request) or {}
            if row.get("state") != "open":
                show.line(str(row.get("result") or "The request is gone."))
                return Exit.DONE if row.get("state") == "done" else Exit.REFUSED
            await anyio.sleep(LOOK)
    held = await lease.read(known)
    raise errors.Terminal(
        "NOT_ANSWERED",
        f"{verb} was not carried out within {seconds:.0f} s",
        why=wait.NOBODY if not held.holder else "the listener waits for an upstream, or may not act now",
        fix="it stays open and is carried out as soon as a leader may act; see `cloudfreedom status`",
    )
