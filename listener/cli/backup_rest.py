"""Stacks at rest: held with a reason of ours alone, waited for, let go; what a dead run left is ended."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from handlers import records
from handlers.status import Status
from listener import errors
from listener.backup import volumes
from listener.backup.state import State
from listener.cli import reach, rows, show
from listener.cli.backup_here import Here

LOOK = 1.0
"""Seconds between two looks at a record."""
RESTS = (Status.SUSPENDED, Status.DELETED)
"""What the record shows when nothing of the stack runs."""
LAST = 30.0
"""Seconds for ending a hold when the work was cut off."""


@asynccontextmanager
async def at_rest(here: Here, stack: rows.Stack, why: str, seconds: float) -> AsyncIterator[None]:
    """The stack shows suspended inside; afterwards it is as was wished before. Raises `BACKUP_NOT_AT_REST`.

    A hold is put on it only where nothing else keeps it from running; its text is known to no other run.
    """
    state = _own(here)
    text = f"backup: {why}, ends by itself ({secrets.token_hex(4)})"
    is_held = stack.wanted == "running"
    if is_held:
        state.holds[stack.id] = text
        state.keep()
    try:
        if is_held:
            # Cut off, it might still arrive after the hold was looked for and not found.
            with anyio.CancelScope(shield=True):
                await reach.patch(here.known, stack.id, hold=text)
        await _suspended(here, stack, seconds)
        yield
        if (now := await rows.read(here.known, stack.id)) is None or now.status not in RESTS:
            raise _not_at_rest(stack, "it was started meanwhile", "BACKUP_DISTURBED")
    finally:
        if is_held:
            with anyio.move_on_after(LAST, shield=True):
                await _let_go(here, state, stack.id)


async def tidy(here: Here, folder: Path) -> None:
    """What a run that broke off left is ended: trees that were changing places are as before, holds are gone.

    A hold whose text somebody changed is left alone.
    """
    state = _own(here)
    if state.swap:
        for name in state.swap["folders"]:
            volumes.take_back(folder / name, state.swap["stamp"])
        state.swap.clear()
        state.keep()
        show.line("! a restore that broke off was taken back: the data is as before it")
    for stack_id in list(state.holds):
        await _let_go(here, state, stack_id)
        show.line(f"! a hold that a run left on {stack_id} was ended")


async def _let_go(here: Here, state: State, stack_id: str) -> None:
    row = await here.known.get(records.STACKS, stack_id)
    if row is not None and row.get("hold") == state.holds[stack_id]:
        await reach.patch(here.known, stack_id, hold="")
    del state.holds[stack_id]
    state.keep()


async def _suspended(here: Here, stack: rows.Stack, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while True:
            now = await rows.read(here.known, stack.id)
            if now is not None and now.status in RESTS:
                return
            await anyio.sleep(LOOK)
    why = f"its record did not show suspended within {seconds:.0f} s"
    raise _not_at_rest(stack, why, "BACKUP_NOT_AT_REST")


def _not_at_rest(stack: rows.Stack, why: str, code: str) -> errors.Terminal:
    return errors.Terminal(
        code,
        f"{stack.name} was not at rest",
        why=why,
        fix="does a listener lead? `cloudfreedom status`, `cloudfreedom explain STACK`; then run it again",
    )


def _own(here: Here) -> State:
    assert here.state is not None, "opened alone"
    return here.state
