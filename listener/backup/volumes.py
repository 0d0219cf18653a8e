"""One volume on disk: what of it is copied how, its manifest, and trees that change places.

Beside Docker's `_data` stand, while they are needed: `.cf-backup` (copies of databases and the manifest),
`.cf-restore` (a tree that is being restored) and `_data.before-<time>` (what a restore moved aside).
Containers see only `_data`; all of it goes with the volume.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from listener import errors

DATA, STAGE, RESTORE, BEFORE = "_data", ".cf-backup", ".cf-restore", "_data.before-"
MANIFEST = "manifest.json"
SIDES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; of one that is copied they mean nothing."""
MAGIC = b"SQLite format 3\0"
MOST = 500
"""Databases that are copied one by one."""
SAMPLES, SMALL = 10, 16 * 1024 * 1024
"""So many files, none larger, are remembered by their hash."""


@dataclass(frozen=True, slots=True)
class Volume:
    """`folder` is Docker's, `<service uuid>_<name>`; `databases` are glob patterns below its `_data`."""

    name: str
    folder: Path
    databases: Sequence[str] = ()

    @property
    def data(self) -> Path:
        """What its containers see."""
        return self.folder / DATA

    @property
    def stage(self) -> Path:
        """Where copies of its databases wait for restic."""
        return self.folder / STAGE


@dataclass(frozen=True, slots=True)
class Found:
    """A database below `_data`."""

    path: str
    uid: int
    gid: int
    mode: int


def databases(volume: Volume) -> list[Found]:
    """SQLite files that its patterns name; links are not followed. Raises where there are far too many."""
    patterns = [_pattern(text) for text in volume.databases]
    found = []
    for path, status in files(volume.data) if patterns else ():
        name = str(path.relative_to(volume.data))
        if any(one.fullmatch(name) for one in patterns) and _is_database(path):
            found.append(Found(name, status.st_uid, status.st_gid, status.st_mode & 0o7777))
    if len(found) > MOST:
        raise errors.Terminal(
            "BACKUP_INCOMPLETE",
            f"the volume {volume.name} has {len(found)} databases",
            why=f"{MOST} are copied at most",
            fix="see what makes them, or name fewer in the template's `databases`",
        )
    return found


def files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every regular file below, with its status."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if S_ISREG(status.st_mode):
                yield path, status


def clear(volume: Volume) -> None:
    """Nothing is left of a run or a restore that broke off; what was moved aside stays."""
    for name in (STAGE, RESTORE):
        shutil.rmtree(volume.folder / name, ignore_errors=True)


def prepare(volume: Volume, found: Sequence[Found]) -> None:
    """An empty folder for each database, which only its owner may write to."""
    clear(volume)
    volume.stage.mkdir(mode=0o711)
    volume.stage.chmod(0o711)
    for number, one in enumerate(found):
        folder = volume.stage / str(number)
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, one.uid, one.gid)


def staged(number: int) -> str:
    """Where the copy of a database lies, below the volume's folder."""
    return f"{STAGE}/{number}/copy"


def describe(volume: Volume, copied: Mapping[int, Found]) -> None:
    """The manifest stands beside the copies: what each is, and hashes by which a restore can be proven."""
    rows = []
    for number, one in copied.items():
        copy = volume.folder / staged(number)
        copy.chmod(one.mode)
        rows.append({"number": number, "path": one.path, "sha256": digest(copy)})
    names = {name for one in copied.values() for name in beside(one.path)}
    plain = [
        (path, status)
        for path, status in files(volume.data)
        if status.st_size <= SMALL and str(path.relative_to(volume.data)) not in names
    ]
    samples = []
    for path, status in random.sample(plain, min(SAMPLES, len(plain))):
        try:
            row = {"path": str(path.relative_to(volume.data)), "sha256": digest(path)}
        except OSError:
            continue
        samples.append(row | {"size": status.st_size, "mtime": status.st_mtime_ns})
    (volume.stage / MANIFEST).write_text(json.dumps({"databases": rows, "files": samples}))


def beside(path: str) -> tuple[str, ...]:
    """A database, and what SQLite keeps beside it."""
    return (path, *(f"{path}{side}" for side in SIDES))


def manifest(folder: Path) -> Mapping[str, Any]:
    """What `describe` wrote, from a restored volume; raises `BACKUP_NOT_PROVEN` when it is not there."""
    try:
        found: Mapping[str, Any] = json.loads((folder / STAGE / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise unproven(f"{folder.name} has no manifest") from error
    return found


def owners(folder: Path) -> dict[tuple[int, int], list[str]]:
    """By owner and group the copies of databases in a restored volume; each owner may get as far as there."""
    folder.chmod(0o711)
    found: dict[tuple[int, int], list[str]] = {}
    for row in manifest(folder)["databases"]:
        status = (folder / staged(row["number"])).stat()
        found.setdefault((status.st_uid, status.st_gid), []).append(f"/{staged(row['number'])}")
    return found


def join(folder: Path) -> Path:
    """The restored `_data` of this restored volume, its databases in their places.

    Raises `BACKUP_NOT_PROVEN` where the tree was made to lead elsewhere.
    """
    data = folder / DATA
    for row in manifest(folder)["databases"]:
        target = data / row["path"]
        for parent in target.parents:
            if parent == folder:
                break
            if not S_ISDIR(parent.lstat().st_mode):
                raise unproven(f"{parent.name} in {folder.name} is no folder")
        (folder / staged(row["number"])).replace(target)
    return data


def swap(folder: Path, restored: Path, stamp: str) -> None:
    """`restored` is the volume's `_data`, what was there is `_data.before-<stamp>`."""
    (folder / DATA).rename(folder / f"{BEFORE}{stamp}")
    restored.rename(folder / DATA)


def take_back(folder: Path, stamp: str) -> None:
    """What a `swap` of this stamp moved aside, or was about to, is the volume's `_data` again."""
    old = folder / f"{BEFORE}{stamp}"
    if old.exists():
        if (folder / DATA).exists():
            shutil.rmtree(folder / DATA)
        old.rename(folder / DATA)


def moved_aside(folder: Path) -> list[Path]:
    """What restores moved aside, oldest first."""
    return sorted(folder.glob(f"{BEFORE}*"))


def digest(path: Path) -> str:
    """SHA-256 of a regular file; a link in its place raises `OSError`."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unproven(why: str) -> errors.Terminal:
    """A snapshot does not hold what it should."""
    return errors.Terminal(
        "BACKUP_NOT_PROVEN",
        "the snapshot is not what was copied",
        why=why,
        fix="`cloudfreedom backup run STACK` makes a new one; drill that; keep the old repository for a look",
    )


def _is_database(path: Path) -> bool:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _pattern(text: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**/` is any number of folders."""
    parts = re.split(r"(\*\*/|\*|\?)", text)
    means = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in parts))
