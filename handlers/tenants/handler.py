"""The tenant handler: its record's display, and the one place that makes Coolify projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from handlers import apply, records, steps
from handlers.eyes import Eyes
from handlers.tenants.decide import TenantFacts, decide, window_ends
from listener import contract, errors
from listener.pocketbase.client import quoted


class TenantHandler:
    """Policy for `tenants`."""

    collection = records.TENANTS

    def __init__(self, *, eyes: Eyes, scribe: steps.Scribe, allowed: Callable[[], None]) -> None:
        self._eyes = eyes
        self._scribe = scribe
        self._allowed = allowed
        self._settled: dict[str, str] = {}
        self._editions: dict[str, int] = {}
        self._refused: dict[str, int] = {}

    def group(self, key: contract.Key) -> str:
        """The tenant itself."""
        return key.id

    def noticed(self, change: contract.Change) -> None:
        """A tenant's delete cascades to its stacks, which are told by their own events."""

    async def sweep(self) -> Iterable[contract.Key]:
        """Tenants whose record is not what it was when they were last looked at."""
        await self._eyes.catch_up()
        rows = await self._eyes.database.list(records.TENANTS)
        tenants = [records.tenant(row) for row in rows]
        return [
            contract.Key(self.collection, tenant.id)
            for tenant in tenants
            if self._settled.get(tenant.id) != tenant.model_dump_json() or self._wants_project(tenant.id)
        ]

    async def plan(self, key: contract.Key) -> contract.Plan:
        """The plan for a tenant; Coolify is asked for projects only while a stack waits for one."""
        eyes = self._eyes
        await eyes.ledger.sure(key.id, eyes.database)
        record = await eyes.tenant(key.id)
        seen = eyes.memory.of(key.id)
        wished = self._wants_project(key.id)
        self._editions[key.id] = record.edition() if record else 0
        is_refused = self._refused.get(key.id) == self._editions[key.id]
        projects_at = eyes.memory.clock()
        asks = wished and record is not None and not is_refused
        projects = tuple(await eyes.coolify.projects()) if asks else ()
        facts = TenantFacts(
            id=key.id,
            now=eyes.now(),
            clock=eyes.memory.clock(),
            began_at=eyes.memory.began_at,
            effect_at=seen.effect_at,
            site=eyes.site,
            record=record,
            ledger=eyes.ledger.get(key.id),
            is_wished=wished,
            projects=projects,
            projects_at=projects_at,
            unmarked_since=None,
            stacks=await self._stacks_to_wake(record),
            refusal=eyes.site.voice.say("upstream_refused") if is_refused else "",
        )
        if asks and not facts.marked and projects_at >= window_ends(facts):
            seen.unmarked_since = seen.unmarked_since or projects_at
            facts = replace(facts, unmarked_since=seen.unmarked_since)
        plan = decide(facts)
        if record is not None and not plan.steps:
            self._settled[key.id] = record.model_dump_json()
        return replace(plan, basis=f"{self._editions[key.id]} {wished}")

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The plan is carried out; stacks that waited for the project are woken when it is there."""
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        outcome = await apply.apply(plan, hands=hands, remembered=self._eyes.memory, allowed=self._allowed)
        row = self._eyes.ledger.get(plan.key.id)
        if row is not None and row.project_uuid and plan.key.id in self._eyes.memory.project_wishes:
            self._eyes.memory.project_wishes.discard(plan.key.id)
            waiting = await self._stack_keys(plan.key.id)
            return replace(outcome, wakes=(*outcome.wakes, *waiting))
        return outcome

    async def report(self, key: contract.Key, error: Exception) -> None:
        """The tenant's record says what keeps its project from being made; a refusal is remembered."""
        say = self._eyes.site.voice.say
        match error:
            case errors.Refusal():
                message = error.message
            case errors.UpstreamRefusal() if not error.code.startswith("COOLIFY"):
                message = say("not_saved")
            case errors.UpstreamRefusal():
                message = say("upstream_refused")
                self._refused[key.id] = self._editions.get(key.id, 0)
            case errors.ListenerError():
                return
            case _:
                message = say("bug")
        await self._scribe.record(key, show={"listener_status": "blocked", "listener_message": message})

    def _wants_project(self, tenant_id: str) -> bool:
        row = self._eyes.ledger.get(tenant_id)
        if row is not None and row.project_uuid:
            return False
        return tenant_id in self._eyes.memory.project_wishes or bool(row and row.intent)

    async def _stacks_to_wake(self, record: records.TenantRecord | None) -> tuple[str, ...]:
        """The tenant's stacks, when something that they depend on is not what it was."""
        if record is None:
            return ()
        seen = self._eyes.memory.of(record.id)
        if seen.settled == record.edition():
            return ()
        seen.settled = record.edition()
        return tuple(key.id for key in await self._stack_keys(record.id))

    async def _stack_keys(self, tenant_id: str) -> tuple[contract.Key, ...]:
        rows = await self._eyes.database.list(
            records.STACKS, filter=f"tenant_id={quoted(tenant_id)}", fields="id"
        )
        return tuple(contract.Key(records.STACKS, row["id"]) for row in rows)
