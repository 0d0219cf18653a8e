"""What a run claims and what it measured."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.verify.cell import Cell

HEAD = ("service", "tier", "limits", "ready after", "peak RSS", "processes", "stopped in")


@dataclass
class Book:
    """Claims as they are made, figures for the table at the end."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    cannot: set[str] = field(default_factory=set)
    """What this machine does not let us do."""

    def claim(self, text: str, holds: object, seen: object = "") -> None:
        """Write the claim down; what was seen is shown where it does not hold."""
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        sys.stdout.write(f"  ✓ {text}\n" if holds else f"  ✗ {text}: {str(seen)[-3000:]}\n")
        sys.stdout.flush()

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """A part of the run; an exception in it is one claim that does not hold."""
        sys.stdout.write(f"{title}\n")
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the other parts are still worth knowing
            self.claim("the part comes to its end", holds=False, seen=f"{type(error).__name__}: {error}")

    @contextmanager
    def running(self, cell: Cell, tier: str, port: int, seconds: float = 240) -> Iterator[None]:
        """The cell, started and healthy; in the end it is stopped as Docker stops it, and measured."""
        name = cell.container.name
        with cell:
            cell.start(port, seconds)
            self.claim(f"{name}: the health check's own command is content", cell.is_healthy(), cell.tail())
            yield
            grace = float(cell.container.body["stop_grace_period"].removesuffix("s"))
            took = cell.end()
            self.claim(f"{name}: ends on SIGTERM within {grace:.0f} s", took < grace, cell.tail())
            killed = cell.limits.killed()
            self.claim(f"{name}: the tier's memory is enough", killed == 0, f"{killed} killed")
            self.cannot |= {f"{word} limit (no cgroup v1 to write to)" for word in cell.limits.missing}
            self._row(cell, tier, took)

    def report(self) -> str:
        """The table and the count."""
        rows = [HEAD, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows
        ]
        lines += [f"not done: {text}" for text in sorted(self.cannot)]
        return "\n".join([*lines, f"{self.passed} passed, {self.failed} failed"])

    def _row(self, cell: Cell, tier: str, took: float) -> None:
        limits, memory = cell.container.body["deploy"]["resources"]["limits"], cell.memory
        self.rows.append(
            (
                cell.container.name,
                tier,
                f"{limits['cpus']} cpus {limits['memory']}",
                f"{cell.ready_after:.0f} s",
                f"{memory.peak if memory else 0} MB",
                str(memory.most_processes if memory else 0),
                f"{took:.1f} s",
            )
        )


def until(done: Callable[[], object], seconds: float) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
