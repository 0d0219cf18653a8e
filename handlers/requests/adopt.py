"""Adoption: a service that somebody else made becomes ours by a person's word, and by nothing else.

Both sides were shown and confirmed. The ledger knows the service first, blocked, so that nothing happens to
it if this is cut; then name and description are stamped; compose, variables, volumes and containers stay as
they are until the first change is approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers import naming, records, steps
from handlers.stacks.desired import Desired, Want
from handlers.stacks.facts import StackFacts
from listener import contract, errors
from listener.coolify import payloads

BEGUN = "ADOPTION_BEGUN"


@dataclass(frozen=True, slots=True)
class Found:
    """The service that the request names, as Coolify has it; `server_uuid` is "" when no list names it."""

    uuid: str
    detail: payloads.ServiceDetail | None
    server_uuid: str
    owners: tuple[str, ...]
    """Record ids of the stacks that it may belong to."""
    kind: str = ""
    """What it is in Coolify, if it is no service."""


def stack(facts: StackFacts, want: Want, found: Found) -> tuple[contract.Step, ...]:
    """The steps that adopt the service for the stack; raises `ADOPT_REFUSED` when it is not free to be."""
    record = facts.record
    if record is None:
        raise _refused("the stack's record does not exist")
    detail = _free(facts, found)
    tenant = facts.tenant
    name = naming.service_name(tenant.slug if tenant else "", record.stack_name, record.id)
    begun = steps.Record(
        of=facts.key,
        ledger=_known(facts, record, found),
        entry=steps.Entry("service.adopt", "started", detail={"service_uuid": detail.uuid}),
    )
    done = steps.Record(
        of=facts.key,
        ledger={
            "blocked": "",
            "applied_hash": want.hash if isinstance(want, Desired) else "",
            "domain": want.host if isinstance(want, Desired) else "",
            "applied_spec": {
                "service_name": name,
                "stack_name": record.stack_name,
                "web_service": want.web_service if isinstance(want, Desired) else "",
                "adopted": True,
                "wish": "running",
            },
        },
        entry=steps.Entry(
            "service.adopt", "done", detail={"service_uuid": detail.uuid, "name_was": detail.name}
        ),
    )
    marker = naming.Marker(facts.site.inst, record.tenant_id, record.id)
    return (begun, steps.Stamp(detail.uuid, name, marker), done)


def _known(facts: StackFacts, record: records.StackRecord, found: Found) -> dict[str, object]:
    """The ledger knows the service, and blocks it until it is stamped."""
    return {
        "kind": records.STACKS,
        "tenant_id": record.tenant_id,
        "server_uuid": found.server_uuid,
        "project_uuid": found.detail.project_uuid if found.detail else "",
        "service_uuid": found.uuid,
        "salt": facts.salt,
        "template": record.template,
        "blocked": f"{BEGUN} · the service is being adopted · this goes on by itself",
    }


def anew(facts: StackFacts, found: Found) -> Mapping[str, object]:
    """What the ledger must know so that a service is made for a stack whose own, older one is missing.

    Raises `RECREATE_REFUSED` while there is something in Coolify that may be the stack's.
    """
    record = facts.record
    if record is None:
        raise _not_anew("the stack's record does not exist", "write the record first")
    if facts.marked or (found.detail is not None and found.owners in ((), (facts.id,))):
        raise _not_anew("the service is still in Coolify", "take it over with `cloudfreedom adopt`")
    if found.kind:
        raise _not_anew(f"{found.uuid} is in Coolify as {found.kind}", "delete it there first, if it must go")
    if found.detail is not None and facts.id in found.owners:
        raise _not_anew("the record of another stack names its service, too", "see its error_message")
    if not facts.list_is_complete:
        raise errors.Transient("LOOK_FAILED", "recreate: Coolify's lists are not complete just now")
    return {
        "kind": records.STACKS,
        "tenant_id": record.tenant_id,
        "salt": facts.salt,
        "template": record.template,
    }


def _free(facts: StackFacts, found: Found) -> payloads.ServiceDetail:
    record, row = facts.record, facts.ledger
    if found.kind:
        raise _refused(
            f"{found.uuid} is in Coolify as {found.kind}, not as a service: it cannot be taken over"
        )
    if found.detail is None:
        raise _refused(f"Coolify has no service {found.uuid} that this token can see")
    others = ", ".join(owner for owner in found.owners if owner != facts.id)
    if others and facts.id not in found.owners:
        raise _refused(f"the service belongs to stack {others}")
    if others:
        raise _refused(
            f"the record of stack {others} names this service, too",
            "in Coolify give it the stack_name of the stack that it belongs to as its name, then try again",
        )
    if row is not None and not (row.blocked.startswith(BEGUN) and row.service_uuid == found.uuid):
        raise _refused("the listener's ledger knows this stack already")
    marker = naming.read(found.detail.description)
    if marker is not None and record is not None:
        ours = naming.Marker(facts.site.inst, record.tenant_id, record.id)
        if marker != ours:
            raise _refused("its description carries the marker of another installation, tenant or stack")
    return found.detail


def _refused(
    why: str, fix: str = "name another service with --service, or make a new stack"
) -> errors.Refusal:
    return errors.Refusal("ADOPT_REFUSED", "Nothing was adopted.", why=why, fix=fix)


def _not_anew(why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("RECREATE_REFUSED", "Nothing was made.", why=why, fix=fix)
