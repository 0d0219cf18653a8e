"""The main loop: sources fill the queue, workers empty it, the lease says who may act."""

from __future__ import annotations

import math
from collections.abc import Sequence

import anyio
import structlog
from anyio.abc import TaskStatus

from listener.telemetry import endpoint

from . import lifecycle
from .gate import REASONS, Gate
from .poll import Poller
from .stream import Stream
from .sweep import Sweeper
from .worker import Workers

PUT_BACK = "restored"
"""The one reason of the gate's checks for which a process is not ready: a person must look."""

log = structlog.get_logger()


class Engine:
    """Everything that runs, in one task group. Knows no collection by name."""

    def __init__(
        self,
        *,
        stream: Stream,
        sweeper: Sweeper,
        pollers: Sequence[Poller],
        workers: Workers,
        gate: Gate,
        notifier: lifecycle.Notifier,
    ) -> None:
        self._stream = stream
        self._sweeper = sweeper
        self._pollers = pollers
        self._workers = workers
        self._gate = gate
        self._notifier = notifier
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
            self._notifier.notify("READY=1")
            drained = await self._workers.run()
            tasks.cancel_scope.cancel()
        if drained:
            await self._gate.lease.release()
        self._ended.set()
        log.info("engine.stopped", drained=drained)
        return drained

    def stop(self) -> None:
        """No new work begins; running work gets `Waits.drain` seconds."""
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
        problems = (
            ("no fresh sweep", "" if self._sweeper.is_fresh() else f"PocketBase was {self._swept()}"),
            ("no live feed", "" if self._stream.is_live() else "changes are heard late, by sweeps only"),
            ("lease unreachable", "PocketBase gives no lease row" if role == "unknown" else ""),
            (f"stopped by {broken.code}" if broken else "", broken.what if broken else ""),
            ("upstream failing", "; ".join(troubles)),
            (PUT_BACK, REASONS[PUT_BACK] if PUT_BACK in self._gate.reasons() else ""),
        )
        return endpoint.Readiness(
            role=role,
            problems={name: line for name, line in problems if line},
            withheld={reason: REASONS.get(reason, reason) for reason in self._gate.reasons()},
            now={
                "heard_seconds": _finite(self._stream.silence()),
                "swept_seconds": _finite(self._sweeper.age()),
                "waiting": self._workers.waiting(),
                "fence": self._gate.lease.fence,
            },
        )

    async def _obey_signals(self, *, task_status: TaskStatus[None]) -> None:
        await lifecycle.obey_signals(drain=self.stop, force=self.force, task_status=task_status)

    async def _watch(self) -> None:
        await self._notifier.watch(progressing=self.alive, status=self._status)

    def _status(self) -> str:
        problems = "; ".join(self.readiness().problems) or "ready"
        return f"{self._gate.lease.role}, fence {self._gate.lease.fence}, {self._swept()}, {problems}"

    def _swept(self) -> str:
        age = self._sweeper.age()
        return f"swept {age:.0f} s ago" if math.isfinite(age) else "not swept yet"


def _finite(age: float) -> float | None:
    return round(age, 1) if math.isfinite(age) else None
