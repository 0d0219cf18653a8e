"""One actor: the lease that a leader renews, and a standby takes over when it stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import anyio
import structlog
from anyio.abc import TaskStatus

from listener import contract, errors

from .queue import TICK

log = structlog.get_logger()

Role = Literal["leader", "standby", "unknown"]


def uptime() -> float:
    """Seconds on a clock that goes on while the machine is suspended (monotonic clocks of Linux do not)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Who may act. The row has no expiry: only the fence moves, and each side measures on its own `clock`.

    `holder` names this process and no other. `take_at_once(state)` says that the row's holder is known to be
    gone (its lock on this host is ours). `on_suspect(reason)` asks for a new stream: our own renewals must
    come back on it.
    """

    def __init__(
        self,
        *,
        store: contract.LeaseStore,
        waits: contract.Waits,
        holder: str,
        clock: Callable[[], float],
        on_suspect: Callable[[str], None],
        take_at_once: Callable[[contract.LeaseState], bool],
    ) -> None:
        self.holder = holder
        self._store = store
        self._waits = waits
        self._clock = clock
        self._on_suspect = on_suspect
        self._take_at_once = take_at_once
        self.term = 0
        """How often this process took the lease: what was read in an earlier term is not believed."""
        self._leading = False
        self._fence = -1
        self._watched = ""
        self._sent = self._moved = self._answered = self._suspected = float("-inf")
        self._echoed_fence = -1
        self._awaited = (-1, float("-inf"))
        """Fence that the renewal under way or just acknowledged makes, and when it was sent."""
        self._deaf_since: float | None = None
        self._trouble = ""
        self._acknowledged = anyio.Event()

    def held(self) -> bool:
        """We may begin something: our last acknowledged renewal was sent less than `lease_stale` ago."""
        return self._leading and self._clock() - self._sent < self._waits.lease_stale

    @property
    def fence(self) -> int:
        """The fence as last seen or written; -1 before the first read."""
        return self._fence

    @property
    def role(self) -> Role:
        """`unknown` while the row could not be read for `takeover` seconds."""
        if self.held():
            return "leader"
        recent = self._clock() - self._answered < self._waits.takeover
        return "standby" if recent and not self._leading else "unknown"

    def deaf_for(self) -> float:
        """Seconds since the first renewal of ours that did not come back on the stream; 0 when all did."""
        return 0.0 if self._deaf_since is None else self._clock() - self._deaf_since

    def echoes(self) -> bool:
        """Our renewals come back on the stream; true as long as none is overdue by two beats."""
        return self.deaf_for() < 2 * self._waits.beat

    def heard(self, pulse: contract.Pulse) -> float | None:
        """A renewal came back on the stream; the seconds since it was sent, if it is our last one.

        PocketBase 0.40.6: the echo usually precedes the answer.
        """
        if pulse.holder != self.holder:
            return None
        self._echoed_fence = pulse.fence
        self._deaf_since = None
        fence, sent = self._awaited
        return self._clock() - sent if fence == pulse.fence else None

    def listen_anew(self) -> None:
        """A new stream is there: it has two beats to bring an echo before it is suspected in its turn."""
        self._suspected = self._clock()

    def mark_lost(self) -> None:
        """Nothing begins until the row was read again and a renewal acknowledged."""
        self._leading = False

    async def wait_held(self) -> None:
        """Returns when the lease is held."""
        while not self.held():
            await self._acknowledged.wait()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Takes the lease when it may, and renews it every `Waits.beat`. Started after the first try.

        A try is cut after `lease_stale` seconds: a later answer would be stale when it comes. No error of the
        store ends this: a lease that cannot be renewed goes stale by itself.
        """
        rest = await self._beat()
        task_status.started()
        while True:
            await anyio.sleep(rest)
            rest = await self._beat()

    async def release(self) -> None:
        """A successor may take over at once. Call when nothing of ours runs any more; never raises."""
        if not self.held():
            return
        self._leading = False
        try:
            with anyio.move_on_after(self._waits.beat):
                await self._store.advance(fence=self._fence, holder="")
                log.info("lease.released", fence=self._fence)
        except errors.ListenerError as error:
            log.warning("lease.kept", code=error.code)

    async def _beat(self) -> float:
        """One try; the seconds until the next."""
        began = self._clock()
        with anyio.move_on_after(self._waits.lease_stale):
            await self._try()
        if not self.echoes() and self._clock() - self._suspected >= 2 * self._waits.beat:
            self._suspected = self._clock()
            self._on_suspect("no echo")
        return max(0.0, began + self._waits.beat - self._clock())

    async def _try(self) -> None:
        trouble = ""
        try:
            await self._renew_or_watch()
            self._answered = self._clock()
        except errors.ListenerError as error:
            trouble = error.code
        if trouble and not self._trouble:
            log.warning("lease.unreachable", code=trouble)
        elif self._trouble and not trouble:
            log.info("lease.recovered")
        self._trouble = trouble

    async def _renew_or_watch(self) -> None:
        leading = self._leading
        if leading and await self._advance():
            return
        state = await self._store.read()
        self._look(state)
        advanced = self._may_take(state) and await self._advance()
        if leading and self._leading and not advanced:
            self._on_suspect("renewal refused")

    def _look(self, state: contract.LeaseState) -> None:
        if state.fence != self._fence:
            self._fence, self._moved = state.fence, self._clock()
        if state.holder == self.holder:
            return
        if self._leading:
            log.warning("lease.lost", holder=state.holder, fence=state.fence)
        elif state.holder != self._watched:
            log.info("lease.watched", holder=state.holder, fence=state.fence)
        self._watched = state.holder
        self._leading = False
        self._deaf_since = None

    def _may_take(self, state: contract.LeaseState) -> bool:
        if state.holder in ("", self.holder) or self._take_at_once(state):
            return True
        return self._clock() + TICK - self._moved >= self._waits.takeover

    async def _advance(self) -> bool:
        """Whether the compare-and-swap was ours; the renewal counts from when it was sent."""
        sent = self._clock()
        self._awaited = (self._fence + 1, sent)
        state = await self._store.advance(fence=self._fence, holder=self.holder)
        if state is None:
            return False
        self._sent, self._fence = sent, state.fence
        if not self._leading:
            self._leading = True
            self.term += 1
            log.info("lease.taken", fence=state.fence)
        if self._deaf_since is None and self._echoed_fence != state.fence:
            self._deaf_since = self._clock()
        self._acknowledged.set()
        self._acknowledged = anyio.Event()
        return True
