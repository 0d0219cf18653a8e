"""`cloudfreedom run`: the daemon."""

from __future__ import annotations

import errno

import anyio

from listener import app, contract, errors, settings, upstreams
from listener.cli import configured
from listener.cli.exits import Exit
from listener.secrets.sealing import Sealer
from listener.telemetry import logs


def run(waits: contract.Waits | None = None) -> Exit:
    """Runs until a signal. `waits` other than the product's are for the sandbox.

    Raises what keeps it from starting: `CONFIGURATION`, `SECRETS_KEY_MISSING`, `ADDRESS_IN_USE`, and
    what is wrong for good with an upstream; one that is down is waited for.
    """
    mine = configured.load(settings.Settings)
    logs.configure(mine.listener_log, "info")
    Sealer(mine.listener_secrets_key)
    return anyio.run(_run, mine, waits or mine.waits())


async def _run(mine: settings.Settings, waits: contract.Waits) -> Exit:
    async with upstreams.connected(mine, patient=True) as reached:
        built = app.build(mine, waits, reached)
        try:
            drained = await app.serve(built, mine)
        except BaseExceptionGroup as group:
            if group.subgroup(_is_address_in_use) is None:
                raise
            raise errors.Refusal(
                "ADDRESS_IN_USE",
                f"The address {mine.listener_http} for health and metrics is taken.",
                why="another program listens there, perhaps another `cloudfreedom run`",
                fix="stop that one, or set LISTENER_HTTP to another address",
            ) from None
    return Exit.DONE if drained else Exit.FAILED


def _is_address_in_use(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE
