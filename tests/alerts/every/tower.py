"""`Tower`: the handlers' world with its alerts as in the product, in virtual time.

What the engine's tasks do is done step by step: the lease is renewed, keys take their turns, lists and
reports are read, alerts are kept and delivered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import stamina
from pydantic import SecretStr

from handlers import orphans, servers
from handlers.alerting import keeper
from listener import contract, errors, sight
from listener.dockerwatch import containers, disk, watch
from listener.engine import attempt, breaker, gate, lease
from listener.pocketbase.lease import PocketBaseLease
from listener.sandbox.proxy import Proxy
from listener.secrets import sealing
from listener.settings import Settings
from tests.alerts.conftest import Receiver
from tests.handlers.world import World

STEP = 10.0
"""Seconds of the clock between two looks, while something is waited for."""
QUIET = 60.0
"""The same while nothing is to happen."""
NO_ROW = ("the world's server has no figures",)
DEADLINE = 60.0
"""Real seconds after which a look is cut."""
META = "/api/collections/listener_meta/records/main"
ALERTS = f"/api/collections/{keeper.COLLECTION}"

Round = Callable[[], Awaitable[Iterable[contract.Key]]]


@dataclass
class Host:
    """What is measured on the host, and left in files for the listener."""

    folder: Path
    free_mb: int = 100_000
    volumes: dict[str, int] = field(default_factory=dict)
    ends: containers.Ends = field(default_factory=containers.Ends)
    measures: bool = True
    """The timer of the disk's report runs."""
    watches: bool = True
    """Docker is watched."""


