"""Waiting beside the listener: each change of a stack is printed until it is settled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import anyio

from handlers import status
from handlers.messages import MESSAGES
from listener import contract, errors
from listener.cli import configured, lease, listing, reach, rows, show
from listener.cli.exits import Exit
from listener.pocketbase.client import PocketBase

LOOK = 0.25
"""Seconds between two looks at the record."""
LEASE_LOOK = 2.0
"""Seconds between two looks at the lease."""
UNHEEDED = 10.0
"""Seconds after which an action on a record in error counts as not heeded: it is blocked."""
SETTLED = tuple(map(str, (status.Status.RUNNING, status.Status.SUSPENDED, status.Status.DELETED)))
NOBODY = "no listener renews the lease; start one with `cloudfreedom run`."
RECEIPTS = tuple(text.partition("{")[0] for text in MESSAGES["action_done"])
"""How the message begins that stands between an action and what comes of it."""


@dataclass(slots=True)
class Watch:
    """One wait: `timeout` in seconds; it ends when the record shows a status of `until`, or an error."""

    known: PocketBase
    record_id: str
    timeout: float
    until: Collection[str] = SETTLED
    began: float = field(default_factory=anyio.current_time)
    _said: dict[str, tuple[str, str]] = field(default_factory=dict)
    _lease_at: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        return anyio.current_time() - self.began

    async def settled(self) -> rows.Stack:
        """The stack when it shows what is waited for, or is in error.

        An upstream that is down is waited for. Raises `NOT_FINISHED` when the time is up, `STACK_GONE` when
        the record was deleted.
        """
        seen = ""
        while self.elapsed < self.timeout:
            try:
                stack = await rows.read(self.known, self.record_id)
                await self._mind_the_lease()
            except (errors.Transient, errors.Throttled) as error:
                self._say("trouble", "for PocketBase", str(error))
                await anyio.sleep(LOOK)
                continue
            if stack is None:
                raise errors.Terminal("STACK_GONE", "the record was deleted", fix="`cloudfreedom list`")
            if self._is_settled(stack):
                return stack
            seen = f"{stack.status}: {_what(stack)}"
            self._say("stack", stack.status, _what(stack))
            await anyio.sleep(LOOK)
        goes_on = "the listener goes on by itself; see `cloudfreedom status`, or wait longer with --timeout"
        fix = "start a listener with `cloudfreedom run`" if "trouble" in self._said else goes_on
        raise errors.Terminal("NOT_FINISHED", f"not finished after {self.timeout:.0f} s", why=seen, fix=fix)

    def _is_settled(self, stack: rows.Stack) -> bool:
        if _is_receipt(stack) and not stack.action:
            return False
        if stack.status == status.Status.ERROR:
            return not stack.action or self.elapsed >= UNHEEDED
        return stack.status in self.until and not stack.action

    async def _mind_the_lease(self) -> None:
        if self.elapsed - self._lease_at < LEASE_LOOK:
            return
        self._lease_at = self.elapsed
        state = await lease.read(self.known)
        if not state.holder or state.age > contract.Waits().lease_stale:
            self._say("trouble", "for a listener", NOBODY)

    def _say(self, kind: str, phase: str, text: str) -> None:
        """Told once, until something else of its kind is told: the time alone is no news."""
        if self._said.get(kind) != (phase, text):
            self._said[kind] = (phase, text)
            show.line(f"Waiting: {phase} ({self.elapsed:.0f} s of {self.timeout:.0f} s): {text}")


async def attached(
    known: PocketBase, record_id: str, *, seconds: float, running: bool, until: Collection[str] = SETTLED
) -> Exit:
    """Waits, then shows how it ended; an error, or a stack that should run and does not, is a failure."""
    watch = Watch(known, record_id, seconds, until)
    stack = await watch.settled()
    show.line(f"Finished in {watch.elapsed:.1f} s")
    show.columns([listing.cells(stack)])
    unwell = stack.status != status.Status.RUNNING or stack.health == status.Health.UNHEALTHY
    if stack.status == status.Status.ERROR or (running and unwell):
        raise errors.Terminal(
            "STACK_NOT_RUNNING" if running else "STACK_IN_ERROR",
            f"{stack.name}: {stack.message or stack.status}",
            why=stack.error_message,
            fix=""
            if stack.error_message
            else f"`cloudfreedom plan {stack.id}` says what the listener would do",
        )
    return Exit.DONE


async def apply(named: str, *, wait: bool, seconds: float) -> Exit:
    """The listener is asked to reconcile a stack; with `wait`, and has done so."""
    async with reach.database(configured.load(configured.Database)) as known:
        stack = await rows.pick(known, named)
        if stack.action:
            show.line(f"{stack.name}: {stack.action} is asked for already and comes first.")
        else:
            await reach.patch(known, stack.id, action="reconcile")
            show.line(f"{stack.name}: asked the listener to reconcile.")
        return await attached(known, stack.id, seconds=seconds, running=False) if wait else Exit.DONE


def _is_receipt(stack: rows.Stack) -> bool:
    return stack.message.startswith(RECEIPTS)


def _what(stack: rows.Stack) -> str:
    return f"{stack.action} is asked for." if stack.action else stack.message or "not looked at yet."
