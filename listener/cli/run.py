"""`cloudfreedom run`: the daemon."""

from __future__ import annotations

import anyio

from listener import app, contract, settings, upstreams
from listener.cli.exits import Exit
from listener.secrets.sealing import Sealer
from listener.telemetry import logs


def run(waits: contract.Waits | None = None) -> Exit:
    """Runs until a signal. `waits` other than the product's are for the sandbox."""
    configured = settings.load()
    logs.configure(configured.listener_log, "info")
    Sealer(configured.listener_secrets_key)
    return anyio.run(_run, configured, waits or configured.waits())


async def _run(configured: settings.Settings, waits: contract.Waits) -> Exit:
    async with upstreams.connected(configured, patient=True) as reached:
        built = app.build(configured, waits, reached)
        drained = await app.serve(built, configured)
    return Exit.DONE if drained else Exit.FAILED
