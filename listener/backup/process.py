"""One program run to its end, with a limit, holding the lock: no later run begins while it lives."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

import anyio

from listener import errors


async def run(
    command: Sequence[str], *, lock: int | None, seconds: float, words: bytes = b"", env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """How it ended and what it said. Raises `BACKUP_TOO_SLOW` after `seconds`, and kills it then."""
    held = () if lock is None else (lock,)
    with anyio.move_on_after(seconds):
        return await anyio.run_process(command, input=words, check=False, env=env, pass_fds=held)
    raise errors.Terminal(
        "BACKUP_TOO_SLOW",
        f"{command[0].rpartition('/')[2]} did not end within {seconds / 3600:.0f} h",
        why="the repository hardly answers, or there is very much to copy",
        fix="is the repository's server well? see how large the volumes are: `cloudfreedom capacity`",
    )
