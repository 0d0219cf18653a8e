"""`Stage`: the world of the handlers' tests with two listeners, a gate, and a witness on both wires."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import httpx

from handlers import ledger, records
from listener import contract, errors
from listener.coolify.view import Snapshot
from listener.pocketbase.lease import PocketBaseLease
from tests.handlers import world as worlds
from tests.handlers.process import INST, Place, Process, begun
from tests.handlers.scissors import Crash, Scissors
from tests.handlers.turns import Turn
from tests.machine import lawful, wire
from tests.machine.ways import Ways
from tests.machine.witness import Row, Witness

REQUESTS = "listener_requests"
META = "/api/collections/listener_meta/records/main"
ACCEPTED = {"accepted_at": "2031-01-01 00:00:00Z"}
WAITS = contract.Waits(poll_busy=10.0)
"""The product's own, but that a busy list is read half as often."""


@dataclass
class Side:
    """One of two listeners; `stage.leader` is the one with the lease."""

    parts: Process
    holder: str
    stage: Stage

    @property
    def snapshot(self) -> Snapshot:
        """Its list of Coolify."""
        return self.parts.eyes.view.snapshot

    @property
    def leads(self) -> bool:
        """It holds the lease."""
        return self is self.stage.leader

    def allow(self) -> None:
        """Raises when nothing may begin, like the engine's gate."""
        if not self.leads:
            raise errors.LeaseLost("LEASE_STALE", "nothing may begin now")
        if reasons := self.reasons():
            raise errors.Transient("WITHHELD", "nothing may begin now", why=reasons)

    def reasons(self) -> str:
        """Why the leader only observes."""
        eyes = self.parts.eyes
        missing = self.parts.mass[-1:] == [True]
        held = {
            "records_missing": missing,
            "first_contact": eyes.is_first_contact,
            "ledger": not eyes.is_caught_up,
        }
        return ", ".join(name for name, holds in held.items() if holds)


