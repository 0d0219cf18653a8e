"""Which host a stack has: one of its tenant's under the platform's domain, or its own, once proven. Pure.

What the ledger holds stays: no rule, no setting and no answer of a name server takes a domain away from a
stack that has it. A name that the platform gave is remembered: a renamed tenant's stacks keep theirs.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from handlers import naming, records
from handlers.ledger import LedgerRow
from handlers.stacks import checks, plans
from handlers.stacks.facts import StackFacts
from handlers.status import Status
from listener import errors
from listener.dns.verdict import Question, Verdict, Word

TEXT_NAME = "_cloudfreedom"
TEXT = "cloudfreedom-verify"
FOREIGN_STATUS = ("running", "stopped", "deploying")
"""Statuses of a record without a ledger row that only someone else can have written."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a stack's address shall be; an empty name = it has none."""

    name: str = ""
    is_routed: bool = True
    """False: its proof is not there yet."""
    is_given: bool = False
    """The platform gave it, the record names none."""

    @property
    def routed(self) -> str:
        """What Coolify may be told."""
        return self.name if self.is_routed else ""


def named(facts: StackFacts, *, has_web: bool = True) -> Host:
    """The host that is meant, whether or not it may be had; raises `DOMAIN_INVALID`."""
    own = naming.checked_host(facts.record.domain, ()) if facts.record else ""
    if own or not has_web:
        return Host(own)
    given = _given(facts)
    return Host(given, is_given=bool(given))


def chosen(facts: StackFacts, record: records.StackRecord, slug: str, *, has_web: bool) -> Host:
    """The stack's host; raises the refusal that says why it cannot have it."""
    host, platform = named(facts, has_web=has_web), facts.site.platform_domain
    naming.checked_host(host.name, facts.site.reserved)
    checks.host_is_free(facts, host.name, has_web=has_web)
    if not host.name or host.is_given or _holds(facts, host.name):
        return host
    if f".{host.name}".endswith(f".{platform}") and platform:
        _check_tenants(host.name, f"{slug}.{platform}", record.stack_name)
        return host
    is_proven = facts.host_proof is not None and facts.host_proof.word is Word.PROVEN
    return Host(host.name, is_routed=is_proven or not facts.site.proves_domains)


def question(facts: StackFacts, host: str) -> Question:
    """What the name servers are asked about the stack's own domain."""
    tenant_id = facts.record.tenant_id if facts.record else ""
    return Question(host, facts.door, f"{TEXT_NAME}.{host}", proof_text(tenant_id))


def proof_text(tenant_id: str) -> str:
    """The text by which a domain's owner says that it is for this tenant; stable, and no secret."""
    return f"{TEXT}={tenant_id}"


def shown(facts: StackFacts, awaited: Question, *, health: str | None) -> dict[str, Any]:
    """A stack that runs without its domain: the record names what is missing.

    While nobody has looked since the start, what staff reads stays as it is.
    """
    show = plans.shown(facts, Status.RUNNING, "running", health=health)
    show["message"] = told(facts, awaited)
    if facts.host_proof is None:
        del show["error_message"]
    else:
        show["error_message"] = _staff(awaited, facts.host_proof)
    return show


def told(facts: StackFacts, awaited: Question) -> str:
    """For its user: which record to create."""
    known = {"host": awaited.host, "name": awaited.text_name, "text": awaited.value}
    if not awaited.door:
        return facts.say("running_unproven", **known)
    address = awaited.door[0]
    return facts.say("running_unrouted", address=address, kind=_kind(address), **known)


def _staff(awaited: Question, verdict: Verdict) -> str:
    where = f"its address must be one of {', '.join(awaited.door)}, or " if awaited.door else ""
    return (
        f"DOMAIN_UNPROVEN · {awaited.host} is not routed, the stack runs without it · {verdict.reason} · "
        f"{where}{awaited.text_name} must have the TXT record {awaited.value}"
    )


def _kind(address: str) -> str:
    try:
        return "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
    except ValueError:
        return "CNAME"


def _given(facts: StackFacts) -> str:
    """The address that a stack has by itself: given once, to a new stack, and kept."""
    record, tenant, row, platform = facts.record, facts.tenant, facts.ledger, facts.site.platform_domain
    if row is not None and row.made.get("given_host"):
        return str(row.made["given_host"])
    if record is None or tenant is None or not platform or _was_there(facts):
        return ""
    if row is not None and row.service_uuid and not _is_rebuilt(row):
        return ""
    return f"{record.stack_name}.{tenant.slug}.{platform}"


def _holds(facts: StackFacts, host: str) -> bool:
    """The stack has it, had it until it was deleted, or is taken over with it."""
    row = facts.ledger
    if row is not None and host in (row.domain, row.made.get("host")):
        return True
    return _was_there(facts) or (row is not None and _is_rebuilt(row))


def _was_there(facts: StackFacts) -> bool:
    """A service that the ledger does not know, or that is just being adopted: nothing is sent to it."""
    row, record = facts.ledger, facts.record
    if row is not None:
        return bool(row.service_uuid) and not row.made
    display = record.display if record else {}
    claims = display.get("coolify_service_uuid") or display.get("status") in FOREIGN_STATUS
    return bool(facts.marked or claims)


def _is_rebuilt(row: LedgerRow) -> bool:
    """The ledger was lost and knows the service again by its marker; nothing was sent to it since."""
    return bool(row.service_uuid) and "web_service" not in row.made and not row.made.get("adopted")


def _check_tenants(host: str, zone: str, stack_name: str) -> None:
    if host.endswith(f".{zone}"):
        return
    example = f"{stack_name}.{zone}"
    raise errors.Refusal(
        "DOMAIN_NOT_YOURS",
        f"This domain belongs to the platform. Use one that ends in .{zone}, such as {example}.",
        what=f"{host} is not among the tenant's host names",
        why=f"under the platform's domain a tenant has what ends in .{zone}",
        fix=f"set domain to a name such as {example}, or clear it",
    )
