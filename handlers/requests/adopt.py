"""Adoption: a service that somebody else made becomes ours by a person's word, and by nothing else.

Both sides were shown and confirmed. The ledger knows the service first, blocked, so that nothing happens to
it if this is cut; then name and description are stamped; compose, variables, volumes and containers stay as
they are until the first change is approved.
"""

from __future__ import annotations

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
    owner: str | None
    """Record id whose ledger row knows this service already."""
    claims: tuple[str, ...]
    """Ids of records that name this service in their display field."""


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
        "service_uuid": found.uuid,
        "salt": facts.salt,
        "template": record.template,
        "blocked": f"{BEGUN} · the service is being adopted · this goes on by itself",
    }


def _free(facts: StackFacts, found: Found) -> payloads.ServiceDetail:
    record, row = facts.record, facts.ledger
    if found.detail is None:
        raise _refused(f"Coolify has no service {found.uuid} that this token can see")
    if found.owner not in (None, facts.id):
        raise _refused(f"stack {found.owner} has this service already")
    others = [claim for claim in found.claims if claim != facts.id]
    if others:
        raise _refused(f"the record of stack {', '.join(others)} names this service, too")
    if row is not None and not (row.blocked.startswith(BEGUN) and row.service_uuid == found.uuid):
        raise _refused("the listener's ledger knows this stack already")
    marker = naming.read(found.detail.description)
    if marker is not None and record is not None:
        ours = naming.Marker(facts.site.inst, record.tenant_id, record.id)
        if marker != ours:
            raise _refused("its description carries the marker of another installation, tenant or stack")
    return found.detail


def _refused(why: str) -> errors.Refusal:
    return errors.Refusal(
        "ADOPT_REFUSED",
        f"adopt: {why}.",
        why=why,
        fix="name another service with --service, or make a new stack",
    )
