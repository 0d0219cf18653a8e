"""A stack's volumes as one: copied into one snapshot, restored from one, proven."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from listener import errors
from listener.backup import databases, trouble, volumes
from listener.backup.databases import Order
from listener.backup.restic import Made, Restic
from listener.backup.snapshots import Snapshot
from listener.backup.volumes import Found, Volume


async def copied(restic: Restic, wanted: Sequence[Volume], tags: Sequence[str]) -> tuple[Made, list[str]]:
    """One snapshot of all the volumes, and the databases that could only be copied as they lay."""
    exclude: list[str] = []
    broken: list[str] = []
    try:
        for volume in wanted:
            found = volumes.databases(volume)
            volumes.prepare(volume, found)
            failed = await _copy(volume, found, restic.lock)
            good = {number: one for number, one in enumerate(found) if one.path not in failed}
            volumes.describe(volume, good)
            exclude += [str(volume.data / name) for one in good.values() for name in volumes.beside(one.path)]
            if any(FULL in why for why in failed.values()):
                raise trouble.of(f"no space left beside {volume.folder.name} for copies of databases", 0)
            left = {path: why for path, why in failed.items() if (volume.data / path).is_file()}
            broken += [f"{volume.name}/{path}: {why}" for path, why in left.items()]
        paths = [path for volume in wanted for path in (volume.data, volume.stage)]
        return await restic.backup(paths, tags, exclude), broken
    except OSError as error:
        raise trouble.of_disk(error) from error
    finally:
        for volume in wanted:
            volumes.clear(volume)


async def restored(restic: Restic, snapshot: Snapshot, wanted: Sequence[Volume]) -> Mapping[Path, Path]:
    """By volume folder the tree that may take the place of its `_data`; its databases are whole.

    Raises `BACKUP_NOT_PROVEN`; then nothing that is in use was touched.
    """
    held = snapshot.volumes()
    found = {}
    for volume in wanted:
        if volume.name not in held:
            raise volumes.unproven(f"it has no volume {volume.name}")
        volumes.clear(volume)
        source = held[volume.name]
        target = volume.folder / volumes.RESTORE
        target.mkdir(mode=0o700)
        await restic.restore(snapshot.id, target, *(f"{source}/{name}" for name in PARTS))
        at = target / str(source).lstrip("/")
        await proven(at, restic.lock)
        found[volume.folder] = volumes.join(at)
    return found


async def proven(folder: Path, lock: int | None) -> tuple[int, int]:
    """A restored volume is what was copied: how many databases are whole, and how many files compared equal.

    Files that changed between their hash and their copy are not counted. Raises `BACKUP_NOT_PROVEN`.
    """
    said = volumes.manifest(folder)
    same = 0
    for row in said["databases"]:
        copy = folder / volumes.staged(row["number"])
        if not copy.is_file() or volumes.digest(copy) != row["sha256"]:
            raise volumes.unproven(f"{row['path']} has another hash than its manifest says")
    for row in said["files"]:
        path = folder / volumes.DATA / row["path"]
        if not path.exists():
            continue
        status = path.lstat()
        if (status.st_size, status.st_mtime_ns) == (row["size"], row["mtime"]):
            if volumes.digest(path) != row["sha256"]:
                raise volumes.unproven(f"{row['path']} has another hash than its manifest says")
            same += 1
    for (uid, gid), paths in volumes.owners(folder).items():
        if failed := await databases.carried_out(Order(str(folder), uid, gid, check=paths), lock):
            raise volumes.unproven("; ".join(f"{path}: {why}" for path, why in failed.items()))
    return len(said["databases"]), same


PARTS = (volumes.DATA, volumes.STAGE)
FULL = "disk is full"
"""SQLite's words for it."""


async def _copy(volume: Volume, found: Sequence[Found], lock: int | None) -> dict[str, str]:
    """Why not, by path, for each that could not be copied; each is opened with its owner's rights."""
    failed: dict[str, str] = {}
    numbered = sorted(enumerate(found), key=lambda pair: (pair[1].uid, pair[1].gid))
    for (uid, gid), group in itertools.groupby(numbered, key=lambda pair: (pair[1].uid, pair[1].gid)):
        pairs = [(f"/{volumes.DATA}/{one.path}", f"/{volumes.staged(number)}") for number, one in group]
        said = await databases.carried_out(Order(str(volume.folder), uid, gid, copy=pairs), lock)
        failed |= {path.removeprefix(f"/{volumes.DATA}/"): why for path, why in said.items()}
    return failed


def missing(volume: Volume) -> errors.Terminal:
    """A volume that should be there is not."""
    return errors.Terminal(
        "BACKUP_VOLUME_MISSING",
        f"there is no volume {volume.name} on this host",
        why=f"{volume.data} is not there, or only root may look",
        fix="run it as root on the host of the stack's server; has the stack ever started?",
    )
