"""The check whether PocketBase or Coolify was put back to an earlier day."""

from __future__ import annotations

from listener.cli import idle
from listener.cli import restored as watch
from listener.cli.doctor import report, scene

FIX = "OPERATIONS.md, “Something was restored”: look at both sides, then `cloudfreedom accept`"


async def restored(here: scene.Scene) -> list[report.Line]:
    """Nothing looks put back, or what does."""
    if here.mistakes or not here.is_known or not here.can_read_coolify:
        return [report.skipped("not looked for: both sides must be readable, and the settings whole")]
    async with idle.ready() as beside:
        found = await watch.examined(beside)
    if not found.signs:
        return [report.good("neither side looks put back to an earlier day")]
    return [report.failure(text, FIX) for text in found.lines()]
