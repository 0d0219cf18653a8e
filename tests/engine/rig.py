"""A whole engine around the toy collection, wired as the product wires it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

import anyio

from listener import contract, errors
from listener.engine.breaker import Breaker
from listener.engine.engine import Engine
from listener.engine.gate import Gate
from listener.engine.lease import Lease
from listener.engine.lifecycle import Notifier
from listener.engine.poll import Poller
from listener.engine.queue import Queue
from listener.engine.stream import Inbox, Stream
from listener.engine.sweep import Sweeper
from listener.engine.worker import Workers
from listener.telemetry.metrics import Metrics

from .toy import Clock, Probe, ToyFeed, ToyHandler, ToyLease


class Toy:
    """An engine with everything around it, and everything that it said."""

    def __init__(
        self,
        *,
        workers: int = 4,
        holder: str = "me",
        store: ToyLease | None = None,
        environ: dict[str, str] | None = None,
        gone: str = "nobody",
    ) -> None:
        self.waits = contract.Waits()
        self.handler = ToyHandler()
        self.handlers: dict[str, contract.Handler] = {"toys": self.handler}
        self.feed = ToyFeed()
        self.store = store or ToyLease()
        self.store.on_write = self._echo
        self.clock = Clock()
        self.probe = Probe()
        self.metrics = Metrics()
        self.observing = False
        self.unread = False
        self.alerts: list[str] = []
        self.others: list[contract.Change] = []
        self.polled: list[float] = []
        self.started: list[float] = []
        self.poll_keys: list[contract.Key] = []
        self.poll_errors: list[Exception] = []
        self.broken_templates: errors.Refusal | None = None
        self.reasons: set[str] = set()
        """Further reasons of the gate that hold."""
        self.interval = 60.0
        self.result: bool | None = None
        self._wire_gate(holder, gone)
        self._wire_engine(workers, environ or {})

    def _wire_gate(self, holder: str, gone: str) -> None:
        self.lease = Lease(
            store=self.store,
            waits=self.waits,
            holder=holder,
            clock=self.clock,
            on_suspect=self.feed.reconnect,
            take_at_once=lambda state: state.holder == gone,
        )
        self.breaker = Breaker(
            probe=self.probe,
            waits=self.waits,
            on_opened=lambda error: self.alerts.append(error.code),
            on_closed=lambda: self.alerts.append("closed"),
        )
        checks = {"observe_only": lambda: self.observing, "unread": lambda: self.unread}
        checks |= {reason: partial(self._holds, reason) for reason in ("ledger", "restored")}
        self.gate = Gate(lease=self.lease, breaker=self.breaker, checks=checks)

    def _holds(self, reason: str) -> bool:
        return reason in self.reasons

    def _wire_engine(self, count: int, environ: dict[str, str]) -> None:
        handlers, gate, waits, metrics = self.handlers, self.gate, self.waits, self.metrics
        queue = self.queue = Queue(
            clock=anyio.current_time,
            group_of=self.handler.group,
            waits=waits,
            random=lambda: 0.5,
            metrics=metrics,
        )
        self.sweeper = Sweeper(handlers=handlers, queue=queue, gate=gate, waits=waits, metrics=metrics)
        inbox = Inbox(queue=queue, handlers=handlers, other=self.others.append)
        self.poller = Poller(poll=self._poll, interval=lambda: self.interval, queue=queue, gate=gate)
        self.engine = Engine(
            stream=Stream(
                feed=self.feed, inbox=inbox, lease=self.lease, sweeper=self.sweeper, metrics=metrics
            ),
            sweeper=self.sweeper,
            pollers=(self.poller,),
            workers=Workers(
                queue=queue, handlers=handlers, gate=gate, waits=waits, metrics=metrics, count=count
            ),
            gate=gate,
            notifier=Notifier(environ),
            rehearse=self._rehearse,
            on_started=lambda: self.started.append(anyio.current_time()),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Toy]:
        """The engine runs inside, and is forced to end afterwards."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._run)
                await anyio.sleep(0.001)
                yield self
                self.engine.force()
        finally:
            self.feed.close()

    async def _run(self) -> None:
        self.result = await self.engine.run()

    def _rehearse(self) -> None:
        if self.broken_templates is not None:
            raise self.broken_templates

    async def _poll(self) -> Iterable[contract.Key]:
        self.polled.append(anyio.current_time())
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        return self.poll_keys

    def _echo(self, state: contract.LeaseState) -> None:
        if self.feed.echoing:
            self.feed.say(contract.Pulse(fence=state.fence, holder=state.holder))

    def runs(self, outcome: str) -> float:
        """How many runs ended so."""
        return self.told("reconcile_total", controller="toys", result=outcome)

    def told(self, name: str, **labels: str) -> float:
        """A metric's value as it is scraped now, 0 when it has none."""
        self.metrics.text()
        return self.metrics.registry.get_sample_value(f"cloudfreedom_{name}", labels) or 0.0
