"""A bounded file of lines: when it is full it becomes the older half, and the half before that is gone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST = 8 * 2**20
"""Bytes of either half."""
OLDER = ".1"


class Journal:
    """Lines in `path`, and older ones beside it; readable by their owner only."""

    def __init__(self, path: Path, *, most: int = MOST) -> None:
        self._path = path
        self._most = most

    def append(self, lines: Iterable[str]) -> None:
        """The lines stand at the end; raises `OSError` when they cannot."""
        data = "".join(f"{line}\n" for line in lines).encode()
        if self._path.exists() and self._path.stat().st_size + len(data) > self._most:
            self._path.replace(older(self._path))
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(data)


def older(path: Path) -> Path:
    """The half before."""
    return path.with_name(path.name + OLDER)


def read(path: Path) -> Iterator[str]:
    """Every whole line of both halves, oldest first; none when there is no file. Raises `OSError`."""
    for half in (older(path), path):
        if half.exists():
            with half.open(encoding="utf-8", errors="replace") as file:
                yield from (line for line in file if line.endswith("\n"))
