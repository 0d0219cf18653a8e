"""The request handler: each open request is carried out once, and closed with its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from handlers import apply, claims, naming, records, status, steps
from handlers.eyes import Eyes
from handlers.requests import adopt, copies, emergency, erase, secrets, undelete
from handlers.stacks import drift, observe, verbs
from handlers.stacks.desired import Want
from handlers.stacks.facts import StackFacts
from handlers.stacks.handler import StackHandler
from handlers.tenants import adopt as adoption
from handlers.tenants.survey import survey
from listener import contract, errors
from listener.compose.catalog import Catalog

COLLECTION = "listener_requests"
ADOPT_PROJECT = "adopt_project"
"""The one verb whose target is a tenant."""


class Request(BaseModel):
    """One row of `listener_requests`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    verb: str = ""
    target: str = ""
    arguments: Any = None
    actor: str = ""
    state: str = ""

    def argument(self, name: str) -> str:
        """A text argument, "" when it is not given."""
        given = self.arguments if isinstance(self.arguments, dict) else {}
        return str(given.get(name) or "")


class RequestHandler:
    """Policy for `listener_requests`."""

    collection = COLLECTION

    def __init__(
        self,
        *,
        eyes: Eyes,
        catalog: Catalog,
        stacks: StackHandler,
        scribe: steps.Scribe,
        allowed: Callable[[], None],
    ) -> None:
        self._eyes = eyes
        self._catalog = catalog
        self._bare: set[str] = set()
        self._stacks = stacks
        self._scribe = scribe
        self._allowed = allowed

    def group(self, key: contract.Key) -> str:  # noqa: ARG002
        """Commands share turns with each other."""
        return self.collection

    def noticed(self, change: contract.Change) -> None:
        """A request that was deleted is not carried out."""

    async def sweep(self) -> Iterable[contract.Key]:
        """Every open request."""
        rows = await self._eyes.database.list(COLLECTION, filter="state='open'", fields="id")
        return [contract.Key(COLLECTION, row["id"]) for row in rows]

    async def plan(self, key: contract.Key) -> contract.Plan:
        """The steps of an open request; raises the refusal that closes it."""
        row = await self._eyes.database.get(COLLECTION, key.id)
        request = Request.model_validate(row) if row else None
        if request is None or request.state != "open":
            return contract.Plan(key=key, reason="closed")
        acts, wakes = await self._carried_out(request, key)
        *first, last = acts
        answer = _answer("done", f"{request.verb}: done.") | self._hidden(key)
        closing = replace(cast(steps.Record, last), answer=answer)
        return contract.Plan(key=key, steps=(*first, closing), reason=request.verb, wakes=wakes)

    async def _carried_out(
        self, request: Request, key: contract.Key
    ) -> tuple[tuple[contract.Step, ...], tuple[contract.Key, ...]]:
        """The steps, and whom to look at afterwards."""
        if request.verb in secrets.VERBS:
            self._bare.add(key.id)
            asked = secrets.Asked(
                verb=request.verb,
                target=request.target,
                name=request.argument("name"),
                sealed=request.argument("value"),
                actor=request.actor or "unknown",
                is_forced=bool(request.argument("force")),
            )
            acts = await secrets.acts(self._eyes, self._catalog, asked, key=key)
            return acts, await secrets.wakes(self._eyes, asked)
        if request.verb == ADOPT_PROJECT:
            return await self._project(request), (contract.Key(records.TENANTS, request.target),)
        if request.verb == emergency.VERB:
            return await emergency.acts(self._eyes, request.target, request.actor or "unknown")
        if request.verb == erase.VERB:
            self._bare.add(key.id)
            by = erase.asked(request.actor, request.argument("reason"))
            return await erase.acts(self._eyes, self._stacks, request.target, by)
        if request.verb == undelete.VERB:
            acts = await undelete.acts(self._eyes, request.target, request.actor or "unknown")
            return acts, (*(act.of for act in acts if act.of),)
        target = contract.Key(records.STACKS, request.target)
        facts, want, _ = await self._stacks.explain(target)
        return await self._acts(request, facts, want), (target,)

    def _hidden(self, key: contract.Key) -> dict[str, Any]:
        """Neither a sealed value nor the reason for an erasure stays in a closed request."""
        return {"arguments": None} if key.id in self._bare else {}

    async def apply(self, plan: contract.Plan) -> contract.Outcome:
        """The request is carried out and closed; its stack is looked at."""
        hands = steps.Hands(self._eyes.coolify, self._scribe, plan.key)
        outcome = await apply.apply(plan, hands=hands, remembered=self._eyes.memory, allowed=self._allowed)
        if plan.reason == emergency.VERB:
            self._eyes.memory.urgent.update(woken.id for woken in plan.wakes)
        for woken in plan.wakes:
            self._eyes.memory.effect(woken.id)
            self._eyes.memory.commanded(woken.id, plan.reason, is_stale=False)
        return outcome

    async def report(self, key: contract.Key, error: Exception) -> None:
        """A refused request is closed with the reason; one that failed for a while stays open."""
        if isinstance(error, errors.Terminal):
            await self._scribe.record(key, show=_answer("refused", str(error)) | self._hidden(key))
        elif not isinstance(error, errors.ListenerError):
            await self._scribe.record(key, show=_answer("refused", f"UNEXPECTED · {type(error).__name__}"))

    async def _acts(self, request: Request, facts: StackFacts, want: Want) -> tuple[contract.Step, ...]:
        if request.verb == "adopt" and facts.ledger and drift.is_open(facts.ledger):
            entry = steps.Entry("request.adopt", "done", f"asked by {request.actor or 'unknown'}")
            return (steps.Record(of=facts.key, ledger=drift.accepted(facts.ledger), entry=entry),)
        if request.verb in copies.VERBS:
            return copies.acts(facts, request.verb, request.actor or "unknown", request.argument)
        if request.verb == "adopt":
            return adopt.stack(facts, want, await self._found(request, facts))
        judge = verbs.VERBS.get(request.verb)
        if judge is None:
            others = ("adopt", ADOPT_PROJECT, undelete.VERB, emergency.VERB, erase.VERB)
            known = ", ".join([*verbs.VERBS, *others, *secrets.VERBS, *copies.VERBS])
            raise errors.Refusal(
                "VERB_UNKNOWN", f"There is no request “{request.verb}”.", fix=f"one of {known}"
            )
        show: dict[str, Any] = {}
        if judge is verbs.recreate and facts.ledger is None:
            changes: verbs.Answer = adopt.anew(facts, await self._found(request, facts))
            show = {"status": str(status.Status.PENDING)}
        else:
            changes = judge(facts)
        if changes == "needs_look":
            changes = judge(await observe.look(self._eyes, facts))
        if not isinstance(changes, dict):
            raise errors.Transient("LOOK_FAILED", f"{request.verb}: the service could not be looked at")
        entry = steps.Entry(f"request.{request.verb}", "done", f"asked by {request.actor or 'unknown'}")
        return (steps.Record(of=facts.key, ledger=changes, show=show, entry=entry),)

    async def _found(self, request: Request, facts: StackFacts) -> adopt.Found:
        """The service named by the request, or by the record, or the only one with its marker."""
        eyes, record = self._eyes, facts.record
        named = request.argument("service") or str(
            (record.display if record else {}).get("coolify_service_uuid") or ""
        )
        uuid = named or (facts.marked[0].uuid if len(facts.marked) == 1 else "")
        if not uuid and request.verb == "adopt":
            raise errors.Refusal(
                "ADOPT_REFUSED",
                "Nothing was adopted.",
                why="no service is named",
                fix="name one with --service",
            )
        snapshot = await eyes.view.renew()
        entry, other = snapshot.services.get(uuid), snapshot.others.get(uuid)
        detail = await eyes.coolify.service(uuid) if uuid and other is None else None
        if detail is None:
            await eyes.prove_team()
        said = await claims.read(eyes.database, uuid) if detail else ()
        return adopt.Found(
            uuid=uuid,
            detail=detail,
            server_uuid=entry.server_uuid if entry else "",
            owners=claims.owners(uuid, detail.name, said, eyes.ledger) if detail else (),
            kind=other.kind if other else "",
        )

    async def _project(self, request: Request) -> tuple[contract.Step, ...]:
        """The project that the request names, or the only one that may be the tenant's."""
        eyes, named = self._eyes, request.argument("project")
        tenant = await eyes.tenant(request.target)
        found = await survey(eyes, tenant, await eyes.coolify.projects(), named=named) if tenant else ()
        marker = naming.Marker(eyes.site.inst, request.target)
        row = eyes.ledger.get(request.target)
        chosen = adoption.chosen(tenant, row, found, marker=marker, named=named)
        return adoption.project(tenant, chosen, marker, eyes.now().isoformat()) if tenant else ()


def _answer(state: str, result: str) -> dict[str, Any]:
    return {"state": state, "result": result[:5000], "done_at": status.stamp(datetime.now(UTC))}
