"""One process a host at a time, and the knowledge that its predecessor here is dead.

Whoever has the lock may take a lease that stands in the name of an earlier process of this host without
waiting for its fence to stand still.
"""

from __future__ import annotations

import fcntl
from io import TextIOWrapper
from pathlib import Path

import structlog

from listener import contract, errors

KEPT = 20
"""Names of earlier holders that are remembered."""

log = structlog.get_logger()


class HostLock:
    """The lock file and the list of names in the state directory; held until the process ends."""

    def __init__(self, directory: Path, holder: str) -> None:
        self._directory = directory
        self._holder = holder
        self._file: TextIOWrapper | None = None
        self._dead: frozenset[str] = frozenset()

    def take(self) -> bool:
        """Whether the lock is ours; if so the names of earlier holders are known to be dead.

        Raises `Refusal` `STATE_DIR_UNUSABLE` where there can be no lock. On a full disk only our own name is
        not kept: the next start waits for the fence to stand still.
        """
        names = self._directory / "holders"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = (self._directory / "lock").open("a", encoding="ascii")
        except OSError as error:
            raise errors.Refusal(
                "STATE_DIR_UNUSABLE",
                f"The state directory {self._directory} cannot be written.",
                why=error.strerror or type(error).__name__,
                fix="set LISTENER_STATE_DIR to a directory of the service's user",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        known = names.read_text(encoding="ascii").split() if names.exists() else []
        self._dead = frozenset(known)
        self._remember(names, known)
        return True

    def _remember(self, names: Path, known: list[str]) -> None:
        fresh = names.with_suffix(".new")
        try:
            fresh.write_text("\n".join([*known, self._holder][-KEPT:]), encoding="ascii")
            fresh.replace(names)
        except OSError as error:
            log.warning("holders.unwritable", path=str(names), error=error.strerror)

    def is_dead(self, state: contract.LeaseState) -> bool:
        """The lease's holder was a process of this host, and it ended: the lock would be its own."""
        return self._file is not None and state.holder in self._dead
