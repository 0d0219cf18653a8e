"""Stacks that have no service yet, or are not known to: create once, settle what is ambiguous, adopt.

The listener creates a service only for a record whose ledger has never known one. The intent is written
before the call; after a lost answer nothing is created until the settle window has passed and two lists show
no marker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from handlers import keepsake, naming, projects, records, steps
from handlers.placement import Placed
from handlers.stacks import plans
from handlers.stacks.desired import KEPT, Desired, Refused, Waiting, Want, Wish
from handlers.stacks.facts import StackFacts
from handlers.status import Health, Status
from listener import contract
from listener.coolify import payloads

SMALL = ("SERVER_TOO_SMALL", "SERVER_SWARM")
"""Refusals that end when a server is added or becomes larger."""
TAKEN = ("DOMAIN_TAKEN", "VARIABLE_TAKEN")
"""Refusals that end when another stack gives something up: looked at again without an edit."""


def decide(facts: StackFacts, want: Want, wanted: Wish) -> contract.Plan:
    """The plan for a stack without a service."""
    match wanted:
        case Wish.DELETED:
            return close(facts)
        case Wish.NOTHING:
            return plans.settled(
                facts, "pending_tenant", plans.shown(facts, Status.PENDING, "pending_tenant")
            )
        case Wish.SUSPENDED:
            return plans.settled(
                facts, "suspended_unborn", plans.shown(facts, Status.SUSPENDED, "suspended_unborn")
            )
        case Wish.RUNNING:
            return _provision(facts, want)
        case _:
            return plans.waiting(facts, "waiting_upstream", seconds=facts.site.waits.resync)


def _provision(facts: StackFacts, want: Want) -> contract.Plan:
    record, tenant = facts.record, facts.tenant
    if isinstance(want, Refused):
        return refusal(facts, want)
    if isinstance(want, Waiting) or record is None or tenant is None:
        code = want.code if isinstance(want, Waiting) else "waiting_project"
        values = dict(want.values) if isinstance(want, Waiting) else {}
        return plans.waiting(facts, code, seconds=facts.site.waits.resync, **values)
    if facts.refused_hash == want.hash:
        return refusal(facts, Refused(*facts.refusal))
    if not facts.list_is_complete:
        return plans.waiting(facts, "waiting_list", seconds=facts.site.waits.poll_busy)
    if not facts.project_uuid:
        return _wait_for_project(facts, tenant)
    return _create(facts, record, tenant, want)


def _wait_for_project(facts: StackFacts, tenant: records.TenantRecord) -> contract.Plan:
    """The tenant's handler makes the project, or a person says what becomes of an older one."""
    show, code = {}, "waiting_project"
    if facts.is_project_held:
        code = "project_held"
        staff = (
            "PROJECT_FOREIGN · Coolify has a project that may be the tenant's and is not the listener's "
            f"· nothing is created in it, and no second one · run `cloudfreedom adopt --tenant {tenant.slug}`"
        )
        show = {"message": facts.say(code), "error_message": staff}
    made = plans.plan(
        facts,
        "waiting_project",
        (projects.WishProject(tenant.id),),
        show,
        again=facts.site.waits.resync,
        wakes=(contract.Key(records.TENANTS, tenant.id),),
    )
    return replace(made, message=facts.say(code))


def _create(
    facts: StackFacts, record: records.StackRecord, tenant: records.TenantRecord, want: Desired
) -> contract.Plan:
    name = naming.service_name(tenant.slug, record.stack_name, record.id)
    server = facts.verdict.server if isinstance(facts.verdict, Placed) else facts.site.server_uuid
    new = payloads.NewService(
        name=name,
        description=str(naming.Marker(facts.site.inst, record.tenant_id, record.id)),
        project_uuid=facts.project_uuid,
        server_uuid=server,
        environment=facts.site.environment,
        compose=want.compose,
        urls=want.urls,
        destination_uuid=facts.site.destination_uuid if server == facts.site.server_uuid else "",
    )
    made = {
        "service_name": name,
        "stack_name": record.stack_name,
        "web_service": want.web_service,
        "created": want.hash,
        "wish": "running",
        "demand": want.demand.columns(),
        "edit": want.edit,
        **keepsake.told(facts.salt, record.spec()),
        **({"given_host": want.host} if want.is_given else {}),
    }
    opening = steps.Record(
        ledger=_intended(facts, record, want) | {"server_uuid": server, "applied_spec": made},
        show=plans.shown(facts, Status.DEPLOYING, "deploying", health=Health.STARTING),
        entry=steps.Entry("service.create", "started", detail={"name": name}),
        spec=record.spec(),
    )
    return contract.Plan(
        key=facts.key,
        steps=(opening, steps.CreateService(new)),
        reason="create",
        message=facts.say("deploying"),
        again=0.0,
    )


def _intended(facts: StackFacts, record: records.StackRecord, want: Desired) -> dict[str, object]:
    """What the ledger must know before the create is sent."""
    return {
        "kind": records.STACKS,
        "tenant_id": record.tenant_id,
        "project_uuid": facts.project_uuid,
        "salt": facts.salt,
        "domain": want.host,
        "stage": "",
        "template": want.template,
        "template_version": want.template_version,
        "intent": {"what": "create", "begun": facts.now.isoformat()},
    }


