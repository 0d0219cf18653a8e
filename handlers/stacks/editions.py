"""What tells one look at a stack from the next: whether anything that it rests on has changed."""

from __future__ import annotations

from handlers import records
from handlers.stacks.facts import StackFacts


def basis(facts: StackFacts) -> str:
    """What people asked for and Coolify shows; nothing in it is of our own making."""
    people = [record.edition() if record else 0 for record in (facts.record, facts.tenant, facts.tier)]
    entry = (facts.entry.name, facts.entry.status) if facts.entry else None
    return str(hash((*people, facts.gone, facts.project_uuid, entry)))


def fingerprint(
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
