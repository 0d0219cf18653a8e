"""Faults in their time: begun, told, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx

from listener.sandbox import faults, people
from listener.sandbox.proxy import Proxy
from listener.sandbox.standin import faults as standin_faults

LOOK = 0.2
"""Seconds between two looks whether a fault met all that it was to meet."""

Over = Callable[[], Awaitable[None]]
"""Returns when the fault met all that it was to meet, if ever."""


@dataclass(frozen=True)
class Schedule:
    """Plays faults at the stand-in for Coolify, through its own pages, and at the proxy before PocketBase."""

    entries: Sequence[faults.Entry]
    standin: httpx.AsyncClient
    proxy: Proxy
    say: Callable[[str], None]

    async def play(self) -> None:
        """Every fault has begun and ended; with an `every` or an endless one, this goes on until cancelled.

        What goes on when it is cancelled stays as it is.
        """
        knobs = await people.ask(self.standin, "GET", "/_standin/knobs")
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for number, entry in enumerate(self.entries, 1):
                tasks.start_soon(self._repeat, f"fault {number}", entry, began, knobs)

    async def _repeat(self, name: str, entry: faults.Entry, began: float, knobs: dict[str, Any]) -> None:
        due = began + entry.after
        while True:
            await anyio.sleep_until(due)
            if isinstance(entry, faults.Cut | faults.Deafen):
                self.say(f"{name} strikes: {entry}")
                self._strike(entry)
            else:
                self.say(f"{name} begins: {entry}")
                async with self._acting(entry, knobs) as over:
                    with anyio.move_on_after(entry.seconds_at_most):
                        await over()
                self.say(f"{name} ends")
            if entry.every is None:
                return
            due += entry.every

    def _strike(self, entry: faults.Cut | faults.Deafen) -> None:
        if isinstance(entry, faults.Cut):
            self.proxy.cut()
        else:
            self.proxy.deafen(streams_only=entry.streams)

    def _acting(self, entry: faults.Entry, knobs: dict[str, Any]) -> AbstractAsyncContextManager[Over]:
        match entry:
            case faults.Job():
                return self._listed("/_standin/jobs/faults", entry.fault())
            case faults.Request(where="coolify"):
                return self._listed("/_standin/faults", entry.fault())
            case faults.Request():
                return self._met(standin_faults.Fault(**entry.fault()))
            case faults.Mood(where="coolify"):
                return self._turned(entry.changes(), knobs)
            case faults.Mood():
                return self._switched(entry.changes())
            case _:
                return self._refused()

    @asynccontextmanager
    async def _listed(self, path: str, fault: dict[str, Any]) -> AsyncIterator[Over]:
        """A fault of the stand-in's lists; it goes on while it is listed."""
        number = (await people.ask(self.standin, "POST", path, fault))[-1]["number"]

        async def unlisted() -> None:
            while number in [one["number"] for one in await people.ask(self.standin, "GET", path)]:
                await anyio.sleep(LOOK)

        yield unlisted
        await people.ask(self.standin, "DELETE", f"{path}?number={number}")

    @asynccontextmanager
    async def _met(self, fault: standin_faults.Fault) -> AsyncIterator[Over]:
        """A fault of requests at the proxy."""
        self.proxy.faults.put(fault)

        async def used_up() -> None:
            while fault.times > 0:
                await anyio.sleep(LOOK)

        yield used_up
        self.proxy.faults.drop(fault.number)

    @asynccontextmanager
    async def _turned(self, changes: dict[str, Any], knobs: dict[str, Any]) -> AsyncIterator[Over]:
        """Knobs of the stand-in, afterwards as they were before all faults."""
        await people.ask(self.standin, "POST", "/_standin/knobs", changes)
        yield anyio.sleep_forever
        before = {name: knobs[name] for name in changes}
        await people.ask(self.standin, "POST", "/_standin/knobs", before)

    @asynccontextmanager
    async def _switched(self, changes: dict[str, Any]) -> AsyncIterator[Over]:
        """Switches of the proxy, afterwards off."""
        for name, value in changes.items():
            setattr(self.proxy, name, value)
        yield anyio.sleep_forever
        for name in changes:
            setattr(self.proxy, name, 0.0)

    @asynccontextmanager
    async def _refused(self) -> AsyncIterator[Over]:
        await self.proxy.refuse()
        yield anyio.sleep_forever
        await self.proxy.open()
