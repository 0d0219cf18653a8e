"""`cloudfreedom smoke`: a throw-away tenant's stack walks through its life on the operator's own host.

Like every command it writes records and requests, and a running listener does the rest. What it made it takes
away again, also after a failure and after Ctrl-C; what a killed one left is found by the next.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio

from listener import errors
from listener.cli import draft, exits, idle, lease, pausing, reach, show
from listener.cli.exits import Exit
from listener.cli.smoke import cleanup, marker, order, walk

PHASES = 6
"""Of which each may take its time, before it is cleaned up."""
OUTCOMES = {
    Exit.DONE: "passed",
    Exit.FAILED: "failed",
    Exit.REFUSED: "not admitted",
    Exit.INTERRUPTED: "interrupted",
}


@dataclass(slots=True)
class Report:
    """What a smoke test found."""

    slug: str
    template: str
    phases: Sequence[walk.Phase] = ()
    provisioned: float | None = None
    """Seconds; None when it never ran."""
    error: errors.ListenerError | None = None
    is_interrupted: bool = False
    cleaned: list[cleanup.Cleaned] = field(default_factory=list)
    """Of earlier ones first, its own last."""

    @property
    def verdict(self) -> Exit:
        """0 when all went well and the provision within the promise; 3 when it was not admitted."""
        if self.is_interrupted:
            return Exit.INTERRUPTED
        if self.error is not None:
            return Exit.REFUSED if isinstance(self.error, errors.Refusal) else Exit.FAILED
        is_kept = self.provisioned is not None and self.provisioned <= walk.PROMISE
        return Exit.DONE if is_kept and self.is_gone else Exit.FAILED

    @property
    def is_gone(self) -> bool:
        """Its own records are removed, or there never were any."""
        return all(one.is_gone for one in self.cleaned if one.slug == self.slug)

    def json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        error = self.error
        told = {name: getattr(error, name) for name in ("code", "what", "why", "fix")} if error else None
        return {
            "outcome": OUTCOMES[self.verdict],
            "tenant": self.slug,
            "template": self.template,
            "provision_seconds": self.provisioned,
            "promised_seconds": walk.PROMISE,
            "phases": [one.json() for one in self.phases],
            "error": told,
            "cleaned": [one.json() for one in self.cleaned],
        }

    def __str__(self) -> str:
        took = "it never ran" if self.provisioned is None else f"provision took {self.provisioned:.1f} s"
        return f"Smoke test {OUTCOMES[self.verdict]}: {took} of the {walk.PROMISE:.0f} s promised."


class Interrupts:
    """The first Ctrl-C or SIGTERM ends the walk, the next one the cleaning up."""

    def __init__(self) -> None:
        self._scope = anyio.CancelScope()

    async def listen(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Each signal ends what runs just then."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self._scope.cancel()

    async def until(self, work: Callable[[], Awaitable[None]]) -> bool:
        """The work was done, or a signal ended it: then False."""
        with anyio.CancelScope() as self._scope:
            await work()
            return True
        return False


def smoke(wanted: order.Order, *, as_json: bool) -> Exit:
    """The walk was gone through, cleaned up and told; with `as_json` what goes on is on standard error."""
    if not as_json:
        report = reach.run(partial(_smoke, wanted))
        show.line(str(report))
    else:
        with contextlib.redirect_stdout(sys.stderr):
            report = reach.run(partial(_smoke, wanted))
        show.as_json(report.json())
    if report.error is not None:
        exits.tell(report.error)
    return report.verdict


async def _smoke(wanted: order.Order) -> Report:
    interrupts = Interrupts()
    async with idle.ready() as here, anyio.create_task_group() as tasks:
        await _must_act(here)
        await draft.must_be_tier(here.database, wanted.tier)
        await tasks.start(interrupts.listen)
        report = await _attempt(here, wanted, interrupts)
        tasks.cancel_scope.cancel()
    return report


async def _attempt(here: idle.Idle, wanted: order.Order, interrupts: Interrupts) -> Report:
    """What earlier ones left is gone, the walk was gone through, and whatever ended it, it is cleaned up."""
    template = here.app.catalog.get(wanted.template)
    given = order.variables(wanted, template)
    assert template is not None
    earlier: list[cleanup.Cleaned] = []
    goes_on = await interrupts.until(partial(_earlier, here, earlier, wanted.timeout))
    mark = marker.Mark.new((PHASES + 2) * wanted.timeout)
    going = walk.Walk(here, mark, wanted, template, given)
    report = Report(mark.slug, wanted.template, going.phases, cleaned=earlier)
    try:
        goes_on = goes_on and await interrupts.until(partial(_walked, going, report))
        report.is_interrupted = not goes_on
    finally:
        if going.has_written:
            await _clean(interrupts, here, mark, report, wanted.timeout)
    report.provisioned = going.provisioned
    return report


async def _must_act(here: idle.Idle) -> None:
    """A listener leads and is not paused; raises `NO_LEADER` or `LISTENER_PAUSED`."""
    led = await lease.read(here.database)
    if not led.is_led:
        fix = "start it with `cloudfreedom run`, or its service"
        raise errors.UpstreamUnavailable("NO_LEADER", "no listener leads", why=str(led), fix=fix)
    if (await pausing.read(here.database)).holds(datetime.now(UTC)):
        raise errors.Refusal(
            "LISTENER_PAUSED",
            "The listener is paused, so nothing was made.",
            why="somebody said `cloudfreedom pause`; `cloudfreedom status` says until when",
            fix="wait for its end, or `cloudfreedom unpause`",
        )


async def _earlier(here: idle.Idle, found: list[cleanup.Cleaned], seconds: float) -> None:
    """What earlier smoke tests left behind when they were killed is cleaned up; others still run."""
    dead, alive = await cleanup.earlier(here.database)
    for mark in alive:
        show.line(f"Another smoke test runs: {mark.slug}; it is left alone.")
    for mark in dead:
        show.line(f"An earlier smoke test was cut off: {mark.slug}.")
        _add(found, await cleanup.clear(here.database, mark, seconds=seconds))


async def _walked(going: walk.Walk, report: Report) -> None:
    try:
        await going.run()
    except errors.ListenerError as error:
        report.error = error


async def _clean(
    interrupts: Interrupts, here: idle.Idle, mark: marker.Mark, report: Report, seconds: float
) -> None:
    if report.is_interrupted:
        show.line("Interrupted: cleaning up. Once more, and that is left to the next smoke test.")

    async def clear() -> None:
        _add(report.cleaned, await cleanup.clear(here.database, mark, seconds=seconds))

    if not await interrupts.until(clear):
        told = f"cleaning up was interrupted; {cleanup.AGAIN}"
        _add(report.cleaned, cleanup.Cleaned(mark.slug, is_gone=False, told=told))


def _add(found: list[cleanup.Cleaned], cleaned: cleanup.Cleaned) -> None:
    found.append(cleaned)
    show.line(str(cleaned))
