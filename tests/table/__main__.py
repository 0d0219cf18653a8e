"""`python -m tests.table`: every row, or the rows named; all of them are written into BENCHMARKS.md."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from pathlib import Path

import anyio

from tests.bench import quick
from tests.table.counts import Count
from tests.table.registry import ROWS

FILE = Path(__file__).parents[2] / "BENCHMARKS.md"
HEADING = "## What is lost, made twice or orphaned under faults"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
INTRO = """\
`make fault-table` runs the daemon with the sandbox's short waits (lease 3 s, settle window 3 s, takeover 5
s) against real PocketBase and the stand-in, and counts when the fault is over and all is as wanted, or
after 240 s. *Lost*: a record without a service. *Twins*: services beyond the first of a record. *Orphans*:
services of ours to which no record points. *Unlike*: records that do not show what is wanted, or whose
containers or variables are not as they say. *Without a memory*: a listener on the PocketBase SDK that tries
a call once · one that tries four times; medians of 3 to 8 runs of 200 stacks on 2 cores, 2026-11-22
(PocketBase 0.40.6, PocketBase JS SDK 0.28.1, httpx 0.28.1).
"""
HEAD = (
    "fault", "stacks", "defined larger", "lost", "twins", "orphans", "unlike", "s to converge", "besides",
    "lost / twins / orphans without a memory",
)  # fmt: skip


async def _run(name: str) -> Count:
    with tempfile.TemporaryDirectory(prefix="cloudfreedom-faults-") as folder:
        return await ROWS[name].run(Path(folder), ROWS[name].size)


def line(name: str, count: Count) -> tuple[str, ...]:
    """One row of the table."""
    row = ROWS[name]
    told = inspect.getdoc(row.run) or name
    numbers = map(str, (count.lost, count.twins, count.orphans, count.unlike))
    return (told, str(row.size), row.defined, *numbers, f"{count.seconds:.1f}", count.told, row.without)


def written(text: str, table: str) -> str:
    """The file with the table between its marks, which are put at the end when they are missing."""
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Prints each row as it is known; 0 when nothing was lost, made twice, orphaned or unlike."""
    names = sys.argv[1:] or list(ROWS)
    lines, whole, load = [], True, [os.getloadavg()[0]]
    for name in names:
        count = anyio.run(_run, name)
        lines.append(line(name, count))
        whole = whole and count.is_whole
        load.append(os.getloadavg()[0])
        sys.stdout.write(f"{name}: {count}\n")
        sys.stdout.flush()
    where = quick._where((load[0], load[len(load) // 2], load[-1]))
    table = f"{INTRO}\n{where}\n{quick.table(HEAD, lines)}"
    sys.stdout.write(table)
    if names == list(ROWS):
        FILE.write_text(written(FILE.read_text(), table))
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
