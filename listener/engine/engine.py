"""The main loop: sources fill the queue, workers empty it, the lease says who may act."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import anyio
import structlog
from anyio.abc import TaskStatus

from listener.telemetry import endpoint

from . import lifecycle
from .attempt import attempt, is_bug
from .gate import REASONS, Gate
from .poll import Poller
from .stream import Stream
from .sweep import Sweeper
from .worker import Workers

PUT_BACK = "restored"
"""The one reason of the gate's checks for which a process is not ready: a person must look."""
UNREAD = "ledger"
"""While the ledger is not read every service looks unknown, so nothing can be said of `PUT_BACK` yet."""

REHEARSAL_DEADLINE = 60.0
"""Seconds after which a rehearsal counts as failed."""

STARTED = 0.2
"""Seconds between two looks at whether the start is over."""

log = structlog.get_logger()


class Engine:
    """Everything that runs, in one task group. Knows no collection by name.

    `rehearse` reads what a process reads once, at its start, and raises what would keep a new one from it.
    `on_started` is called once, before the supervisor is told.
    """

    def __init__(
        self,
        *,
        stream: Stream,
        sweeper: Sweeper,
        pollers: Sequence[Poller],
        workers: Workers,
        gate: Gate,
        notifier: lifecycle.Notifier,
        rehearse: Callable[[], object],
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._sweeper = sweeper
        self._pollers = pollers
        self._workers = workers
        self._gate = gate
        self._notifier = notifier
        self._rehearse = rehearse
        self._on_started = on_started
        self._hung_up = anyio.Event()
        self._refused = ""
        """What a reload was refused for, until one is not."""
        self.again = False
        """A reload asked for it: after `run` the process is to begin anew."""
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    async def run(self) -> bool:
        """Runs until a signal or `drain`; True if all running work ended and the lease was given back."""
        drained = False
        async with anyio.create_task_group() as tasks:
            self._scope = tasks.cancel_scope
            await tasks.start(self._obey_signals)
            await tasks.start(self._gate.lease.run)
            tasks.start_soon(self._gate.breaker.run)
            tasks.start_soon(self._gate.watch, self._sweeper.request)
            tasks.start_soon(self._stream.run)
            tasks.start_soon(self._sweeper.run)
            for poller in self._pollers:
                tasks.start_soon(poller.run)
            tasks.start_soon(self._watch)
            tasks.start_soon(self._tell_ready)
            tasks.start_soon(self._reload)
            drained = await self._workers.run()
            tasks.cancel_scope.cancel()
        if drained:
            await self._gate.lease.release()
        self._ended.set()
        log.info("engine.stopped", drained=drained)
        return drained

    def nudge(self) -> None:
        """Something is in flight: whatever is read at intervals is read at those that hold now."""
        for poller in self._pollers:
            poller.nudge()

    def stop(self) -> None:
        """No new work begins; running work gets `Waits.drain` seconds. A reload under way ends here, too."""
        self.again = False
        self._notifier.notify("STOPPING=1", "STATUS=draining")
        self._workers.stop()

    def force(self) -> None:
        """Everything is cut now; what was under way is found again by its intent."""
        self._scope.cancel()

    async def drain(self) -> None:
        """`stop`, and returns when `run` has ended."""
        self.stop()
        await self._ended.wait()

    def alive(self) -> bool:
        """The event loop answers, and no worker is stuck."""
        return self._workers.progressing()

    def readiness(self) -> endpoint.Readiness:
        """Whether this process does its part, as leader or as standby, and what is missing."""
        role, broken = self._gate.lease.role, self._gate.breaker.error
        troubles = sorted({poller.trouble for poller in self._pollers} - {""})
        reasons = self._gate.reasons()
        if UNREAD in reasons:
            reasons = tuple(reason for reason in reasons if reason != PUT_BACK)
        problems = (
            ("no fresh sweep", "" if self._sweeper.is_fresh() else f"PocketBase was {self._swept()}"),
            ("no live feed", "" if self._stream.is_live() else "changes are heard late, by sweeps only"),
            ("lease unreachable", "PocketBase gives no lease row" if role == "unknown" else ""),
            (f"stopped by {broken.code}" if broken else "", broken.what if broken else ""),
            ("upstream failing", "; ".join(troubles)),
            (PUT_BACK, REASONS[PUT_BACK] if PUT_BACK in reasons else ""),
        )
        return endpoint.Readiness(
            role=role,
            problems={name: line for name, line in problems if line},
            withheld={reason: REASONS.get(reason, reason) for reason in reasons},
            now={
                "heard_seconds": _finite(self._stream.silence()),
                "swept_seconds": _finite(self._sweeper.age()),
                "waiting": self._workers.waiting(),
                "fence": self._gate.lease.fence,
            },
        )

    async def _obey_signals(self, *, task_status: TaskStatus[None]) -> None:
        """Without a supervisor a SIGHUP says that the terminal is gone."""
        hang_up = self._hung_up_on if self._notifier.is_heard else self.stop
        await lifecycle.obey_signals(
            drain=self.stop, force=self.force, hang_up=hang_up, task_status=task_status
        )

    def _hung_up_on(self) -> None:
        self._hung_up.set()

    async def _reload(self) -> None:
        """After each SIGHUP: the process ends to begin anew, if it would begin; else all stays as it is."""
        while True:
            await self._hung_up.wait()
            self._hung_up = anyio.Event()
            self._notifier.reloading()
            failure = await attempt(
                lambda: anyio.to_thread.run_sync(self._rehearse), seconds=REHEARSAL_DEADLINE
            )
            if not isinstance(failure, Exception):
                break
            self._refused = getattr(failure, "code", type(failure).__name__)
            log.error(
                "reload.refused",
                code=self._refused,
                error=str(failure),
                exc_info=failure if is_bug(failure) else None,
            )
            self._notifier.ready()
            self._notifier.status(self._status())
        log.info("reload.begun")
        self.again = True
        self._notifier.status("draining, to begin anew")
        self._workers.stop()

    async def _tell_ready(self) -> None:
        """The start is over when everything was looked at once, as leader or as standby."""
        while not self._sweeper.is_fresh() or self._gate.lease.role == "unknown":
            await anyio.sleep(STARTED)
        self._on_started()
        self._notifier.ready()
        self._notifier.status(self._status())

    async def _watch(self) -> None:
        await self._notifier.watch(progressing=self.alive, status=self._status)

    def _status(self) -> str:
        """Who it is, how fresh what it knows is, what is wrong, and why nothing is done."""
        state = self.readiness()
        parts = [f"{state.role}, fence {self._gate.lease.fence}", self._swept()]
        parts.append("; ".join(state.problems) or "ready")
        withheld = [name for name in state.withheld if name != "lease"]
        if withheld:
            parts.append(f"nothing is done: {', '.join(withheld)}")
        if self._refused:
            parts.append(f"reload refused: {self._refused}")
        return ", ".join(parts)

    def _swept(self) -> str:
        age = self._sweeper.age()
        return f"swept {age:.0f} s ago" if math.isfinite(age) else "not swept yet"


def _finite(age: float) -> float | None:
    return round(age, 1) if math.isfinite(age) else None
