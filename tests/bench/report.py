"""From the kept figures to BENCHMARKS.md: what was measured, between two marks, and nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

from tests.bench import counting, plots, quick
from tests.bench.contenders import NAMES
from tests.bench.targets import NOT_RUN, TARGETS, Figures, exponent, hourly, ranks, scale, spread, windows

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
HEADING = "## Against the physical limit and the script that everybody writes"
SHARES = (0.5, 0.95, 0.99, 1.0)
FAULTS = "M9 to M14 are lines of the [table of faults](#what-is-lost-made-twice-or-orphaned-under-faults)."


def write(raw: Figures) -> str:
    """The part of BENCHMARKS.md, which is in the file with its plots."""
    text = "\n".join(_parts(raw, plots.draw(raw)))
    quick.FILE.write_text(written(quick.FILE.read_text(), text))
    return text


def written(old: str, text: str) -> str:
    """The file with this part between its marks, which are put at the end when they are missing."""
    if BEGIN not in old:
        old = f"{old.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    before, _, rest = old.partition(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}"


def _parts(raw: Figures, pictures: dict[str, str]) -> Iterator[str]:
    yield _about(raw)
    yield quick.table(("measure", "target", "figure", ""), [target.line(raw) for target in TARGETS])
    yield FAULTS + "\n"
    for make in (_latencies, _bursts, _throttled, _counts, _growth):
        try:
            yield make(raw)
        except (KeyError, IndexError):
            yield f"*{(make.__doc__ or '').splitlines()[0]}: {NOT_RUN}.*\n"
        if name := pictures.get(make.__name__):
            yield f"![{(make.__doc__ or '').splitlines()[0]}](.github/benchmarks/{name})\n"


def _about(raw: Figures) -> str:
    load, whole = raw["load"], raw["ended"] or "interrupted"
    command = "make bench" if raw["mode"] == "full" else f"make bench BENCH={raw['mode']}"
    loads = f"{load[0]:.1f} before, {statistics.median(load):.1f} in the middle, {max(load):.1f} at most"
    return (
        f"`{command}`, {raw['began']} to {whole} UTC · {raw['where']} · {raw.get('sdk', '')} · "
        f"load {loads}\n\n"
        "Contenders take turns, each in a world of its own; figures are medians over the runs, smallest and "
        "largest in brackets; ratios are taken within one run. Times are monotonic, from sending the write "
        "to the arrival at the stand-in, which answers after 20 ms and whose jobs take no time.\n"
    )


def _latencies(raw: Figures) -> str:
    """M1 and M2: from the write, one create at a time"""
    rows: list[tuple[str, ...]] = []
    for what, told in (("post", "its POST is at Coolify"), ("running", "the record says running")):
        for letter, runs in raw["unloaded"].items():
            if what in runs[0]:
                figures = (spread(ranks(raw, letter, what, share)) for share in SHARES)
                rows.append((NAMES[letter], told, f"{len(runs)} × {len(runs[0][what])}", *figures))
    head = ("contender", "until, ms", "runs × creates", "p50", "p95", "p99", "max")
    note = "J says `running` when its POST is answered; ours when a later list of Coolify shows it.\n"
    return f"### {_latencies.__doc__}\n\n{quick.table(head, rows)}\n{note}"


def _bursts(raw: Figures) -> str:
    """M3: a burst"""
    rows: list[tuple[str, ...]] = []
    for letter, runs in raw["burst"].items():
        columns = ("written", "last", "running", "cpu", "memory")
        found = [[run[name] for run in runs if name in run] for name in columns]
        cpu = [1000 * value for value in found[3]]
        shown = (spread(values) if values else "–" for values in (*found[:3], cpu, found[4]))
        rows.append((NAMES[letter], f"{len(runs)}", *shown))
    head = (
        "contender", "runs", "all written, s", "last POST, s", "all say running, s", "processor a stack, ms",
        "highest memory, MiB",
    )  # fmt: skip
    return f"### {_bursts.__doc__}\n\n{quick.table(head, rows)}"


def _throttled(raw: Figures) -> str:
    """M4: a burst under Coolify's request limit"""
    rows = []
    for run in raw["throttled"]:
        even = 60 * run["calls"] / run["limit"]
        kinds = ", ".join(f"{kind} {number}" for kind, number in run["kinds"].items())
        rows.append(
            (
                *(str(run["count"]), str(run["limit"]), str(run["calls"]), str(run["refused"])),
                *(f"{run['seconds']:.1f}", f"{even:.1f}", str(windows(run)), kinds),
            )
        )
    head = (
        "creates", "limit a minute", "calls", "429", "last deed, s", "calls ÷ limit, s",
        "fixed windows allow, s", "which",
    )  # fmt: skip
    note = (
        "Coolify's limit is a fixed window of 60 s, whose calls may all be made at its beginning; the first "
        "one began some seconds before the burst.\n"
    )
    return f"### {_throttled.__doc__}\n\n{quick.table(head, rows)}\n{note}"


