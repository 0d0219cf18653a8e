"""The tenant handler: its record's display, and the one place that makes Coolify projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

from handlers import apply, keepsake, records, status, steps
from handlers.books import Books
from handlers.eyes import ID_VIEWS, Eyes
from handlers.tenants import removal
from handlers.tenants.decide import FOREIGN, decide, window_ends
from handlers.tenants.facts import TenantFacts
from handlers.tenants.survey import survey
from listener import contract, errors
from listener.pocketbase.client import quoted


class TenantHandler:
    """Policy for `tenants`."""

    collection = records.TENANTS

    def __init__(
        self, *, eyes: Eyes, scribe: steps.Scribe, allowed: Callable[[], None], books: Books
    ) -> None:
        self._eyes = eyes
        self._books = books
        self._scribe = scribe
        self._allowed = allowed
        self._settled: dict[str, str] = {}
        self._editions: dict[str, int] = {}
        self._refused: dict[str, int] = {}

    def group(self, key: contract.Key) -> str:
        """The tenant itself."""
        return key.id

    def noticed(self, change: contract.Change) -> None:
        """A delete event is kept as evidence. It cascades to the stacks, which are told by their own."""
        self._eyes.memory.swept.heard(change.key.id)
        if change.deleted:
            self._eyes.memory.of(change.key.id).deleted_heard = True

    async def sweep(self) -> Iterable[contract.Key]:
        """Tenants whose record is not what it was when they were last looked at, and those that are gone."""
        eyes = self._eyes
        await eyes.catch_up()
        remembered = {row.id for row in eyes.ledger.rows(records.TENANTS)}
        async with eyes.database.proven():
            rows = await eyes.database.list(records.TENANTS)
            viewed = await eyes.database.list(ID_VIEWS[records.TENANTS])
            using = {row["tenant_id"] for row in await eyes.database.list(records.STACKS, fields="tenant_id")}
            tenants, seen = {row["id"]: records.tenant(row) for row in rows}, {row["id"] for row in viewed}
            await eyes.read_tombstones(records.TENANTS, tenants.keys() | seen)
        known = eyes.ledger.rows(records.TENANTS)
        using |= {row.id for row in known}
        sure = (row for row in known if row.id in remembered)
        live = {row.id for row in sure if row.project_uuid and row.stage != removal.CLOSED}
        eyes.judge_absence(records.TENANTS, live, set(tenants), seen)
        for tenant_id in using & tenants.keys():
            # Its stacks are compared with this or a later record, right after this.
            looked = eyes.memory.of(tenant_id)
            looked.settled = tenants[tenant_id].edition() if looked.settled is None else looked.settled
        changed = [
            tenant.id
            for tenant in tenants.values()
            if (tenant.id in using and self._settled.get(tenant.id) != tenant.model_dump_json())
            or self._wants_project(tenant.id)
        ]
        return [contract.Key(self.collection, i) for i in (*changed, *sorted(live - tenants.keys()))]

    async def plan(self, key: contract.Key) -> contract.Plan:
        """The plan for a tenant; Coolify is asked for projects only while it depends on them."""
        eyes = self._eyes
        await eyes.ledger.sure(key.id, eyes.database)
        record = await eyes.tenant(key.id)
        self._editions[key.id] = record.edition() if record else 0
        facts = await self._facts(key.id, record)
        if removal.asks(facts) or (record is not None and self._asks(facts, record)):
            facts = await self._with_projects(facts)
        plan = decide(facts)
        if record is not None:
            plan = keepsake.added(plan, facts.ledger, record.whole, eyes.site.inst)
        if record is not None and not plan.steps:
            self._settled[key.id] = record.model_dump_json()
        return replace(plan, basis=f"{self._editions[key.id]} {facts.is_wished} {facts.is_doubted}")

    def _asks(self, facts: TenantFacts, record: records.TenantRecord) -> bool:
        """Coolify's projects are needed: for a stack that waits, or because the ledger may be lost."""
        is_lost = facts.ledger is None and bool(record.display.get("coolify_project_uuid"))
        return not facts.refusal and (facts.is_wished or is_lost)

    async def _facts(self, tenant_id: str, record: records.TenantRecord | None) -> TenantFacts:
        eyes = self._eyes
        seen, row = eyes.memory.of(tenant_id), eyes.ledger.get(tenant_id)
        gone = False
        if record is not None:
            seen.deleted_heard = False
        elif row is not None and row.project_uuid and row.stage != removal.CLOSED:
            gone = await eyes.is_gone(records.TENANTS, tenant_id)
        stacks = eyes.ledger.rows(records.STACKS)
        is_refused = self._refused.get(tenant_id) == self._editions[tenant_id]
        return TenantFacts(
            id=tenant_id,
            now=eyes.now(),
            clock=eyes.memory.clock(),
            began_at=eyes.memory.began_at,
            effect_at=seen.effect_at,
            site=eyes.site,
            record=record,
            ledger=row,
            gone=gone,
            live=sum(stack.tenant_id == tenant_id and stack.stage != "closed" for stack in stacks),
            is_wished=self._wants_project(tenant_id),
            is_doubted=tenant_id in eyes.memory.project_doubts,
            kept_until=seen.stuck[0],
            projects=(),
            projects_at=eyes.memory.clock(),
            unmarked_since=None,
            stacks=await self._stacks_to_wake(record),
            has_stacks=record is None or row is not None or await self._has_stacks(tenant_id),
            counted=await self._counted(tenant_id),
            refusal=eyes.site.voice.say("upstream_refused") if is_refused and record else "",
        )

    async def _with_projects(self, facts: TenantFacts) -> TenantFacts:
        """The facts with our team's list of projects, and since when it lacks what should be there."""
        seen, asked_at = self._eyes.memory.of(facts.id), self._eyes.memory.clock()
        found = tuple(await self._eyes.coolify.projects())
        facts = replace(facts, projects=found, projects_at=asked_at)
        if not facts.marked:
            await self._eyes.prove_team()
        if not facts.marked and asked_at >= window_ends(facts):
            seen.unmarked_since = seen.unmarked_since or asked_at
        if facts.project is not None:
            seen.strange_since = None
            self._eyes.memory.project_doubts.discard(facts.id)
        elif removal.asks(facts) and asked_at > facts.effect_at:
            seen.strange_since = seen.strange_since or asked_at
        record, old = facts.record, facts.old
        if record is not None and facts.is_wished and facts.ledger is None and not facts.marked:
            old = tuple(one for one in await survey(self._eyes, record, found) if not one.strangers)
        return replace(
            facts,
            old=old,
            unmarked_since=None if facts.marked else seen.unmarked_since,
            missing_since=seen.strange_since,
            is_doubted=facts.id in self._eyes.memory.project_doubts,
        )

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The plan is carried out; stacks that waited for the project are woken when it is there."""
        memory, tenant_id = self._eyes.memory, plan.key.id
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        outcome = await apply.apply(plan, hands=hands, remembered=memory, allowed=self._allowed)
        if plan.blocked == FOREIGN:
            is_told = tenant_id in memory.project_holds
            memory.project_holds.add(tenant_id)
            return outcome if is_told else replace(outcome, wakes=await self._stack_keys(tenant_id))
        memory.project_holds.discard(tenant_id)
        row = self._eyes.ledger.get(tenant_id)
        if row is None or not row.project_uuid:
            memory.project_doubts.discard(tenant_id)
            return outcome
        if tenant_id in memory.project_wishes and tenant_id not in memory.project_doubts:
            memory.project_wishes.discard(tenant_id)
            waiting = await self._stack_keys(tenant_id)
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
                seen = self._eyes.memory.of(key.id)
                seen.stuck = (
                    self._eyes.memory.clock() + self._eyes.site.waits.slow_retry,
                    message,
                    str(error),
                )
                self._refused[key.id] = self._editions.get(key.id, 0)
            case errors.ListenerError():
                return
            case _:
                message = say("bug")
        await self._scribe.record(key, show={"listener_status": "blocked", "listener_message": message})

    async def _counted(self, tenant_id: str) -> str:
        await self._books.ready()
        counts = asdict(self._books.counts(tenant_id))
        return status.counted(self._eyes.site.voice, counts, counts.pop("lacks"))

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

    async def _has_stacks(self, tenant_id: str) -> bool:
        condition = f"tenant_id={quoted(tenant_id)}"
        return await self._eyes.database.page_first(records.STACKS, condition) is not None

    async def _stack_keys(self, tenant_id: str) -> tuple[contract.Key, ...]:
        rows = await self._eyes.database.list(
            records.STACKS, filter=f"tenant_id={quoted(tenant_id)}", fields="id"
        )
        self._eyes.memory.tenant_of.update((row["id"], tenant_id) for row in rows)
        return tuple(contract.Key(records.STACKS, row["id"]) for row in rows)
