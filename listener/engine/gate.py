"""The one gate in front of every effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
import structlog

from listener import errors

from .breaker import Breaker
from .lease import Lease
from .queue import TICK

REASONS: Mapping[str, str] = {
    "lease": "another listener leads, or PocketBase cannot be reached",
    "breaker": "a failure that concerns everything; it ends when a probe succeeds",
    "observe_only": "LISTENER_OBSERVE_ONLY is set",
    "paused": "staff paused it for a while: `cloudfreedom status`, `cloudfreedom unpause`",
    "first_contact": "there are stacks and no ledger: `cloudfreedom plan`, then `cloudfreedom accept`",
    "records_missing": "a sweep missed more records than may be believed; deleted? `cloudfreedom accept`",
    "restored": "PocketBase or Coolify was put back to an earlier day: `cloudfreedom accept`",
    "ledger": "the lease was taken just now, and the ledger is being read",
}
"""A line on each reason against effects."""

LOOK = 1.0
"""Seconds between two looks at which reasons are gone."""

log = structlog.get_logger()


class Gate:
    """Every reason not to act, in one place.

    `checks` are further reasons by name (`observe_only`, `paused`), each true while it holds. Two questions
    are asked here: may a run *begin* (not while the breaker is open or an upstream told us to wait), and may
    a plan be *applied* (not while there is any reason against it).
    """

    def __init__(self, *, lease: Lease, breaker: Breaker, checks: Mapping[str, Callable[[], bool]]) -> None:
        self.lease = lease
        self.breaker = breaker
        self._checks = checks
        self._wait_until = 0.0
        self._met: set[str] = set()

    def reasons(self) -> tuple[str, ...]:
        """Why nothing may have an effect now; empty when the gate is open. Ask before each effect."""
        reasons = []
        if not self.lease.held():
            reasons.append("lease")
        if self.breaker.is_open:
            reasons.append("breaker")
        reasons += [name for name, holds in self._checks.items() if holds()]
        self._met.update(reasons)
        return tuple(reasons)

    def pause(self, seconds: float) -> None:
        """No run begins for `seconds` (an upstream answered 429); a longer wait stays."""
        self._wait_until = max(self._wait_until, anyio.current_time() + seconds)
        log.info("gate.throttled", seconds=seconds)

    def stand_back(self, error: Exception) -> None:
        """What the error asks of everybody is done; most errors ask nothing.

        Throttled: no run begins before its time. A lost lease is not held, which is a reason of its own and
        no alert: its holder changes at every restart. Any other Global opens the breaker.
        """
        if isinstance(error, errors.Throttled):
            self.pause(error.after)
        if isinstance(error, errors.LeaseLost):
            self.lease.mark_lost()
        elif isinstance(error, errors.Global):
            self.breaker.trip(error)

    def may_begin(self) -> bool:
        """A run may begin: it may read, whether or not it may then act."""
        return not self.breaker.is_open and anyio.current_time() + TICK >= self._wait_until

    async def wait_to_begin(self) -> None:
        """Returns when `may_begin()`."""
        while not self.may_begin():
            await self.breaker.wait_closed()
            await anyio.sleep(max(0.0, self._wait_until - anyio.current_time()))

    async def watch(self, on_eased: Callable[[str], None]) -> None:
        """Calls `on_eased(text)` each time a reason is gone: what was withheld has to be looked at again.

        Other reasons may still hold, and may wait for just that look (a new leader's ledger).
        """
        while True:
            await anyio.sleep(LOOK)
            holding = self.reasons()
            gone = sorted(self._met.difference(holding))
            self._met = set(holding)
            if gone:
                log.info("gate.eased", gone=gone, holding=holding)
                on_eased(f"no longer: {', '.join(gone)}")


class Flag:
    """A reason against acting that is turned on and off."""

    def __init__(self) -> None:
        self.is_set = False

    def turn(self, on: bool) -> None:
        """It holds from now on, or not; a change is told."""
        if on != self.is_set:
            log.warning("records.missing" if on else "records.returned")
        self.is_set = on

    def holds(self) -> bool:
        """It is on."""
        return self.is_set