def _counts(raw: Figures) -> str:
    """M5: calls per operation"""
    rows = [counting.row(one) for one in raw["counts"][-1]]
    return f"### {_counts.__doc__}\n\n{quick.table(counting.HEAD, rows)}"


GROWTH: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("the stand-in's list, s", lambda run: run["list"]),
    ("M7 start until `/readyz`, s", lambda run: run["ready"]),
    ("M7 start until each was looked at, s", lambda run: run["settled"]),
    ("M7 processor for that, s", lambda run: run["start_cpu"]),
    ("M6 edit meanwhile, p50, ms", lambda run: 1000 * statistics.median(run["edits"]["seconds"])),
    ("M6 edit meanwhile, longest, ms", lambda run: 1000 * max(run["edits"]["seconds"])),
    ("M6 keys still waiting at the last edit", lambda run: run["edits"]["waiting"]),
    ("sweep with nothing to do, s", lambda run: run["sweep"]["seconds"]),
    ("processor for that, s", lambda run: run["sweep"]["cpu"]),
    ("requests of that to PocketBase", lambda run: run["sweep"]["asked"].get("pocketbase", 0)),
    ("M8 resident memory, MiB", lambda run: run["memory"]),
    ("M8 highest memory at the start, MiB", lambda run: run["start_memory"]),
    ("one scrape of `/metrics`, ms", lambda run: 1000 * run["scrape"]),
    ("M8 processor an idle hour, s", lambda run: hourly(run, "cpu")),
    ("M8 requests an idle hour to PocketBase", lambda run: hourly(run, "pocketbase")),
    ("M8 requests an idle hour to Coolify", lambda run: hourly(run, "coolify")),
)


def _growth(raw: Figures) -> str:
    """M6 to M8: cost against the number of stacks"""
    counts = sorted(map(int, raw["scale"]))
    rows: list[tuple[str, ...]] = []
    for told, read in GROWTH:
        try:
            found = {count: scale(raw, count, read) for count in counts}
        except KeyError:
            rows.append((told, *(NOT_RUN for _ in counts)))
            continue
        medians: dict[int, Any] = {count: statistics.median(values) for count, values in found.items()}
        grows = f"{exponent(medians):.2f}" if min(medians.values()) > 0 and len(medians) > 1 else "–"
        rows.append((told, *(spread(values) for values in found.values()), grows))
    runs = ", ".join(f"{len(raw['scale'][str(count)])} of {count}" for count in counts)
    head = ("", *(f"{count} stacks" for count in counts), "exponent")
    note = (
        f"Runs: {runs}. 20 stacks are made by the daemon, the others are copies of one, written past both "
        "sides; that the daemon then changes nothing proves them alike. 20 stacks a tenant. *Exponent*: "
        "slope of the logarithms, 1 = as the number of stacks. An idle hour is the idle time measured, "
        "scaled, and 12 sweeps.\n"
    )
    return f"### {_growth.__doc__}\n\n{quick.table(head, rows)}\n{note}"
