"""What a shell offers when Tab is pressed: names as PocketBase knows them. Never an error, never a wait."""

from __future__ import annotations

import anyio

from listener import errors
from listener.cli import configured, reach, rows

SECONDS = 2.0


def stacks(begun: str) -> list[str]:
    """Stacks as `tenant/stack` that begin so, deleted ones left out."""
    return [name for name in _safely() if name.startswith(begun)]


def _safely() -> list[str]:
    try:
        return reach.run(_names)
    except (errors.ListenerError, TimeoutError):
        return []


async def _names() -> list[str]:
    with anyio.fail_after(SECONDS):
        async with reach.database(configured.load(configured.Database)) as known:
            return [one.name for one in await rows.stacks(known) if one.wanted != "deleted"]
