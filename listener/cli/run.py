"""`cloudfreedom run`: the daemon."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import NoReturn

import anyio

from listener import app, contract, errors, settings, upstreams
from listener.cli import configured
from listener.cli.exits import Exit
from listener.engine.lifecycle import Notifier
from listener.secrets.sealing import Sealer
from listener.telemetry import logs


def run(waits: contract.Waits | None = None) -> Exit:
    """Runs until a signal; SIGHUP from a supervisor makes the process begin anew, with the same pid.

    `waits` other than the product's are for the sandbox.
    Raises what keeps it from starting: `CONFIGURATION`, `SECRETS_KEY_MISSING`, `ADDRESS_IN_USE`, and
    what is wrong for good with an upstream; one that is down is waited for.
    """
    notifier = Notifier(os.environ)
    if notifier.is_heard:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the engine listens to it
    mine = configured.load(settings.Settings)
    logs.configure(mine.listener_log, "info")
    Sealer(mine.listener_secrets_key)
    ended = anyio.run(_run, mine, waits or mine.waits(), notifier)
    return ended if ended is not None else _begin_anew(notifier)


async def _run(mine: settings.Settings, waits: contract.Waits, notifier: Notifier) -> Exit | None:
    """None: the process is to begin anew."""

    def awaited(error: errors.ListenerError) -> None:
        notifier.status(f"waits for an upstream, {error.code}: {error.what}")

    async with upstreams.connected(mine, awaited=awaited) as reached:
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
    if built.engine.again:
        return None
    return Exit.DONE if drained else Exit.FAILED


def _begin_anew(notifier: Notifier) -> NoReturn:
    """The same command in the same process: everything is read again, and nothing is left of what was."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    notifier.unwatched()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line


def _is_address_in_use(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EADDRINUSE
