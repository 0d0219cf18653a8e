"""Errors as values: whatever a handler, a sweep or a probe raises, the loop that called it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import anyio

from listener import errors

T = TypeVar("T")

GRAVITY: tuple[type[errors.ListenerError], ...] = (
    errors.Global,
    errors.Throttled,
    errors.Terminal,
    errors.Transient,
)
"""Of several errors at once, the one that asks for most decides."""


async def attempt(run: Callable[[], Awaitable[T]], *, seconds: float) -> T | Exception:
    """What `run` returned, or the error that ended it; after `seconds` it is cut, which is transient.

    Cancellation from outside passes through. Of a group of errors the gravest is returned, a bug above all.
    """
    try:
        with anyio.move_on_after(seconds):
            return await run()
    except Exception as error:  # noqa: BLE001 - the one broad except: a bug hurts one key, and is counted
        return min(_leaves(error), key=_rank)
    return errors.Transient(
        "RUN_DEADLINE",
        f"a run was cut after {seconds:.0f} s",
        why="an upstream or the host is very slow",
        fix="nothing to do: the listener looks at what happened and tries again",
    )


def is_bug(error: Exception) -> bool:
    """Nobody raised this on purpose."""
    return not isinstance(error, errors.ListenerError)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _rank(error: Exception) -> int:
    ranks = (rank for rank, kind in enumerate(GRAVITY, start=1) if isinstance(error, kind))
    return next(ranks, 0)
