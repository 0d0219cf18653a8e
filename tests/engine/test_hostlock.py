"""What the lock of the host remembers of earlier processes. Each life is a process: it ends with the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIFE = """
import sys
from pathlib import Path
from listener import contract
from listener.engine.hostlock import HostLock
folder, name, other = sys.argv[1:]
lock = HostLock(Path(folder), name)
print(lock.take(), lock.is_dead(contract.LeaseState(fence=7, holder=other)))
"""


def life(folder: Path, name: str, *, other: str) -> list[str]:
    """Its lines: what it logged; last whether it took the lock, and whether it knows `other` to be dead."""
    command = [sys.executable, "-c", LIFE, str(folder), name, other]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_process_knows_its_predecessor_on_this_host_to_be_dead(tmp_path: Path) -> None:
    assert life(tmp_path, "first", other="first") == ["True False"]
    assert life(tmp_path, "second", other="first") == ["True True"]


def test_a_disk_without_room_for_a_name_stops_no_start(tmp_path: Path) -> None:
    (tmp_path / "holders.new").mkdir()
    told, taken = life(tmp_path, "first", other="first")
    assert ("holders.unwritable" in told, taken) == (True, "True False")
