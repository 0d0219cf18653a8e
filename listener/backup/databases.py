"""SQLite files copied while they are written to, and checked: a program of its own, `python -m` this module.

What it opens was written by tenants. So it locks itself into the folder of their volume and takes the owner's
rights before it opens anything: a link, or a file made to harm SQLite, reaches nothing that was not theirs.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from listener import errors
from listener.backup import process

BUSY = 30.0
"""Seconds to wait for a writer of a database without WAL."""
LONGEST = 3600.0
"""Seconds that one order may take."""


@dataclass(frozen=True, slots=True)
class Order:
    """Paths are those below `root`, absolute as if it were the root of everything."""

    root: str
    uid: int
    gid: int
    copy: Sequence[tuple[str, str]] = ()
    """From where to where."""
    check: Sequence[str] = ()


async def carried_out(order: Order, lock: int | None) -> dict[str, str]:
    """It is done, in a process of its own that holds `lock`; why not, by path, where it could not be.

    A copy is the database as it was at one moment, with every transaction that had ended by then.
    """
    command = [sys.executable, "-P", "-m", __name__]
    words = json.dumps(asdict(order)).encode()
    done = await process.run(command, lock=lock, seconds=LONGEST, words=words, env=os.environ)
    try:
        failed: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        raise errors.Terminal(
            "BACKUP_DATABASE_UNREADABLE",
            "the databases could not be copied",
            why=f"the copying ended with {done.returncode}: {done.stderr.decode(errors='replace')[-200:]}",
            fix="run it as root on the host of the volumes",
        ) from None
    return failed


def _confine(order: dict[str, Any]) -> None:
    """Nothing outside the folder can be named any more, and no right but the owner's is left."""
    if os.geteuid() != 0:
        os.chdir(order["root"])
        return
    os.chroot(order["root"])
    os.chdir("/")
    os.setgroups([])
    os.setgid(order["gid"])
    os.setuid(order["uid"])


def _copy(source: str, target: str) -> None:
    address = f"file:{quote(_here(source))}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=BUSY)) as reader,
        closing(sqlite3.connect(_here(target))) as writer,
    ):
        reader.backup(writer)
        _verify(writer, "quick_check")


def _check(path: str) -> None:
    with closing(sqlite3.connect(f"file:{quote(_here(path))}?mode=rw", uri=True)) as database:
        _verify(database, "integrity_check")


def _verify(database: sqlite3.Connection, pragma: str) -> None:
    database.execute("PRAGMA temp_store=MEMORY")
    ((first, *_), *_) = database.execute(f"PRAGMA {pragma}(1)").fetchall()
    if first != "ok":
        raise sqlite3.DatabaseError(str(first))


def _here(path: str) -> str:
    return path if os.geteuid() == 0 or Path.cwd() == Path("/") else path.lstrip("/")


def main() -> None:
    """Reads one order, prints what failed."""
    order = json.load(sys.stdin)
    failed: dict[str, str] = {}
    _confine(order)
    for source, target in order["copy"]:
        try:
            _copy(source, target)
        except (sqlite3.Error, OSError) as error:
            failed[source] = str(error)
    for path in order["check"]:
        try:
            _check(path)
        except (sqlite3.Error, OSError) as error:
            failed[path] = str(error)
    sys.stdout.write(json.dumps(failed))


if __name__ == "__main__":
    main()
