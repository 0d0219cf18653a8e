"""The stack handler: observe, desired, decide, apply; and what an error means for its record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from handlers import apply, records, status, steps
from handlers.eyes import STACK_IDS, Eyes
from handlers.stacks import absence, observe, plans
from handlers.stacks.decide import decide
from handlers.stacks.desired import Desired, Want, desired
from handlers.stacks.facts import StackFacts
from listener import contract, errors
from listener.compose.catalog import Catalog

BROKE_OFTEN = 3
"""5xx answers to one unchanged spec, while Coolify answers others, after which it is not tried again."""


class StackHandler:
    """Policy for `agent_stacks`."""

    collection = records.STACKS

    def __init__(
        self,
        *,
        eyes: Eyes,
        catalog: Catalog,
        scribe: steps.Scribe,
        allowed: Callable[[], None],
        on_mass_absence: Callable[[bool], None],
    ) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._scribe = scribe
        self._allowed = allowed
        self._on_mass_absence = on_mass_absence
        self._wanted: dict[str, str] = {}
        self._groups: dict[str, str] = {}

    def group(self, key: contract.Key) -> str:
        """The stack's tenant, as far as known."""
        row = self._eyes.ledger.get(key.id)
        return row.tenant_id if row and row.tenant_id else self._groups.get(key.id, "")

    def noticed(self, change: contract.Change) -> None:
        """A delete event is kept as evidence; everything else is only a reason to look."""
        if change.deleted:
            self._eyes.memory.of(change.key.id).deleted_heard = True

    async def sweep(self) -> Iterable[contract.Key]:
        """Keys whose record, tenant, tier or list entry is not what it was when they were last settled."""
        eyes = self._eyes
        await eyes.catch_up()
        async with eyes.database.proven():
            rows = await eyes.database.list(records.STACKS)
            viewed = await eyes.database.list(STACK_IDS)
            tenants = {row["id"]: records.tenant(row) for row in await eyes.database.list(records.TENANTS)}
            await eyes.read_tiers()
        self._judge_absence({row["id"] for row in rows}, {row["id"] for row in viewed})
        stacks = [records.stack(row) for row in rows]
        self._groups = {stack.id: stack.tenant_id for stack in stacks}
        changed = [stack.id for stack in stacks if self._differs(stack, tenants.get(stack.tenant_id))]
        absent = [row.id for row in eyes.ledger.rows(records.STACKS) if row.id not in self._groups]
        return [contract.Key(self.collection, record_id) for record_id in (*changed, *absent)]

    async def poll(self) -> Iterable[contract.Key]:
        """A new list of Coolify; the keys whose entry is not what it was in the list before."""
        before = self._eyes.view.snapshot.services
        after = (await self._eyes.view.renew()).services
        moved = {uuid for uuid in {*before, *after} if before.get(uuid) != after.get(uuid)}
        owners = [self._eyes.ledger.owner_of(uuid) for uuid in moved]
        return [contract.Key(self.collection, owner) for owner in owners if owner]

    async def plan(self, key: contract.Key) -> contract.Plan:
        """The plan for a stack; a service is read by uuid only when the plan cannot do without."""
        _, _, plan = await self.explain(key)
        return plan

    async def explain(self, key: contract.Key) -> tuple[StackFacts, Want, contract.Plan]:
        """Facts, what is desired, and the plan: the deed's first half, for `plan` and the daemon alike."""
        facts = await observe.observe(self._eyes, key.id)
        want = desired(facts, self._catalog)
        plan = decide(facts, want)
        if plan.reason == plans.NEEDS_LOOK:
            facts = await observe.look(self._eyes, facts)
            plan = decide(facts, want)
        if plan.reason == plans.NEEDS_LOOK:
            plan = contract.Plan(key=key, reason="unproven", again=self._eyes.site.waits.two_looks)
        self._wanted[key.id] = want.hash if isinstance(want, Desired) else ""
        if not plan.steps and plan.again is None:
            self._eyes.memory.of(key.id).settled = _fingerprint(
                facts.record, facts.tenant, facts.tier, facts.entry
            )
        return facts, want, plan

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The plan is carried out and the outcome of this run told."""
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        outcome = await apply.apply(plan, hands=hands, remembered=self._eyes.memory, allowed=self._allowed)
        self._eyes.memory.of(plan.key.id).failures = 0
        return outcome

    async def report(self, key: contract.Key, error: Exception) -> None:
        """The record says in words what ended the run; a refusal of Coolify is remembered for its spec."""
        seen = self._eyes.memory.of(key.id)
        say = self._eyes.site.voice.say
        show: dict[str, Any] = {}
        match error:
            case errors.Refusal():
                show = _failed(error.message, str(error))
            case errors.UpstreamRefusal():
                show = _failed(say("upstream_refused"), str(error))
                seen.refused_hash = self._wanted.get(key.id, "")
                seen.refusal = (error.code, show["message"], show["error_message"])
            case errors.Transient():
                seen.failures += 1
                if self._breaks_on_this(error, seen.failures):
                    show = _failed(say("upstream_refused"), str(error))
                    seen.refused_hash = self._wanted.get(key.id, "")
                    seen.refusal = (error.code, show["message"], show["error_message"])
                elif seen.failures == BROKE_OFTEN:
                    show = {"message": say("waiting_upstream")}
            case errors.ListenerError():
                pass
            case _:
                show = _failed(say("bug"), f"UNEXPECTED · {type(error).__name__} · see the listener's log")
        if show:
            await self._scribe.record(key, show=show)

    def _breaks_on_this(self, error: errors.Transient, failures: int) -> bool:
        """Coolify answers lists, and 5xx to this spec, again and again."""
        lists_answer = self._eyes.view.snapshot.is_complete
        return failures >= BROKE_OFTEN and error.why.startswith("HTTP 5") and lists_answer

    def _judge_absence(self, returned: set[str], viewed: set[str]) -> None:
        eyes, remembered = self._eyes, self._eyes.memory
        rows = [row for row in eyes.ledger.rows(records.STACKS) if row.stage not in ("retained", "closed")]
        expected = frozenset(row.id for row in rows)
        verdict = absence.judge(
            expected=expected,
            returned=frozenset(returned),
            viewed=frozenset(viewed),
            heard=frozenset(i for i in expected if remembered.of(i).deleted_heard),
            since=remembered.absent_since,
            now=remembered.clock(),
            apart=eyes.site.waits.absence,
        )
        remembered.absent_since, remembered.absent_enough = dict(verdict.since), set(verdict.enough)
        self._on_mass_absence(verdict.is_mass)

    def _differs(self, stack: records.StackRecord, tenant: records.TenantRecord | None) -> bool:
        eyes = self._eyes
        row = eyes.ledger.get(stack.id)
        entry = eyes.view.snapshot.services.get(row.service_uuid) if row else None
        tier = eyes.tiers.get(tenant.tier) if tenant else None
        return eyes.memory.of(stack.id).settled != _fingerprint(stack, tenant, tier, entry)


def _failed(message: str, staff: str) -> dict[str, Any]:
    return {"status": str(status.Status.ERROR), "message": message, "error_message": staff}


def _fingerprint(
    stack: records.StackRecord | None,
    tenant: records.TenantRecord | None,
    tier: records.Tier | None,
    entry: object,
) -> object:
    """What a settled stack was settled on; display fields included, so that a wiped one is put back."""
    shown = tenant.model_dump_json(exclude={"display"}) if tenant else ""
    return hash(
        (stack.model_dump_json() if stack else "", shown, tier.model_dump_json() if tier else "", entry)
    )
