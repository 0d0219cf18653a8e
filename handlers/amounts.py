"""Amounts of cores, memory and disk: what stacks ask for, hold, and lack. Pure.

Memory and disk are in MiB throughout, binary as Docker's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GIGABYTE = 1024
"""MiB."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a stack may use at most: cores, memory, promised disk. `planned_mb` is its likely use."""

    cpus: float = 0.0
    memory_mb: int = 0
    planned_mb: int = 0
    disk_mb: int = 0
    widest: float = field(default=0.0, compare=False)
    """Cores of its largest container: Docker refuses a container that may use more than the host has."""

    def __add__(self, other: Demand) -> Demand:
        return Demand(
            self.cpus + other.cpus,
            self.memory_mb + other.memory_mb,
            self.planned_mb + other.planned_mb,
            self.disk_mb + other.disk_mb,
            max(self.widest, other.widest),
        )

    def beyond(self, held: Demand) -> Demand:
        """What of it is not held already."""
        return Demand(
            max(0.0, self.cpus - held.cpus),
            max(0, self.memory_mb - held.memory_mb),
            max(0, self.planned_mb - held.planned_mb),
            max(0, self.disk_mb - held.disk_mb),
            self.widest,
        )

    def columns(self) -> list[float]:
        """As it is kept in the ledger."""
        return [self.cpus, self.memory_mb, self.planned_mb, self.disk_mb]

    @classmethod
    def read(cls, columns: object) -> Demand | None:
        """From the ledger; None for what it does not hold."""
        if not isinstance(columns, list | tuple) or len(columns) != 4:
            return None
        cpus, memory, planned, disk = columns
        return cls(float(cpus), int(memory), int(planned), int(disk))


NOTHING = Demand()


def size(megabytes: float) -> str:
    """An amount of memory or disk for people."""
    return f"{megabytes / GIGABYTE:.3g} GB" if megabytes >= GIGABYTE else f"{megabytes:.0f} MB"


def missing(lack: Demand) -> str:
    """What is missing, for people: the first that is."""
    if lack.memory_mb or lack.planned_mb:
        return size(max(lack.memory_mb, lack.planned_mb))
    if lack.disk_mb:
        return f"{size(lack.disk_mb)} disk"
    return f"{lack.cpus:.3g} cores"
