"""From a template and a stack's identity to a checked document."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from listener.compose import document, guard
from listener.compose.limits import Limits
from listener.compose.template import Template

Named = tuple[tuple[str, Limits], ...]
"""Limits by service, hashable."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a document may say about its stack. The tenant's variables are not in it: they go to Coolify."""

    inst: str
    tenant_id: str
    tenant_slug: str
    stack_id: str
    stack_name: str
    tier: str
    limits: Mapping[str, Limits]
    """As `limits.effective` returns them: a service without an entry is not rendered."""
    domain: str | None
    """Host name without scheme, if the stack has one."""


def render(template: Template, *, context: RenderContext) -> guard.CheckedCompose:
    """The stack's document, checked.

    Raises `Refusal`: `TEMPLATE_BROKEN` when the template cannot be rendered, `GUARD_…` when the result
    breaks a rule. The same stack is looked at several times on its way, so the last results are kept.
    """
    identity = (
        context.inst,
        context.tenant_id,
        context.tenant_slug,
        context.stack_id,
        context.stack_name,
        context.tier,
        context.domain,
    )
    return _rendered(template, identity, tuple(context.limits.items()))


@functools.lru_cache(maxsize=128)
def _rendered(
    template: Template, identity: tuple[str, str, str, str, str, str, str | None], limits: Named
) -> guard.CheckedCompose:
    *names, domain = identity
    inst, tenant_id, tenant_slug, stack_id, stack_name, tier = map(str, names)
    context = RenderContext(
        inst, tenant_id, tenant_slug, stack_id, stack_name, tier, limits=dict(limits), domain=domain
    )
    reference = _reference(template, context.tier, tuple(context.limits.items()), bool(context.domain))
    made = document.build(template, _values(template, context))
    return guard.check(made, template, context.limits, reference=reference)


@functools.lru_cache(maxsize=256)
def _reference(template: Template, tier: str, limits: Named, has_domain: bool) -> Mapping[str, Any]:
    """The document for the same tier, limits and presence of a domain, with names that belong to nobody."""
    neutral = RenderContext(
        inst="inst",
        tenant_id="tenant",
        tenant_slug="tenant",
        stack_id="stack",
        stack_name="stack",
        tier=tier,
        limits=dict(limits),
        domain="stack.example.org" if has_domain else None,
    )
    return document.build(template, _values(template, neutral))


def _values(template: Template, context: RenderContext) -> dict[str, object]:
    """The names that a template may use."""
    return {
        "inst": context.inst,
        "tenant_id": context.tenant_id,
        "tenant_slug": context.tenant_slug,
        "stack_id": context.stack_id,
        "stack_name": context.stack_name,
        "tier": context.tier,
        "domain": context.domain or "",
        "limits": {
            name: {
                "cpus": limit.cores,
                "memory": limit.memory,
                "memory_mb": limit.memory_mb,
                "pids": limit.pids,
            }
            for name, limit in context.limits.items()
        },
        "images": {key: image.reference for key, image in template.manifest.images.items()},
        "replaced": {key: image.is_replaced for key, image in template.manifest.images.items()},
        "bundles": dict(template.bundles),
        "template": {"slug": template.slug, "version": template.version},
        "health": {"start_period": f"{template.manifest.health.start_period}s"},
    }
