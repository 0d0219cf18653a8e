# ruff: noqa: PLC0415 - what is not asked for is not loaded
"""The console script: `cloudfreedom run` loads what the daemon needs, every other command all of them."""

from __future__ import annotations

import sys

from listener.cli import exits

DAEMON = ("run",)
COLOURS = ("pygments", "rich")


def main() -> None:
    """What goes wrong is told in three lines, Ctrl-C ends without a traceback."""
    try:
        if tuple(sys.argv[1:]) == DAEMON:
            _run()
        else:
            from listener.cli import main

            main.app()
    except BaseException as failure:
        code = exits.told(failure)
        if code is None:
            raise
        sys.exit(code)


def _run() -> None:
    """The daemon, without 5 MB for colours: httpx and structlog load these where they are installed."""
    for name in COLOURS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # an import of it fails, as documented
    from listener.cli import run

    sys.exit(run.run())
