"""SIGTERM and Ctrl-C as a cancellation: what must be undone is undone before the command ends."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import anyio

from listener.cli.exits import Exit


async def until_told(work: Callable[[], Awaitable[Exit]]) -> Exit:
    """What `work` returns, or INTERRUPTED when a signal cut it off."""
    end = Exit.INTERRUPTED

    async def watch(scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as told:
            async for _ in told:
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, tasks.cancel_scope)
        end = await work()
        tasks.cancel_scope.cancel()
    return end