def settle(facts: StackFacts) -> contract.Plan:
    """An intent to create is open: one marked service is it; none in two lists after the window is none."""
    row, waits = facts.ledger, facts.site.waits
    assert row is not None
    assert row.intent is not None
    if facts.is_fresh and facts.marked:
        return _settle_found(facts)
    open_until = window_ends(facts)
    if facts.clock < open_until:
        return _look_again(facts, open_until)
    listed = facts.list_is_complete and facts.listed_at >= open_until
    if not listed or facts.unmarked_since is None:
        return _look_again(facts, max(open_until, facts.clock + waits.poll_busy))
    if facts.listed_at - facts.unmarked_since < waits.settle_lists:
        return _look_again(facts, facts.unmarked_since + waits.settle_lists)
    entry = steps.Entry("service.create", "failed", "no service carries the marker")
    forget = steps.Record(ledger={"intent": None}, entry=entry)
    return contract.Plan(key=facts.key, steps=(forget,), reason="create_did_not_happen", again=0.0)


def window_ends(facts: StackFacts) -> float:
    """When an ambiguous create can no longer appear.

    Counted from our call, or from when this process took the lease: a call of an earlier one was before that.
    So no time of day is asked, which may jump.
    """
    return max(facts.began_at, facts.effect_at) + facts.site.waits.settle


def _settle_found(facts: StackFacts) -> contract.Plan:
    """The oldest service with our marker is the one we made; further ones are reported, never touched."""
    if isinstance(facts.look, naming.Proof):
        entry = steps.Entry(
            "service.create", "done", "found by its marker", {"service_uuid": facts.look.uuid}
        )
        row = facts.ledger
        unsure = {**(row.made if row else {}), "created": ""}
        known = steps.Record(
            ledger={"service_uuid": facts.look.uuid, "intent": None, "applied_spec": unsure}, entry=entry
        )
        return contract.Plan(key=facts.key, steps=(known,), reason="create_settled", again=0.0)
    if facts.look is None:
        return plans.needs_look(facts)
    since, waits = facts.strange_since, facts.site.waits
    if facts.clock < window_ends(facts) or since is None or facts.look.read_at - since < waits.two_looks:
        return _look_again(facts, facts.clock + waits.two_looks)
    staff = (
        "SERVICE_FOREIGN · a service whose name ends in this record's id does not have the description "
        f"“{facts.marker}” · no second one is made beside it · in Coolify, rename or delete it, or give it "
        "that description if it is this stack's"
    )
    show = plans.shown(facts, Status.ERROR, "blocked", health=Health.UNKNOWN, staff=staff)
    return plans.blocked(facts, "service_foreign", show, again=waits.poll)


def _look_again(facts: StackFacts, moment: float) -> contract.Plan:
    until = facts.clock + min(plans.until(facts, moment), facts.site.waits.poll_busy)
    shown_until = facts.when(max(facts.began_at, facts.effect_at) + facts.site.waits.settle)
    return plans.waiting(facts, "settling", seconds=until - facts.clock, until=shown_until)


def adopt(facts: StackFacts, want: Want, proof: naming.Proof) -> contract.Plan:
    """Exactly one service carries the full marker of a record without a ledger row: the ledger was lost."""
    record, entry = facts.record, facts.marked[0]
    assert record is not None
    columns, is_adopted = taken(facts, record, want)
    known = steps.Record(
        ledger={
            "kind": records.STACKS,
            "tenant_id": record.tenant_id,
            "server_uuid": entry.server_uuid,
            "project_uuid": facts.project_uuid,
            "service_uuid": proof.uuid,
            **columns,
            "applied_spec": {
                "service_name": entry.name,
                "stack_name": record.stack_name,
                "adopted": is_adopted,
            },
        },
        entry=steps.Entry("service.adopt", "done", "full marker", {"service_uuid": proof.uuid}),
    )
    return contract.Plan(key=facts.key, steps=(known,), reason="adopted", again=0.0)


def taken(facts: StackFacts, record: records.StackRecord, want: Want) -> tuple[dict[str, object], bool]:
    """What the ledger may believe of a service that it did not know, and whether it was taken over.

    Without a template's version on the record it was, and nobody approved a change yet.
    """
    version = str(record.display.get("template_version") or "")
    kept = want if isinstance(want, Desired) and not version else None
    columns: dict[str, object] = {
        "salt": facts.salt,
        "template": record.template,
        "template_version": version,
        "applied_hash": kept.hash if kept else "",
        "domain": kept.host if kept else "",
    }
    return columns, not version


def close(facts: StackFacts) -> contract.Plan:
    """A stack that never had a service is deleted by forgetting it."""
    acts: tuple[steps.Act, ...] = ()
    if facts.ledger is not None and facts.ledger.stage != "closed":
        acts = (
            steps.Record(
                ledger={"stage": "closed", "domain": "", "intent": None},
                entry=steps.Entry("stack.delete", "done", "no service was ever created"),
            ),
        )
    shown = plans.shown(facts, Status.DELETED, "deleted", health=Health.UNKNOWN)
    return plans.plan(facts, "deleted", acts, shown)


def consume(facts: StackFacts, changes: Mapping[str, object] | None, why: str = "") -> contract.Plan:
    """The record's action is cleared, conditionally, in one batch with what it changes in the ledger.

    Without changes it was refused, and the audit says `why`.
    """
    record = facts.record
    assert record is not None
    done = changes is not None
    code = "action_done" if done else "action_refused"
    entry = steps.Entry(f"action.{record.action}", "done" if done else "failed", why)
    act = steps.Record(
        ledger=changes or {},
        show={"message": facts.say(code, action=record.action)},
        entry=None if facts.stale_action else entry,
        consume=record.action,
    )
    return contract.Plan(key=facts.key, steps=(act,), reason=code, again=0.0)


def refusal(facts: StackFacts, want: Refused) -> contract.Plan:
    """Nothing is touched until the record is edited, or until another stack gives up the wanted domain."""
    show = {"status": str(Status.ERROR), "message": want.message, "error_message": want.staff}
    again = facts.site.waits.resync if want.code in (*TAKEN, *KEPT, *SMALL) else None
    return plans.blocked(facts, want.code.lower(), show, again=again)
