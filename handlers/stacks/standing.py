"""What stands in Coolify of a stack that runs, read where its list entry changed."""

from __future__ import annotations

from dataclasses import replace

from handlers import naming
from handlers.eyes import Eyes
from handlers.stacks.facts import StackFacts
from listener import errors
from listener.coolify import standing as standings


async def read(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with the service's compose and variables, as far as they may be read: two calls.

    Without them when the service is not proven ours, or cannot be read just now.
    """
    row, entry = facts.ledger, facts.entry
    if row is None or entry is None:
        return facts
    try:
        detail = await eyes.coolify.service(row.service_uuid)
        if detail is None or not isinstance(naming.prove(detail, facts.marker, facts.clock), naming.Proof):
            return facts
        variables = await eyes.coolify.variables(row.service_uuid)
    except (errors.UpstreamRefusal, errors.UpstreamUnavailable):
        return facts
    names = (name for name, _ in detail.containers)
    standing = standings.Standing(
        updated_at=entry.updated_at,
        compose=detail.compose,
        images=tuple(zip(names, detail.images, strict=True)),
        variables=tuple(variables),
        project_uuid=detail.project_uuid,
    )
    return replace(facts, standing=standing)
