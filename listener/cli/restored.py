"""What looks put back to an earlier day: the daemon's own watch, asked once from beside it."""

from __future__ import annotations

from handlers import restore
from listener.cli import idle, lease


async def examined(here: idle.Idle) -> restore.Report:
    """The report of now; the highest fence is that of this host's state directory, where it can be read."""
    await here.app.eyes.view.renew()
    led = await lease.read(here.database)
    return await here.app.watch.report(led.fence)
