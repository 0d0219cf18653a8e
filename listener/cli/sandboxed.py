"""`python -m listener.cli.sandboxed`: `cloudfreedom run`, with the sandbox's short waits."""

from __future__ import annotations

import sys

from listener import errors
from listener.cli import exits, run
from listener.sandbox import waits

if __name__ == "__main__":
    try:
        sys.exit(run.run(waits.SHORT))
    except errors.ListenerError as error:
        sys.exit(exits.tell(error))
