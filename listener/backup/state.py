"""`State`: what must outlive a run that broke off. Only one run at a time has it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listener import errors

PATIENCE = 60.0
"""Seconds to wait for another run, or for what is left of one that was killed."""


@dataclass
class State:
    """Small facts in one file, written whole: holds by stack, and the trees that are just changing places."""

    folder: Path
    lock: int
    holds: dict[str, str] = field(default_factory=dict)
    """Stack -> the exact text of the hold that a run of ours put on its record."""
    swap: dict[str, Any] = field(default_factory=dict)
    """`stamp` and `folders`: volumes whose trees were being changed; empty when none are."""

    def keep(self) -> None:
        """It is on disk."""
        beside = self.folder / f".state.{os.getpid()}"
        beside.write_text(json.dumps({"holds": self.holds, "swap": self.swap}))
        beside.replace(self.folder / "state.json")


@contextmanager
def opened(folder: Path, *, patience: float = PATIENCE) -> Iterator[State]:
    """The state, as long as no other run, nor anything that one started, has it.

    Raises `BACKUP_BUSY`, and `BACKUP_STATE_UNUSABLE` where the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise errors.Refusal(
            "BACKUP_STATE_UNUSABLE",
            f"The folder {folder} cannot be used.",
            why=str(error.strerror),
            fix="run it as root, or name another folder with BACKUP_STATE_DIR",
        ) from error
    try:
        _wait(lock, patience)
        yield _read(folder, lock)
    finally:
        os.close(lock)


def _wait(lock: int, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise errors.UpstreamUnavailable(
                    "BACKUP_BUSY",
                    "another backup, restore or drill is under way on this host",
                    why="only one at a time is done",
                    fix="wait for it: `systemctl status cloudfreedom-backup`",
                ) from None
            time.sleep(0.2)
        else:
            return


def _read(folder: Path, lock: int) -> State:
    try:
        data = json.loads((folder / "state.json").read_text())
        return State(folder, lock, dict(data["holds"]), dict(data["swap"]))
    except FileNotFoundError:
        return State(folder, lock)
    except (ValueError, KeyError, TypeError) as error:
        raise errors.Refusal(
            "BACKUP_STATE_UNUSABLE",
            f"The file {folder / 'state.json'} cannot be read.",
            why="it is not what a run writes",
            fix="see which stacks have a hold that begins with “backup”, end those by hand, remove the file",
        ) from error
