"""Files that only their owner may read, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from listener import errors

MODE = 0o600


def must_be_new(path: Path, *, force: bool) -> None:
    """There is no such file, or it may be replaced; raises `FILE_EXISTS` otherwise."""
    if path.exists() and not force:
        raise errors.Refusal(
            "FILE_EXISTS",
            f"There is a file {path} already; nothing was changed.",
            why="it is never replaced without being told",
            fix="choose another name, or give --force",
        )


def write(path: Path, data: bytes, *, force: bool) -> None:
    """The file holds these bytes and has mode 0600; one that was there is replaced only with `force`.

    Raises `FILE_EXISTS`, `FILE_UNWRITABLE`.
    """
    must_be_new(path, force=force)
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise errors.Refusal(
            "FILE_UNWRITABLE",
            f"The file {path} cannot be written.",
            why=error.strerror or "the system refused it",
            fix="name a folder that exists and may be written to",
        ) from error
