"""The live source: what the feed says becomes keys, a sweep, or a heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import assert_never

import anyio

from listener import contract
from listener.telemetry.metrics import Metrics

from .lease import Lease
from .queue import Queue
from .sweep import Sweeper

FEED_SILENCE = 330.0
"""Seconds of silence after which a standby's feed counts as dead. PocketBase 0.40.6 closes a stream that
delivered nothing for 300 s, so a living feed has said `Gap` by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Where a change goes: to the handler of its collection and the live lane, or else to `other`."""

    queue: Queue
    handlers: Mapping[str, contract.Handler]
    other: Callable[[contract.Change], None]

    def put(self, change: contract.Change) -> None:
        """The evidence is kept, and the key is due now."""
        handler = self.handlers.get(change.key.collection)
        if handler is None:
            self.other(change)
            return
        handler.noticed(change)
        self.queue.add(change.key)


class Stream:
    """Reads the feed for as long as the process lives."""

    def __init__(
        self, *, feed: contract.Feed, inbox: Inbox, lease: Lease, sweeper: Sweeper, metrics: Metrics
    ) -> None:
        self._feed = feed
        self._inbox = inbox
        self._lease = lease
        self._sweeper = sweeper
        self._metrics = metrics
        self._heard = float("-inf")

    def silence(self) -> float:
        """Seconds since anything was heard; infinite before."""
        return anyio.current_time() - self._heard

    def is_live(self) -> bool:
        """Something was heard lately; a leader must hear its own renewals."""
        if self.silence() > FEED_SILENCE:
            return False
        return self._lease.echoes()

    async def run(self) -> None:
        """Never returns: a feed reconnects by itself and never ends."""
        async with aclosing(self._feed.events()) as events:
            async for item in events:
                self._heard = anyio.current_time()
                self._take(item)
        raise RuntimeError("the feed ended")

    def _take(self, item: contract.Change | contract.Gap | contract.Pulse) -> None:
        match item:
            case contract.Change():
                self._inbox.put(item)
            case contract.Gap():
                self._metrics.feed_connects_total.inc()
                self._lease.listen_anew()
                self._sweeper.request(item.reason)
            case contract.Pulse():
                lag = self._lease.heard(item)
                if lag is not None:
                    self._metrics.event_lag_seconds.observe(lag)
            case _:
                assert_never(item)
