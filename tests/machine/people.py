"""People and their records."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from handlers import ledger, records
from tests.machine.cast import WHO, Cast, event

DOMAINS = st.sampled_from(["", "one.example.org", "two.example.org", "Bad_Domain:80", "portal.example.org"])
FORGED = (
    "status",
    "health",
    "message",
    "error_message",
    "coolify_project_uuid",
    "purge_after",
    "template_version",
)
NOT_IN_FORMS = ("id", "created", "updated", "collectionId", "collectionName", "expand", "action")


class People(Cast):
    """Who owns stacks, and who works for them."""

    @event(web=st.booleans(), domain=DOMAINS, tenant=WHO, status=st.sampled_from(["pending", "error"]))
    def create(self, web: bool, domain: str, tenant: int, status: str) -> None:
        self.met = []
        if sum(row["status"] != "deleted" for row in self.rows.values()) >= 4:
            return
        if not self.tenants:
            self.tenants.append(self.do(self.stage.tenant()))
        owner = self.tenants[tenant % len(self.tenants)]
        made = self.add(
            "base-llm" if web else "telegram-bot", owner, domain=domain if web else "", status=status
        )
        self.do(made)

    @event(who=WHO, domain=DOMAINS)
    def edit_domain(self, who: int, domain: str) -> None:
        self.save(self.pick(who, self.live()), domain=domain)

    @event(who=WHO, more=st.dictionaries(st.sampled_from(["MODEL", "MAX_TOKENS"]), st.just("9"), max_size=2))
    def edit_config(self, who: int, more: dict[str, str]) -> None:
        if stack := self.pick(who, self.live()):
            extra = more if self.rows[stack]["template"] == "telegram-bot" else {}
            self.save(stack, config={"env_vars": self.variables(self.rows[stack]["template"]) | extra})

    @event(
        who=WHO,
        config=st.sampled_from([None, [], {"env_vars": []}, {"env_vars": {"API_KEY": ""}}, "text", 7]),
    )
    def edit_badly(self, who: int, config: Any) -> None:
        self.save(self.pick(who, self.live()), config=config)

    @event(who=WHO, memory=st.sampled_from(["", "96M", "64M", "9G", "much"]))
    def edit_limits(self, who: int, memory: str) -> None:
        if stack := self.pick(who, self.live()):
            part = "web" if self.rows[stack]["template"] == "base-llm" else "bot"
            self.save(stack, resource_limits={part: {"memory": memory}} if memory else None)

    @event(who=WHO, seconds=st.sampled_from([0.0, 2.0, 30.0]), back=st.booleans())
    def edit_name(self, who: int, seconds: float, back: bool) -> None:
        if stack := self.pick(who, self.live()):
            name = self.rows[stack]["stack_name"]
            self.save(stack, stack_name=f"x{next(self.numbers)}")
            self.do(self.stage.settle(seconds))
            if back and stack in self.rows:
                self.save(stack, stack_name=name)

    @event(who=WHO, seconds=st.sampled_from([0.0, 2.0, 30.0]))
    def edit_tenant(self, who: int, seconds: float) -> None:
        """To another tenant and back, which is all that can ever be done about it."""
        if (stack := self.pick(who, self.live())) and len(self.tenants) > 1:
            owner = self.rows[stack]["tenant_id"]
            self.save(stack, tenant_id=next(one for one in self.tenants if one != owner))
            self.do(self.stage.settle(seconds))
            self.save(stack, tenant_id=owner)

    @event(who=WHO, seconds=st.sampled_from([0.0, 2.0, 30.0]))
    def edit_there_and_back(self, who: int, seconds: float) -> None:
        if stack := self.pick(who, self.live()):
            before = self.rows[stack]
            self.save(stack, config={"env_vars": self.variables(before["template"])}, domain="")
            self.do(self.stage.settle(seconds))
            self.save(stack, config=before["config"], domain=before["domain"])

    @event(who=WHO)
    def suspend(self, who: int) -> None:
        self.save(self.pick(who, self.live()), desired_state="suspended")

    @event(who=WHO)
    def resume(self, who: int) -> None:
        """Out of suspension, or of deletion."""
        self.save(self.pick(who, self.live()), desired_state="running")

    @event(who=WHO)
    def delete_softly(self, who: int) -> None:
        self.save(self.pick(who, self.live()), desired_state="deleted")

    @event(who=WHO, hold=st.sampled_from(["", "", "unpaid"]))
    def hold(self, who: int, hold: str) -> None:
        self.save(self.pick(who, self.live()), hold=hold)

    @event(who=WHO, heard=st.booleans())
    def delete_hard(self, who: int, heard: bool) -> None:
        if stack := self.pick(who, self.live()):
            self.buried[stack] = dict(self.rows[stack])
            self.do(self.stage.remove(stack, heard=heard))

    @event(who=WHO, late=st.booleans())
    def undelete(self, who: int, late: bool) -> None:
        """The record is back under its id; the news of its deletion may come after it."""
        stack = self.pick(who, [one for one in self.buried if self.buried[one]["tenant_id"] in self.tenants])
        if stack is not None:
            row = self.buried.pop(stack)
            fields = {name: value for name, value in row.items() if name not in NOT_IN_FORMS[1:]}
            state = row["desired_state"].replace("deleted", "running")
            self.do(self.stage._send("POST", records.STACKS, "", fields | {"desired_state": state}))
            self.stage.touch(records.STACKS, stack)
            if late:
                self.stage.touch(records.STACKS, stack, deleted=True)

    @event(who=WHO)
    def hear_of_a_deletion(self, who: int) -> None:
        """An event that is not true (any more): the record is there."""
        if stack := self.pick(who, self.live()):
            self.stage.touch(records.STACKS, stack, deleted=True)

    @event(
        who=WHO, action=st.sampled_from(["restart", "redeploy", "reconcile", "retry", "recreate", "purge"])
    )
    def act(self, who: int, action: str) -> None:
        self.save(self.pick(who, self.live()), action=action)

    @event(who=WHO, fields=st.sets(st.sampled_from([*FORGED, "coolify_service_uuid"]), min_size=1))
    def wipe_display(self, who: int, fields: set[str]) -> None:
        wiped = dict.fromkeys(fields, "") | ({"status": "pending"} if "status" in fields else {})
        self.save(self.pick(who, self.live()), **wiped)

    @event(
        who=WHO, other=WHO, status=st.sampled_from(["running", "suspended", "deleted", "error", "stopped"])
    )
    def forge_display(self, who: int, other: int, status: str) -> None:
        services = [one.uuid for one in self.stage.coolify.services()]
        uuid = services[other % len(services)] if services else "x" * 24
        self.save(self.pick(who, self.live()), status=status, coolify_service_uuid=uuid, message="forged")

    @event(who=WHO)
    def save_a_stale_form(self, who: int) -> None:
        """All fields as an open form still shows them, the displayed ones included."""
        if stack := self.pick(who, self.live()):
            form, self.forms[stack] = self.forms[stack], dict(self.rows[stack])
            fields = {name: value for name, value in form.items() if name not in NOT_IN_FORMS}
            if not fields["desired_state"] or fields["tenant_id"] not in self.tenants:
                fields.pop("desired_state")
                fields.pop("tenant_id")
            self.save(stack, **fields)

    @event(
        tenant=WHO, status=st.sampled_from(["active", "active", "active", "inactive", "suspended", "pending"])
    )
    def change_tenant_status(self, tenant: int, status: str) -> None:
        self._tenant(tenant, status=status)

    @event(tenant=WHO, tier=st.sampled_from(["", "starter", "team", "business", "sovereign"]))
    def change_tenant_tier(self, tenant: int, tier: str) -> None:
        self._tenant(tenant, plan_tier=tier)

    @event(tenant=WHO, hold=st.sampled_from(["", "", "", "unpaid"]))
    def hold_tenant(self, tenant: int, hold: str) -> None:
        self._tenant(tenant, hold=hold)

    @event(tenant=WHO, heard=st.booleans(), sure=st.integers(0, 3))
    def delete_tenant(self, tenant: int, heard: bool, sure: int) -> None:
        """Its stacks go with it; one event in four is meant, or no stack would grow old."""
        if not self.tenants or sure:
            return
        gone = self.tenants.pop(tenant % len(self.tenants))
        stacks = [stack for stack in self.live() if self.rows[stack]["tenant_id"] == gone]
        self.do(self.stage.remove(gone, records.TENANTS, heard=heard))
        for stack in stacks if heard else ():
            self.stage.touch(records.STACKS, stack, deleted=True)

    @event(share=st.sampled_from(["stacks", "tenants", "all"]))
    def lose_the_ledger(self, share: str) -> None:
        """A backup was restored; staff accepted it. What cannot be told from the markers stays known."""
        rows = self.stage.witness.of(ledger.COLLECTION)
        lost = [i for i, row in rows.items() if share in (row["kind"].replace("agent_", ""), "all")]
        for one in [i for i in lost if rows[i]["kind"] == records.TENANTS or self._can_be_told(i)]:
            self.do(self.stage.remove(one, ledger.COLLECTION, heard=False))
        self.do(self.stage.restart())

    def _can_be_told(self, stack: str) -> bool:
        witness = self.stage.witness
        (service,) = witness.made(stack)[:1] or (None,)
        whole = service is not None and service.description == witness.marker(stack)
        name = (witness.known(stack).get("applied_spec") or {}).get("service_name")
        twins = [one for one in witness.coolify.world.services if one.name == name]
        return bool(whole and twins == [service])

    def _tenant(self, tenant: int, **fields: Any) -> None:
        if self.tenants:
            self.do(self.stage.edit(self.tenants[tenant % len(self.tenants)], records.TENANTS, **fields))
