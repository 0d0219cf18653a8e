"""How full the host's disk is and how large each volume: measured by root, left in a file for the listener.

Docker has no quota for local volumes, and only root may look into them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

MEGABYTE = 1024 * 1024
STALE = timedelta(hours=2)
"""An older report says nothing any more."""
VOLUMES = Path("/var/lib/docker/volumes")


@dataclass(frozen=True)
class Report:
    """One measurement. Sizes in MiB; `volumes` by Docker's name (`<service uuid>_<volume>`)."""

    at: datetime
    free_mb: int
    total_mb: int
    volumes: Mapping[str, int]

    def is_fresh(self, now: datetime) -> bool:
        """It was made within the last two hours, and not in the future."""
        return timedelta(minutes=-5) <= now - self.at < STALE


def measure(folder: Path = VOLUMES, *, now: datetime | None = None) -> Report:
    """What the disk that holds `folder` has free, and the size of every volume in it. Takes root to be right.

    Blocks are counted, not lengths: a sparse file takes what it takes. Raises `OSError` without the folder.
    """
    whole = shutil.disk_usage(folder)
    sizes = {one.name: _blocks(one) // MEGABYTE for one in sorted(folder.iterdir()) if one.is_dir()}
    return Report(now or datetime.now(UTC), whole.free // MEGABYTE, whole.total // MEGABYTE, sizes)


def write(report: Report, file: Path) -> None:
    """The file holds this report, whole: a reader sees the old one or the new one."""
    data = {
        "at": report.at.isoformat(),
        "free_mb": report.free_mb,
        "total_mb": report.total_mb,
        "volumes": dict(report.volumes),
    }
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text(json.dumps(data))
    beside.chmod(0o644)
    beside.replace(file)


def read(file: Path) -> Report | None:
    """The report in the file; None without one that can be read, which counts as unknown."""
    try:
        data = json.loads(file.read_text())
        volumes = {str(name): int(size) for name, size in data["volumes"].items()}
        at = datetime.fromisoformat(data["at"])
        return Report(at.astimezone(UTC), int(data["free_mb"]), int(data["total_mb"]), volumes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _blocks(folder: Path) -> int:
    """Bytes on disk below a folder; symbolic links are not followed, other file systems not entered."""
    found, seen = 0, set()
    device = folder.lstat().st_dev
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(at, name).lstat().st_dev == device]
        for name in files:
            try:
                stat = Path(at, name).lstat()
            except OSError:
                continue
            if stat.st_ino not in seen:
                seen.add(stat.st_ino)
                found += stat.st_blocks * 512
    return found
