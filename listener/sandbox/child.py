"""Child processes that never outlive their parent, whatever ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

import anyio
import anyio.abc

STOP_SECONDS = 10.0
"""From SIGTERM to SIGKILL."""

_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
prctl = getattr(ctypes.CDLL(None), "prctl", None)
if prctl is not None:
    prctl(1, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Asks Linux to kill the process when its parent dies (1 is PR_SET_PDEATHSIG, which outlives execve), then
becomes the command under the same pid. Not a `preexec_fn`: that is unsafe beside threads."""


async def spawn(
    command: Sequence[str], *, output: IO[bytes], env: Mapping[str, str] | None = None
) -> anyio.abc.Process:
    """The command runs in a session of its own, writes to `output`, and dies with this process."""
    return await anyio.open_process(
        [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=env,
    )


async def kill(process: anyio.abc.Process) -> None:
    """SIGKILL; the process is gone, also when the caller is cancelled."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def terminate(process: anyio.abc.Process) -> None:
    """SIGTERM and, `STOP_SECONDS` later, SIGKILL; the process is gone, also when the caller is cancelled."""
    with anyio.move_on_after(STOP_SECONDS, shield=True):
        if process.returncode is None:
            process.terminate()
        await process.wait()
    await kill(process)