class Stage(worlds.World):
    """Two listeners, one at a time."""

    leader: Side
    other: Side | None = None
    """The standby, or a leader that was frozen and has not noticed."""

    def __init__(
        self, place: Place, *, admin: httpx.AsyncClient, scissors: Scissors, mood: wire.Mood, ways: Ways
    ) -> None:
        super().__init__(place, admin=admin, scissors=scissors)
        self.witness = Witness(self.coolify, self.clock, INST, self.waits.confirm)
        self.mood = mood
        self.deeds = 0
        """What people, upstreams and faults have changed."""
        self._lease = PocketBaseLease(pocketbase=ways.calm())
        self._ways = ways
        self._acting: Side | None = None
        self._freeze: tuple[int, float] | None = None
        self._count = 0
        self._swept = self.clock.seconds
        self._rules: dict[str, Row] = {}

    async def begin(self) -> None:
        """An empty world; the client past the faults leads."""
        answer = await self.admin.delete(f"/api/collections/{REQUESTS}/truncate")
        assert answer.status_code == 204, answer.text
        await self.admin.patch(META, json=ACCEPTED)
        await super().begin()

    async def _take_over(self) -> None:
        """A new process leads; what led before is gone."""
        self.scissors.set(None)
        await self._lead(self._born())

    def _born(self) -> Side:
        self._count += 1
        holder = f"world-{self._count}-{id(self)}"
        place = replace(self.place, database=self._ways.tapped())
        side = Side(begun(place, term=0, holder=holder), holder, self)
        for handler in (side.parts.stacks, side.parts.tenants, side.parts.requests):
            handler._allowed = side.allow
        return side

    async def _lead(self, side: Side) -> None:
        self._count += 1
        term = self._count
        fence = (await self._lease.read()).fence
        assert await self._lease.advance(fence=fence, holder=side.holder)
        side.parts.eyes.term = lambda: term
        self.leader, self.parts = side, side.parts
        with suppress(errors.ListenerError):
            await side.parts.eyes.catch_up()

    async def hand_over(self) -> None:
        """The other listener leads, with whatever it remembers; the one that led is not told."""
        old, new = self.leader, self.other or self._born()
        self.other = old
        await self._lead(new)
        await self.sweep()

    def freeze(self, at: int, seconds: float) -> None:
        """The leader stands still before its request with that number: the other leads for so long."""
        self._freeze = (at, seconds)

    async def pause(self, request: httpx.Request) -> None:
        """Here a frozen leader stands still. Between its gate and a call to Coolify nothing can help it."""
        if self._freeze is None or self._acting is not self.leader:
            return
        at, seconds = self._freeze
        self._freeze = (at - 1, seconds)
        is_effect = request.method != "GET" and "/api/collections/" not in request.url.path
        if at > 0 or (is_effect and request.url.path != "/api/batch"):
            return
        self._freeze = None
        acting, scope, self._acting = self._acting, self.scissors.scope, None
        await self.hand_over()
        await self.settle(seconds)
        self._acting, self.scissors.scope = acting, scope

    # What the engine would do.

    async def sweep(self) -> None:
        """Every handler's differences are due; a sweep that fails is made again with the next."""
        side = self.leader
        before, self._acting = self._acting, side
        try:
            for handler in (side.parts.tenants, side.parts.stacks, side.parts.requests):
                for key in await handler.sweep():
                    side.parts.turns.add(key, self.clock.seconds)
        except errors.ListenerError as error:
            self._stand_back(error)
        finally:
            self._acting = before

    async def span(self, seconds: float) -> None:
        """That much time passes in leaps: at each end a list, a sweep, and what is due then."""
        until = self.clock.seconds + seconds
        leap = max(60.0, seconds / 8)
        while self.clock.seconds < until:
            end = min(until, self.clock.seconds + leap)
            await self.settle(min(leap, 60.0))
            self.clock.seconds = max(self.clock.seconds, end)
            await self.poll()
            if self.clock.seconds - self._swept >= self.waits.resync:
                self._swept = self.clock.seconds
                await self.sweep()
        await self.settle(0.0)

    async def rules(self, collection: str) -> Row:
        """Who may list and view the collection, as it was when first asked."""
        if collection not in self._rules:
            row = (await self.admin.get(f"/api/collections/{collection}")).json()
            self._rules[collection] = {"listRule": row["listRule"], "viewRule": row["viewRule"]}
        return self._rules[collection]

    async def poll(self) -> None:
        """A new list of Coolify; keys whose entry moved are due."""
        await super().poll()
        self.witness.look()

    async def turn(self, key: contract.Key) -> Turn:
        """One key's turn, as a worker takes it."""
        side, before = self.leader, self._acting
        self._acting = side
        try:
            return await self._turn(side, key)
        except Crash:
            if side is self.leader:
                self._acting = None
                await self.restart()
            return Turn(key, error=worlds.CUT)
        finally:
            self._acting = before

    async def _turn(self, side: Side, key: contract.Key) -> Turn:
        handler, turns = side.parts.handlers[key.collection], side.parts.turns
        plan, turn = None, Turn(key, error=worlds.CUT)
        try:
            with anyio.CancelScope() as self.scissors.scope:
                plan = await handler.plan(key)
                self.witness.hears(f"{plan.lines()} {plan.message} {plan.reason} {plan.basis}", "a plan")
                if turns.is_early(plan, self.clock.seconds):
                    return Turn(key, plan)
                if side.reasons():
                    turns.add(key, self.clock.seconds + self.waits.resync)
                    return Turn(key, plan)
                turn = Turn(key, plan, await handler.apply(plan))
        except errors.ListenerError as error:
            self.witness.hears(str(error), "an error")
            turn = Turn(key, plan, error=error)
        self.log.append(turn)
        turns.ended(turn, self.clock.seconds)
        if isinstance(turn.error, errors.Terminal | errors.Transient):
            with suppress(errors.ListenerError):
                await handler.report(key, turn.error)
        self._hear()
        if turn.error is not None:
            self._stand_back(turn.error)
        return turn

    def _stand_back(self, error: errors.ListenerError) -> None:
        """After a global failure everything waits for the probe."""
        if isinstance(error, errors.Global):
            due = self.parts.turns.due
            until = self.clock.seconds + self.waits.breaker_probe + 1.0
            due.update({key: max(moment, until) for key, moment in due.items()})

    # What people do, and what is seen of it.

    async def _send(self, method: str, collection: str, record_id: str, body: Any) -> Row:
        row = await super()._send(method, collection, record_id, body)
        if collection in (records.STACKS, records.TENANTS, ledger.COLLECTION):
            self.witness.told(collection, record_id or row["id"], None if method == "DELETE" else row)
        self.deeds += method != "GET"
        return row

    def seen_database(self, request: httpx.Request, answer: httpx.Response | None) -> None:
        """The witness sees what is asked of PocketBase, and what is kept."""
        if request.url.path != "/api/batch" or b"listener_lease" in request.content:
            return
        if answer is not None:
            self.witness.written(request, answer)
        elif self._acting is not None:
            self.witness.shown(request, self._acting)

    def seen_coolify(self, request: httpx.Request, answer: httpx.Response | None) -> None:
        """The witness sees every call that has an effect."""
        if answer is None and request.method != "GET":
            assert self._acting is not None
            self.coolify.tick()
            lawful.judge(self.witness, request, self._acting)
