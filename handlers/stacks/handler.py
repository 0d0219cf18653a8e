"""The stack handler: observe, desired, decide, apply; and what an error means for its record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from handlers import apply, keepsake, memory, naming, records, status, steps
from handlers.asks import Counts
from handlers.books import Books
from handlers.brake import Brake
from handlers.eyes import Eyes
from handlers.rollouts import Rollouts
from handlers.stacks import editions, host_proofs, observe, plans, rest, schedules, sweeping, thinking, unread
from handlers.stacks.desired import Desired, Want
from handlers.stacks.exclusive import Exclusive
from handlers.stacks.facts import StackFacts
from handlers.swept import Swept
from listener import contract, errors
from listener.compose.catalog import Catalog
from listener.coolify import payloads
from listener.coolify.view import Snapshot
from listener.pocketbase.client import quoted

BROKE_OFTEN = 3
"""5xx answers to one unchanged spec, while Coolify answers others, after which it is not tried again."""
SPECLESS = ("stop", rest.STOP_FOR_DELETION, "renamed", "retained")
"""Reasons of plans whose effects do not depend on what is desired: no edit makes Coolify accept them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What the last plan of a key was made for."""

    reason: str = ""
    hash: str = ""


MOST_COUNTED = 200
"""Stacks of a tenant up to which its record follows each of them; of more it is put right by the sweep."""
DOMAIN_HELD = "DOMAIN_HELD"
NO_PROJECT = "Project not found"
"""In Coolify's 404 to a create (4.3.10, ServicesController.php)."""


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
        noted: Callable[[StackFacts, Want, contract.Plan], None] = lambda *_: None,
    ) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._exclusive = Exclusive(catalog)
        self.books = Books(eyes=eyes, catalog=catalog)
        self._rollouts = Rollouts(eyes=eyes, most=eyes.site.rollout)
        self.brake = Brake(eyes=eyes)
        self._shared = thinking.Shared(self.books, self._rollouts, self.brake)
        self._scribe = scribe
        self._allowed = allowed
        self._on_mass_absence = on_mass_absence
        self._noted = noted
        self._runs: dict[str, _Run] = {}
        self._counts: dict[str, Counts] = {}
        self._polled: Snapshot | None = None

    def group(self, key: contract.Key) -> str:
        """The stack's tenant, as far as known."""
        row = self._eyes.ledger.get(key.id)
        return row.tenant_id if row and row.tenant_id else self._eyes.memory.tenant_of.get(key.id, "")

    def noticed(self, change: contract.Change) -> None:
        """A delete event is kept as evidence; everything else is only a reason to look."""
        if change.group:
            self._eyes.memory.tenant_of[change.key.id] = change.group
        self._eyes.memory.swept.heard(change.key.id)
        if change.deleted:
            self._eyes.memory.of(change.key.id).deleted_heard = True

    async def sweep(self) -> Iterable[contract.Key]:
        """Keys whose record, tenant, tier or list entry is not what it was when they were last settled."""
        eyes = self._eyes
        await eyes.catch_up()
        known_before = set(eyes.memory.tenant_of)
        remembered = {row.id for row in eyes.ledger.rows(records.STACKS)}
        seen = await sweeping.sweep(eyes, self.books, self._exclusive)
        self._judge_absence(set(seen.tenant_of), seen.viewed, remembered)
        eyes.memory.learn_tenants(seen.tenant_of, known_before)
        kept = [row.id for row in eyes.ledger.rows(records.STACKS) if not row.is_over]
        absent = [record_id for record_id in kept if record_id not in seen.tenant_of]
        return [contract.Key(self.collection, record_id) for record_id in (*seen.changed, *absent)]

    async def poll(self) -> Iterable[contract.Key]:
        """A new list of Coolify; the keys whose entry is not as at the poll before, or counts now."""
        before = self._polled or self._eyes.view.snapshot
        self._polled = after = await observe.listed(self._eyes)
        was, now = before.services, after.services
        moved = {uuid for uuid in {*was, *now} if was.get(uuid) != now.get(uuid)}
        owners = {self._owner(now.get(uuid) or was[uuid]) for uuid in moved}
        affected = self._eyes.memory.affected(before.requested_at, after.requested_at)
        owners |= {one for one in affected if observe.is_at_end(self._eyes.ledger.get(one), now)}
        return [contract.Key(self.collection, owner) for owner in owners if owner]

    def _owner(self, entry: payloads.ServiceEntry) -> str:
        """The stack whose service this is, or by its name might be, where the ledger knows of none."""
        named = entry.name.rpartition("-")[2]
        is_unborn = named in self._eyes.memory.tenant_of and self._eyes.ledger.get(named) is None
        return self._eyes.ledger.owner_of(entry.uuid) or (named if is_unborn else "")

    async def plan(self, key: contract.Key) -> contract.Plan:
        """The plan for a stack; a service is read by uuid only when the plan cannot do without."""
        with self._eyes.in_one_term():
            try:
                facts, want, plan = await self._quiet(key) or await self.explain(key)
            except errors.UpstreamRefusal as error:
                await unread.must_matter(self._eyes, error)
                raise
        self._noted(facts, want, plan)
        return plan

    async def _quiet(self, key: contract.Key) -> thinking.Thought | None:
        """From the record as swept, if nothing is to be done then; an effect needs one read for it."""
        listed = self._eyes.memory.swept.take(key.id)
        found = await self.explain(key, listed) if listed else None
        return found if found and not found[2].steps else None

    async def explain(self, key: contract.Key, listed: Swept | None = None) -> thinking.Thought:
        """Facts, what is desired, and the plan: the deed's first half, for `plan` and the daemon alike."""
        facts = await self._observed(key.id, listed)
        facts, want, plan = await thinking.think(self._eyes, self._catalog, self._shared, facts)
        until, message, staff = self._eyes.memory.of(key.id).stuck
        if plan.reason in SPECLESS and until > facts.clock:
            plan = plans.blocked(facts, "refused", _failed(message, staff), again=until - facts.clock)
        if isinstance(want, Desired) and not plan.steps and plan.reason == "running":
            plan = await self._scheduled(facts, want, plan)
        if facts.record is not None and thinking.is_in_force(facts, want):
            plan = keepsake.added(plan, facts.ledger, facts.record.spec(), facts.salt)
        host_proofs.seek(self._eyes.memory, facts, want)
        self._exclusive.claim(key.id, is_made=plan.reason == "create")
        wanted = want.hash if isinstance(want, Desired) and plan.reason not in SPECLESS else ""
        self._runs[key.id] = _Run(plan.reason, wanted)
        if not plan.steps and plan.again is None:
            self._eyes.memory.of(key.id).settled = editions.fingerprint(
                facts.record, facts.tenant, facts.tier, facts.entry
            )
        return facts, want, replace(plan, basis=editions.basis(facts))

    async def _scheduled(self, facts: StackFacts, want: Desired, plan: contract.Plan) -> contract.Plan:
        """The plan, or the one that makes its scheduled tasks those of its rows; looked at once a change."""
        seen, proof = self._eyes.memory.of(facts.id), facts.look
        if seen.is_scheduled or (want.schedule is None and seen.is_scheduled is None):
            return plan
        async with self._eyes.database.proven():
            rows = await self._eyes.database.list(schedules.COLLECTION, filter=f"stack_id={quoted(facts.id)}")
        found = [schedules.ScheduleRow.model_validate(row) for row in rows]
        if not isinstance(proof, naming.Proof):
            proof = (await observe.look(self._eyes, facts)).look
        if not isinstance(proof, naming.Proof):
            return plan
        tasks = await self._eyes.coolify.tasks(proof.uuid) if want.schedule else ()
        needed = schedules.decide(facts, proof, want.schedule, found, tasks)
        seen.is_scheduled = needed is None
        return needed or plan

    async def _observed(self, record_id: str, listed: Swept | None) -> StackFacts:
        """The facts, and whether another stack holds what works for one only."""
        await self._exclusive.ready(self._eyes)
        await self.books.ready()
        facts = await observe.observe(self._eyes, record_id, listed)
        self._exclusive.learn(record_id, facts.record)
        self.books.learn(record_id, facts.record, facts.tenant)
        return replace(facts, taken=self._exclusive.taken(record_id, self._eyes))

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The plan is carried out and the outcome of this run told."""
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        try:
            outcome = await apply.apply(
                plan, hands=hands, remembered=self._eyes.memory, allowed=self._allowed
            )
        except errors.UpstreamRefusal as error:
            await unread.must_matter(self._eyes, error)
            if plan.reason == schedules.REASON:
                raise errors.Transient("SCHEDULE_NOT_TAKEN", error.what, why=error.why) from error
            if plan.reason == "create" and error.status == 404 and NO_PROJECT in error.why:
                return await self._doubt_project(plan.key)
            if error.status == 409 and self._is_ours(error.why):
                raise errors.Transient(DOMAIN_HELD, error.what, why=error.why) from error
            raise
        if any(isinstance(step, steps.Restart | steps.Stop) for step in plan.steps):
            self._eyes.view.stir()
        self._eyes.memory.urgent.discard(plan.key.id)
        self.brake.settle(plan.key.id, waits=plan.reason == "braked")
        seen = self._eyes.memory.of(plan.key.id)
        seen.failures = 0
        if any(cast(steps.Act, step).effect for step in plan.steps):
            seen.broken = ("", 0, memory.NEVER)
        ids = {*self.books.relieved(), *self._rollouts.relieved()}
        relieved = (contract.Key(self.collection, one) for one in sorted(ids))
        recounted = self._recounted(plan.key) if plan.again != 0.0 else ()
        return replace(outcome, wakes=(*outcome.wakes, *relieved, *recounted))

    def _recounted(self, key: contract.Key) -> tuple[contract.Key, ...]:
        """The tenant's key, when its stacks fare otherwise than it was last told."""
        tenant_id = self.group(key)
        if not tenant_id or self.books.size(tenant_id) > MOST_COUNTED:
            return ()
        counts = self.books.counts(tenant_id)
        if self._counts.get(tenant_id) == counts:
            return ()
        self._counts[tenant_id] = counts
        return (contract.Key(records.TENANTS, tenant_id),)

    async def report(self, key: contract.Key, error: Exception) -> None:
        """The record says in words what ended the run; a refusal of Coolify is remembered."""
        seen = self._eyes.memory.of(key.id)
        run = self._runs.get(key.id, _Run())
        show: dict[str, Any] = {}
        match error:
            case errors.Refusal():
                show = _failed(error.message, str(error))
            case errors.Transient(code=code) if code == DOMAIN_HELD:
                show = {"message": self._eyes.site.voice.say("waiting_domain")}
            case errors.UpstreamRefusal() if not error.code.startswith("COOLIFY"):
                show = _failed(self._eyes.site.voice.say("not_saved"), str(error))
            case errors.UpstreamRefusal():
                if error.code == "COOLIFY_NOT_FOUND":
                    await self._eyes.prove_team()
                show = self._refused(seen, run, error)
            case errors.Transient():
                show = self._passing(seen, run, error)
            case errors.ListenerError():
                pass
            case _:
                staff = f"UNEXPECTED · {type(error).__name__} · see the listener's log"
                show = _failed(self._eyes.site.voice.say("bug"), staff)
        if show:
            await self._scribe.record(key, show=show)

    async def _doubt_project(self, key: contract.Key) -> contract.Outcome:
        """Somebody removed the tenant's empty project: its handler looks, and makes another."""
        await self._eyes.prove_team()
        tenant_id = self.group(key)
        self._eyes.memory.project_doubts.add(tenant_id)
        return contract.Again(self._eyes.site.waits.project, (contract.Key(records.TENANTS, tenant_id),))

    def _is_ours(self, why: str) -> bool:
        """The domain is held by a service of ours, which is letting it go: tried again by itself."""
        rows = self._eyes.ledger.rows(records.STACKS)
        return any(name in why for row in rows if (name := str(row.made.get("service_name") or "")))

    def _refused(self, seen: memory.Sighting, run: _Run, error: errors.ListenerError) -> dict[str, Any]:
        """Not again with this spec; what depends on none, not again soon."""
        show = _failed(self._eyes.site.voice.say("upstream_refused"), str(error))
        if run.reason in SPECLESS:
            until = self._eyes.memory.clock() + self._eyes.site.waits.slow_retry
            seen.stuck = (until, show["message"], show["error_message"])
        seen.refused_hash = run.hash
        seen.refusal = (error.code, show["message"], show["error_message"])
        return show

    def _passing(self, seen: memory.Sighting, run: _Run, error: errors.Transient) -> dict[str, Any]:
        """Again, soon; but not when Coolify answers lists, and 5xx to this spec, again and again."""
        seen.failures += 1
        if run.hash and error.code.startswith("COOLIFY") and error.why.startswith("HTTP 5"):
            _, count, at = seen.broken if seen.broken[0] == run.hash else ("", 0, memory.NEVER)
            snapshot = self._eyes.view.snapshot
            count += snapshot.is_complete and snapshot.requested_at > at
            seen.broken = (run.hash, count, self._eyes.memory.clock())
            if count >= BROKE_OFTEN:
                return self._refused(seen, run, error)
        return (
            {"message": self._eyes.site.voice.say("waiting_upstream")} if seen.failures >= BROKE_OFTEN else {}
        )

    def _judge_absence(self, returned: set[str], viewed: set[str], before: set[str]) -> None:
        known = self._eyes.ledger.rows(records.STACKS)
        rows = [row for row in known if row.stage != "closed" and row.id in before]
        over = {row.id for row in rows if row.stage == "retained" or row.orphan}
        live = {row.id for row in rows} - over
        judged = self._eyes.judge_absence(records.STACKS, live, returned, viewed, uncounted=over)
        self._on_mass_absence(judged)


def _failed(message: str, staff: str) -> dict[str, Any]:
    return {"status": str(status.Status.ERROR), "message": message, "error_message": staff}
