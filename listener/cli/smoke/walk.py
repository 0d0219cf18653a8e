"""The walk of a smoke test: one stack from its provision to its deletion, each phase with its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, dataclass, field

import anyio

from handlers import ledger, status
from handlers.stacks import desired, unborn
from listener import errors, sight
from listener.cli import deploy, idle, reach, rows, show, wait
from listener.cli.smoke import marker, order, route
from listener.compose.template import Template

PROMISE = 300.0
"""Seconds within which a new stack runs."""
DONE, FAILED, UNTRIED = "done", "failed", "not tried"
REFUSED = (*desired.KEPT, *unborn.SMALL)
"""Codes on a record that was not admitted."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase, and how it ended after how many seconds."""

    phase: str
    outcome: str
    seconds: float
    told: str

    def json(self) -> dict[str, object]:
        """Every field, by name."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.outcome:<9}  {self.phase:<10}{self.seconds:7.1f} s   {self.told}"


@dataclass(slots=True)
class Walk:
    """One smoke test under way; `phases` grows as they end."""

    here: idle.Idle
    mark: marker.Mark
    order: order.Order
    template: Template
    variables: dict[str, str]
    phases: list[Phase] = field(default_factory=list)
    has_written: bool = False
    """There may be something to clean up."""

    async def run(self) -> None:
        """Every phase was gone through; raises what ended the first that was not."""
        manifest = self.template.manifest
        await self._judge()
        await self._phase("provision", self._provision)
        if untried := route.untried(self.here, manifest):
            self._told(Phase("route", UNTRIED, 0.0, untried))
        else:
            await self._phase("route", self._route)
        await self._phase("suspend", self._suspend)
        await self._phase("resume", self._resume)
        await self._phase("update", self._update)
        await self._phase("delete", self._delete)

    @property
    def provisioned(self) -> float | None:
        """Seconds until the stack ran; None when it never did."""
        return next(
            (one.seconds for one in self.phases if (one.phase, one.outcome) == ("provision", DONE)), None
        )

    async def _judge(self) -> None:
        """The daemon's own code would admit it now; raises what refuses it."""
        draft = order.draft(self.mark, self.order, self.variables)
        facts, want, plan = await deploy.judged(self.here, draft)
        _must_be_admitted(want, plan.message)
        deploy.must_run(self.here, facts, plan)
        self.here.database.rows.clear()

    async def _provision(self) -> str:
        draft = order.draft(self.mark, self.order, self.variables)
        self.has_written = True
        with anyio.CancelScope(shield=True):
            if self.here.is_untouched:
                await sight.accept(self.here.app.writer)
            await self.here.app.writer.commit(draft.writes)
        try:
            stack = await self._until(status.Status.RUNNING)
        except errors.Terminal as error:
            if error.code == "NOT_FINISHED":
                _, want, plan = await self.here.explain(self.mark.stack_id)
                _must_be_admitted(want, plan.message)
            raise
        return f"{stack.name} runs" + (f", {stack.health}" if stack.health else "")

    async def _route(self) -> str:
        web = self.template.manifest.web
        path = web.health_path if web else "/"
        return await route.answers(self.here, self.mark.stack_id, path, seconds=self.order.timeout)

    async def _suspend(self) -> str:
        await self._wish(desired_state="suspended")
        return (await self._until(status.Status.SUSPENDED)).message

    async def _resume(self) -> str:
        await self._wish(desired_state="running")
        return (await self._until(status.Status.RUNNING)).message

    async def _update(self) -> str:
        """An edit was sent; where the template takes none, everything was sent again."""
        changed = order.change(self.template.manifest, self.variables)
        if changed is None:
            await self._wish(action="redeploy")
            await self._until(status.Status.RUNNING)
            return "sent again as it is: the template has nothing to edit"
        before = await self._hash()
        await self._wish(config={"env_vars": changed}, action="reconcile")
        await self._until(status.Status.RUNNING)
        if await self._hash() == before:
            raise errors.Terminal(
                "SMOKE_NOT_UPDATED",
                "the edit did not reach Coolify",
                why="the ledger's hash of what was sent is as before",
                fix=f"`cloudfreedom explain {self.mark.stack_id}` says why",
            )
        return f"{', '.join(sorted(changed.keys() - self.variables.keys()))} set and sent"

    async def _delete(self) -> str:
        await self._wish(desired_state="deleted")
        return (await self._until(status.Status.DELETED)).message

    async def _wish(self, **fields: object) -> None:
        await reach.patch(self.here.database, self.mark.stack_id, **fields)

    async def _hash(self) -> str:
        row = await self.here.database.get(ledger.COLLECTION, self.mark.stack_id)
        return ledger.LedgerRow.read(row).applied_hash if row else ""

    async def _until(self, *until: status.Status) -> rows.Stack:
        """The stack when it shows one of these; raises when it shows an error, or the time is up."""
        words: Collection[str] = tuple(map(str, until))
        stack = await wait.Watch(self.here.database, self.mark.stack_id, self.order.timeout, words).settled()
        code = stack.error_message.partition(" · ")[0]
        if stack.status == status.Status.ERROR and code in REFUSED:
            raise not_admitted(stack.message)
        if stack.status not in words or stack.health == status.Health.UNHEALTHY:
            raise errors.Terminal(
                "SMOKE_FAILED",
                f"{stack.name} shows {stack.status}, {stack.health}: {stack.message}",
                why=stack.error_message,
            )
        return stack

    async def _phase(self, name: str, deed: Callable[[], Awaitable[str]]) -> None:
        """Whatever ends the phase is noted with its time, and goes on."""
        began, outcome, told = anyio.current_time(), FAILED, "interrupted"
        try:
            told = await deed()
            outcome = DONE
        except errors.ListenerError as error:
            told = f"{error.code}: {error.what}"
            raise
        finally:
            self._told(Phase(name, outcome, round(anyio.current_time() - began, 1), told))

    def _told(self, phase: Phase) -> None:
        self.phases.append(phase)
        show.line(str(phase))


def not_admitted(why: str) -> errors.Refusal:
    """The refusal of a smoke test for which there is no room."""
    return errors.Refusal(
        "SMOKE_NOT_ADMITTED",
        "There is no room for the smoke test, so it was not made.",
        why=why,
        fix="`cloudfreedom capacity` shows the room; choose a smaller --template or another --tier",
    )


def _must_be_admitted(want: desired.Want, message: str) -> None:
    """It does not wait for room; secrets to be made, or a domain to be looked up, are no such wait."""
    if isinstance(want, desired.Waiting) and not isinstance(want, desired.Unmade | desired.Unproven):
        raise not_admitted(message)
