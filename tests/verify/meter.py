"""The limits of a container by cgroups of version 1, where they are, and its memory by what /proc says."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

CGROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000
EVERY = 0.2
PATIENCE = 50
MEGABYTE = 1024 * 1024


class Limits:
    """The cgroups of one container, gone with `remove`."""

    def __init__(self, name: str, limits: Mapping[str, Any]) -> None:
        size = str(int(limits["memory"].removesuffix("M")) * MEGABYTE)
        wanted = {
            "memory": (("memory.limit_in_bytes", size), ("memory.memsw.limit_in_bytes", size)),
            "cpu": (("cpu.cfs_quota_us", str(int(float(limits["cpus"]) * PERIOD))),),
            "pids": (("pids.max", str(limits["pids"])),),
        }
        self.folders: dict[str, Path] = {}
        for controller, values in wanted.items():
            folder = CGROUPS / controller / name
            try:
                folder.mkdir(exist_ok=True)
                for file, value in values:
                    (folder / file).write_text(value)
            except OSError:
                continue
            self.folders[controller] = folder

    @property
    def missing(self) -> list[str]:
        """Limits that this machine cannot set."""
        return sorted({"memory", "cpu", "pids"} - self.folders.keys())

    def join(self) -> list[str]:
        """A shell's words that put it under the limits."""
        return [f"echo $$ > {folder}/cgroup.procs;" for folder in self.folders.values()]

    def killed(self) -> int:
        """How many processes were ended for want of memory."""
        folder = self.folders.get("memory")
        lines = (folder / "memory.oom_control").read_text().splitlines() if folder else []
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def remove(self) -> None:
        """What still runs is ended, as Docker ends it with the first process; nothing of it is left."""
        for folder in self.folders.values():
            for _ in range(PATIENCE):
                for pid in (folder / "cgroup.procs").read_text().split():
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(EVERY)


class Memory:
    """The peak of the resident memory of a process and all below it, summed up."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.most_processes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            found = tree(self._pid)
            self.peak = max(self.peak, sum(found.values()))
            self.most_processes = max(self.most_processes, len(found))


def tree(pid: int) -> dict[int, int]:
    """Resident memory in MiB of a process and all its descendants, by id."""
    parents, sizes = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        except (OSError, ValueError):
            continue
        parents[int(folder.name)] = int(lines["PPid"])
        sizes[int(folder.name)] = int(lines.get("VmRSS", "0 kB").split()[0]) // 1024
    found, more = set(), {pid} & parents.keys()
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in more} - found
    return {one: sizes[one] for one in found}
