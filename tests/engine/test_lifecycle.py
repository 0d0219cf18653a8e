"""Signals, draining, and what systemd hears."""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from structlog.typing import EventDict

from listener import contract, errors
from listener.engine import worker
from listener.engine.lifecycle import Notifier, freeze

from .rig import Toy
from .toy import Act, ToyLease, takes

pytestmark = pytest.mark.looptime


class Systemd:
    """The other end of `NOTIFY_SOCKET`."""

    def __init__(self, path: Path) -> None:
        self.environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "30000000"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Every line since the last call."""
        lines = []
        while True:
            try:
                lines += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    other_end = Systemd(tmp_path / "notify")
    yield other_end
    other_end.close()


def hangs(seconds: float) -> Act:
    """A run that its deadline cannot cut."""

    async def act(_: contract.Plan) -> contract.Outcome:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(seconds)
        return contract.Settled()

    return act


async def until(reached: Callable[[], bool]) -> None:
    """Reached; threads take real time, of which the virtual clock knows nothing."""
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end
        await anyio.lowlevel.checkpoint()


async def test_the_first_signal_lets_running_work_finish_and_begins_nothing_new() -> None:
    async with Toy(workers=2).running() as toy:
        toy.handler.acts["a-1"] = takes(15)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        await anyio.sleep(1)
        toy.feed.change("b-1")
        await anyio.sleep(14)
        assert toy.handler.finished == ["a-1"]
        assert toy.result is True


async def test_a_lease_is_renewed_while_work_is_drained() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(18)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        toy.engine.stop()
        await anyio.sleep(16)
        assert toy.lease.held()
        assert toy.gate.reasons() == ()


async def test_work_that_outlasts_the_drain_is_cut_and_the_lease_is_kept() -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(100)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        began = anyio.current_time()
        await toy.engine.drain()
        assert anyio.current_time() - began == pytest.approx(20.0)
        assert toy.result is False
        assert toy.handler.finished == []
        assert toy.store.state.holder == "me"


async def test_an_idle_engine_drains_at_once() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(3)
        began = anyio.current_time()
        await toy.engine.drain()
        assert anyio.current_time() == began
        assert toy.result is True


async def test_an_engine_drains_at_once_while_its_breaker_is_open_and_work_waits() -> None:
    async with Toy().running() as toy:
        toy.gate.pause(1000)
        toy.feed.change("a-1")
        await anyio.sleep(3)
        began = anyio.current_time()
        await toy.engine.drain()
        assert anyio.current_time() == began
        assert toy.handler.planned == []


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
async def test_a_second_signal_forces(second: signal.Signals) -> None:
    async with Toy().running() as toy:
        toy.handler.acts["a-1"] = takes(100)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        await anyio.sleep(1)
        assert toy.result is None
        os.kill(os.getpid(), second)
        await anyio.sleep(0.1)
        assert toy.result is False


async def test_systemd_hears_ready_status_and_watchdog(systemd: Systemd) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        await anyio.sleep(35)
        lines = systemd.heard()
        assert lines.index("READY=1") > lines.index("STATUS=leader, fence 2, not swept yet, no fresh sweep")
        assert (lines.count("READY=1"), len(toy.started)) == (1, 1)
        assert lines.count("WATCHDOG=1") == 4
        assert "STATUS=leader, fence 3, swept 10 s ago, ready" in lines
        await toy.engine.drain()
        assert systemd.heard()[:2] == ["STOPPING=1", "STATUS=draining"]


async def test_a_standby_is_ready_as_well(systemd: Systemd) -> None:
    store = ToyLease()
    store.state = contract.LeaseState(fence=7, holder="another")
    async with Toy(environ=systemd.environ, store=store).running() as toy:
        await anyio.sleep(10)
        assert toy.lease.role == "standby"
        assert "READY=1" in systemd.heard()


async def test_nothing_is_ready_before_the_first_sweep(systemd: Systemd) -> None:
    toy = Toy(environ=systemd.environ)
    toy.breaker.trip(errors.Global("COOLIFY_UNAUTHORIZED", "the token is refused"))
    async with toy.running():
        await anyio.sleep(95)
        lines = systemd.heard()
        assert ("READY=1" in lines, toy.started) == (False, [])
        assert any("stopped by COOLIFY_UNAUTHORIZED" in line for line in lines)
        assert lines.count("WATCHDOG=1") == 10
        toy.probe.broken = False
        await anyio.sleep(15)
        assert "READY=1" in systemd.heard()


async def test_the_status_says_why_nothing_is_done(systemd: Systemd) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.observing = True
        await anyio.sleep(35)
        assert systemd.heard()[-1].endswith(" ready, nothing is done: observe_only")


async def test_a_reload_drains_and_asks_for_a_new_beginning(systemd: Systemd) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.handler.acts["a-1"] = takes(5)
        await anyio.sleep(3)
        toy.feed.change("a-1")
        await anyio.sleep(1)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: toy.engine.again)
        await anyio.sleep(6)
        assert toy.handler.finished == ["a-1"]
        assert (toy.result, toy.engine.again, toy.store.state.holder) == (True, True, "")
    lines = systemd.heard()
    assert lines.index("RELOADING=1") + 1 == next(i for i, s in enumerate(lines) if "MONOTONIC_USEC" in s)
    assert "STOPPING=1" not in lines
    assert "READY=1" not in lines[lines.index("RELOADING=1") :]


async def test_a_reload_that_would_not_start_again_changes_nothing(
    systemd: Systemd, logs: list[EventDict]
) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.broken_templates = errors.Refusal("TEMPLATE_BROKEN", "The template bot is broken.")
        await anyio.sleep(3)
        systemd.heard()
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "reload.refused" in [entry["event"] for entry in logs])
        toy.feed.change("a-1")
        await anyio.sleep(1)
        lines = systemd.heard()
        assert [line for line in lines if line in {"RELOADING=1", "READY=1"}] == ["RELOADING=1", "READY=1"]
        assert lines[-1].endswith("ready, reload refused: TEMPLATE_BROKEN")
        assert toy.handler.finished == ["a-1"]
        toy.broken_templates = None
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: toy.engine.again)


async def test_a_stop_wins_over_a_reload_under_way(systemd: Systemd) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.handler.acts["a-1"] = takes(10)
        toy.feed.change("a-1")
        await anyio.sleep(3)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: toy.engine.again)
        os.kill(os.getpid(), signal.SIGTERM)
        await anyio.sleep(10)
        assert (toy.result, toy.engine.again) == (True, False)


async def test_without_a_supervisor_a_hang_up_ends_the_process_in_order() -> None:
    async with Toy().running() as toy:
        await anyio.sleep(3)
        os.kill(os.getpid(), signal.SIGHUP)
        await anyio.sleep(1)
        assert (toy.result, toy.engine.again) == (True, False)


async def test_the_watchdog_is_pinged_while_workers_are_idle_or_wait_for_the_breaker(
    systemd: Systemd,
) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.gate.pause(10_000)
        await anyio.sleep(1000)
        systemd.heard()
        await anyio.sleep(100)
        assert systemd.heard().count("WATCHDOG=1") == 10


async def test_the_watchdog_ping_stops_when_a_worker_hangs(systemd: Systemd, logs: list[EventDict]) -> None:
    async with Toy(environ=systemd.environ).running() as toy:
        toy.handler.acts["a-1"] = hangs(400)
        toy.feed.change("a-1")
        await anyio.sleep(worker.STUCK - 1)
        assert toy.engine.alive()
        systemd.heard()
        await anyio.sleep(100)
        assert not toy.engine.alive()
        assert systemd.heard() == []
        assert [entry["event"] for entry in logs].count("worker.stuck") == 1
        await anyio.sleep(200)
        assert toy.engine.alive()
        assert "WATCHDOG=1" in systemd.heard()


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}, {"NOTIFY_SOCKET": "@nobody-listens-here"}],
    ids=["none", "vanished", "abstract"],
)
async def test_a_missing_supervisor_is_no_error(environ: dict[str, str]) -> None:
    Notifier(environ).notify("READY=1")


def test_what_stands_at_the_start_is_not_looked_through_by_the_collector_again() -> None:
    before = [[number] for number in range(100)]
    freeze()
    try:
        assert gc.get_freeze_count() > len(before)
        young = {id(one) for one in gc.get_objects()}
        assert not young & {id(one) for one in before}
    finally:
        gc.unfreeze()