class Tower:
    """`begin` is a new process; `live` is time that passes in it.

    What a test asks of the world between two steps finds a stale lease, which withholds nothing here.
    """

    def __init__(self, world: World, *, proxy: Proxy, receiver: Receiver, folder: Path) -> None:
        self.world = world
        self.proxy = proxy
        """Between the listener and PocketBase."""
        self.receiver = receiver
        self.host = Host(folder)
        self.rounds: list[Round] = []
        """What a case lets look besides."""
        self._settings = _settings(folder, receiver.url)
        self._swept = 0.0
        self._withheld: tuple[str, ...] = ()
        self.begin()

    def begin(self) -> None:
        """The world's present process has its gate, its alerts and its watches."""
        world, parts = self.world, self.world.parts
        self.lease = lease.Lease(
            store=PocketBaseLease(pocketbase=world.place.database), waits=world.waits,
            holder=parts.writer._holder(), clock=world.clock, on_suspect=lambda _: None,
            take_at_once=lambda _: True,
        )  # fmt: skip
        self._watch = sight.watch(self._settings, parts.eyes, self.lease, parts.writer)
        circuit = breaker.Breaker(
            probe=self._probe, waits=world.waits, on_opened=lambda _: None, on_closed=lambda: None
        )
        eyes = parts.eyes
        checks = {
            "first_contact": lambda: eyes.is_first_contact,
            "ledger": lambda: not eyes.is_caught_up,
            "restored": self._watch.holds,
            "records_missing": lambda: any(parts.mass[-1:]),
        }
        self.gate = gate.Gate(lease=self.lease, breaker=circuit, checks=checks)
        parts.withheld.append(lambda: bool({*self.gate.reasons()} - {"lease"}))
        finder = orphans.Finder(eyes=eyes, scribe=parts.recorder, gate=self.gate.reasons)
        report = partial(disk.read, self._settings.listener_disk_file)
        measured = servers.Keeper(eyes=eyes, writer=parts.writer, gate=lambda: NO_ROW, report=report)
        told = sight.alerting(
            self._settings, eyes, world.place.catalog, writer=parts.writer, lease=self.lease,
            brake=parts.stacks.brake, gate=self.gate, is_well=self.lease.held,
        )  # fmt: skip
        self._looks = [self._watch.round, finder.round, measured.round]
        self._tells = [look for look, _ in told]

    async def live(self, seconds: float) -> None:
        """That much time passes."""
        until = self.world.clock.seconds + seconds
        while (left := until - self.world.clock.seconds) > 0:
            await self.step(min(QUIET, left))

    async def leap(self, seconds: float) -> None:
        """That much time passes in which nobody looks; then a little as always."""
        self.world.pass_time(seconds)
        await self.live(3 * STEP)

    async def step(self, seconds: float = STEP) -> None:
        """What the engine does in so many seconds."""
        world = self.world
        end = world.clock.seconds + seconds
        await self.lease._beat()
        if self.gate.breaker.is_open:
            await self._half_open()
        else:
            await self._turns(seconds)
        world.clock.seconds = max(world.clock.seconds, end)
        world.coolify.tick()
        self._measure()
        await self.lease._beat()
        if not self.gate.breaker.is_open:
            for look in [world.parts.stacks.poll, *self._looks, *self.rounds]:
                await self._round(look)
        for look in self._tells:
            await self._round(look)

    def told(self) -> list[dict[str, Any]]:
        """Every notice that reached people, in order."""
        return [one for document in self.receiver.got for one in document["alerts"]]

    async def rows(self) -> list[dict[str, Any]]:
        """The rows of `stack_alerts`, oldest first."""
        answer = await self.world.admin.get(f"{ALERTS}/records", params={"perPage": 500, "sort": "raised"})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def _turns(self, seconds: float) -> None:
        world, reasons = self.world, self.gate.reasons()
        is_due = world.clock.seconds - self._swept >= world.waits.resync
        if is_due or (self._withheld and not reasons):
            self._swept = world.clock.seconds
            with suppress(errors.ListenerError):
                await world.sweep()
        self._withheld = reasons
        known = len(world.log)
        with suppress(errors.ListenerError):  # a record that could not even be told: the next sweep looks
            await world.settle(seconds)
        for turn in world.log[known:]:
            if turn.error is not None:
                self.gate.stand_back(turn.error)

    async def _round(self, look: Round) -> None:
        found = await attempt.attempt(look, seconds=DEADLINE)
        if isinstance(found, Exception):
            if attempt.is_bug(found):
                raise found
            self.gate.stand_back(found)
            return
        for key in found:
            self.world.parts.turns.add(key, self.world.clock.seconds)

    async def _half_open(self) -> None:
        """`Breaker.run`, whose pause is the step."""
        if await attempt.attempt(self._probe, seconds=DEADLINE) is None:
            self.gate.breaker._close()

    async def _probe(self) -> None:
        """As `Upstreams.probe`, as far as there are upstreams here."""
        eyes = self.world.parts.eyes
        async with eyes.database.proven():
            await eyes.database.page_first("agent_stacks", "")
        await eyes.coolify.team()

    def _measure(self) -> None:
        host, now = self.host, self.world.clock.now()
        if host.measures:
            report = disk.Report(now, host.free_mb, 200_000, host.volumes)
            disk.write(report, self._settings.listener_disk_file)
        if host.watches:
            watch.write(host.ends.report(now), self._settings.listener_docker_file)


def _settings(folder: Path, url: str) -> Settings:
    return Settings(
        pocketbase_url=("http://127.0.0.1:9",),
        coolify_url="https://coolify.example.org",
        coolify_token=SecretStr("1|fake-token"),
        coolify_server_uuid="fake-server",
        listener_secrets_key=(sealing.new_key(),),
        listener_state_dir=folder,
        listener_disk_file=folder / "disk.json",
        listener_docker_file=folder / "containers.json",
        alert_urls=SecretStr(url),
        _env_file=None,
    )


@asynccontextmanager
async def manned(world: World, *, proxy: Proxy, receiver: Receiver, folder: Path) -> AsyncIterator[Tower]:
    """A tower over a world where nothing is wrong; nobody was told anything yet."""
    answers = [await world.admin.delete(f"{ALERTS}/truncate")]
    answers.append(await world.admin.patch(META, json={"accepted_at": "2020-01-01 00:00:00.000Z"}))
    assert all(answer.is_success for answer in answers), answers
    with stamina.set_testing(True, attempts=2, cap=True):
        tower = Tower(world, proxy=proxy, receiver=receiver, folder=folder)
        await tower.live(2 * STEP)
        yield tower


def counted(notices: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How often each kind was raised and cleared, as people were told."""
    return Counter((one["kind"], one["state"]) for one in notices)
