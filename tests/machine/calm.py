"""How it must end: everything is repaired, people leave it alone, and it comes to rest where it is wanted."""

from __future__ import annotations

from typing import Any

from handlers import records
from listener.sandbox.standin import state
from tests.machine.coolify import InCoolify

BORN_ELSEWHERE = ("running", "stopped", "deploying")
KNOBS = {"unhealthy": "", "never_start": "", "reachable": True, "job_delay": 1.0}


class Calm(InCoolify):
    """The end of every example."""

    def teardown(self) -> None:
        """Settled, shown as it is, and silent; whatever was broken on the way is told first."""
        try:
            if hasattr(self, "stage"):
                self.nothing_is_broken()
                self.do(self._settle())
                self.nothing_is_broken()
                self.do(self._came_to_rest())
        except AssertionError as error:
            self.tally.broken.append(str(error)[:200])
            raise
        finally:
            self.do(self.exits.aclose())

    async def _settle(self) -> None:
        """Repaired; then staff does, twice, what the records ask of it."""
        await self._repair()
        await self.stage.span(1300.0)
        for _ in range(2):
            for stack in self.live():
                await self._staff(stack)
            await self.stage.span(1300.0)
        await self.stage.settle(200.0)

    async def _repair(self) -> None:
        stage = self.stage
        stage.scissors.set(None)
        stage.coolify.faults.clear()
        stage.mood.calm()
        stage._freeze = None
        stage.coolify.knobs.turn(KNOBS)
        stage.coolify.server.delete_unused_volumes = False
        await stage.coolify.run_jobs()
        for uuid in sorted(stage.witness.edited):
            self.restore(uuid, stage.witness.owner(uuid))
        for tenant in self.tenants:
            await stage.edit(tenant, records.TENANTS, plan_tier="team")
        for stack in self.live():
            await stage.edit(stack, **self._mended(stack))
        for stack in self.stacks if stage.parts.mass[-1:] == [True] else ():
            if stack not in self.rows:
                stage.touch(records.STACKS, stack, deleted=True)

    def _mended(self, stack: str) -> dict[str, Any]:
        """What a person corrects on the record."""
        row, known = self.rows[stack], self.stage.witness.known(stack)
        made, owner = known.get("applied_spec") or {}, known.get("tenant_id")
        is_host = row["template"] == "base-llm" and row["domain"].endswith(".example.org")
        return {
            "config": {"env_vars": self.variables(row["template"])},
            "domain": row["domain"] if is_host and not row["domain"].startswith("portal") else "",
            "resource_limits": None,
            "tenant_id": owner if owner in self.tenants else row["tenant_id"],
            "stack_name": made.get("stack_name") or row["stack_name"],
        }

    async def _staff(self, stack: str) -> None:
        witness, row = self.stage.witness, self.rows[stack]
        known = witness.known(stack)
        verb = "retry"
        if not known:
            verb = "adopt"
        elif known["blocked"].startswith("SERVICE_MISSING"):
            verb = "recreate"
        elif (known["applied_spec"] or {}).get("adopted"):
            verb = "approve"
        elif not known["blocked"]:
            await self.stage.edit(stack, action="retry")
            return
        if verb != "adopt" or row["error_message"].startswith("FOREIGN_BORN"):
            await self._ask(verb, stack)

    async def _ask(self, verb: str, stack: str) -> None:
        row = self.request(verb, stack)
        if row is not None:
            made = await self.stage._send("POST", "listener_requests", "", row)
            self.stage.touch("listener_requests", made["id"])

    async def _came_to_rest(self) -> None:
        stage = self.stage
        for stack in self.live():
            await self._rests(stack)
        for stack in [one for one in self.stacks if one not in self.rows]:
            runs = any(_runs(one) for one in stage.witness.made(stack))
            assert not runs or not stage.witness.known(stack), (stack, "runs without a record")
        before = (stage.witness.acts, stage.witness.writes)
        await stage.sweep()
        await stage.poll()
        for stack in self.stacks:
            stage.touch(records.STACKS, stack)
        await stage.settle(5.0)
        assert before == (stage.witness.acts, stage.witness.writes), ("no silence", stage.log[-4:])

    async def _rests(self, stack: str) -> None:
        """The record's wish has come true, or its record says why not, and that is so."""
        stage, witness = self.stage, self.stage.witness
        row, plan, known = await stage.row(stack), await stage.plan(stack), witness.known(stack)
        found, wish = witness.made(stack), witness.wish(stack)
        runs = any(_runs(one) for one in found)
        where = (wish, row["status"], runs, row["message"], row["error_message"], known)
        code = row["error_message"].partition(" ")[0]
        assert plan.steps == (), (plan.lines(), where)
        if not known:
            born = row["coolify_service_uuid"] or row["status"] in BORN_ELSEWHERE or found
            assert (code == "FOREIGN_BORN" and born) or not runs, where
            return
        named = [
            one for one in stage.coolify.services() if one.name.endswith(f"-{stack}") and one not in found
        ]
        if named and (known["intent"] or {}).get("what") == "create":
            assert (row["status"], code) == ("error", "SERVICE_FOREIGN"), where
            return
        if code == "TENANT_CHANGED":
            assert row["tenant_id"] != known["tenant_id"], where
            return
        assert row["coolify_service_uuid"] == known["service_uuid"], where
        if known["stage"] == "closed":
            assert (row["status"], found) == ("deleted", []), where
        elif wish == "deleted":
            assert (row["status"], runs) == ("deleted", False), where
        elif wish == "suspended":
            assert (row["status"] in ("suspended", "pending"), runs) == (True, False), where
        elif code == "DOMAIN_TAKEN":
            assert any(stack != other and self._holds(other, row["domain"]) for other in self.stacks), where
        else:
            assert (row["status"], runs) == ("running", True), where
            if found[0].uuid not in witness.adoptions:
                self._has_what_it_asked_for(row, found[0])

    def _has_what_it_asked_for(self, row: dict[str, Any], service: state.Service) -> None:
        assert service.uuid == row["coolify_service_uuid"]
        values = {one.key: one.value for one in service.variables}
        asked = row["config"]["env_vars"]
        assert {name: values.get(name) for name in asked} == asked, row
        urls = [part.fqdn for part in service.parts if part.fqdn and row["template"] == "base-llm"]
        wanted = [f"https://{row['domain']}:8080"] if row["domain"] else []
        assert urls == wanted, (row["domain"], urls)

    def _holds(self, stack: str, domain: str) -> bool:
        return bool(self.stage.witness.known(stack).get("domain") == domain)


def _runs(service: state.Service) -> bool:
    return any(part.runs for part in service.parts)
