"""What a stack would use, read out of its record, its tier and its template. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers import records
from handlers.admission import Quota
from handlers.amounts import Demand
from listener import errors
from listener.compose import limits as limiting
from listener.compose.manifest import Manifest

MOST = "max_stacks"
"""Beside a template's services in `plan_tiers.limits`: how many stacks of it a tenant may have."""
ON = ("true", "yes", "1")


def of(manifest: Manifest, record: records.StackRecord, tier_id: str, tier: records.Tier | None) -> Demand:
    """What the record asks for. Raises `Refusal` where the tier does not allow it, or nobody can read it."""
    overrides = mapping(tier.limits if tier else None)
    effective = limiting.effective(
        manifest,
        tier=tier_id,
        overrides=overrides,
        wish=mapping(record.resource_limits),
        options=_options(manifest, record),
    )
    return total(manifest, effective, tier_id, overrides)


def total(
    manifest: Manifest, effective: Mapping[str, limiting.Limits], tier_id: str, overrides: Mapping[str, Any]
) -> Demand:
    """The sum over the services that stay; what runs once before them counts only as `widest`."""
    staying = {name: one for name, one in effective.items() if not manifest.services[name].one_shot}
    planned = {name: manifest.services[name].planned for name in staying}
    return Demand(
        cpus=sum(one.cpus for one in staying.values()),
        memory_mb=sum(one.memory_mb for one in staying.values()),
        planned_mb=sum(
            min(one.memory_mb, limiting.megabytes(planned[name] or one.memory, name))
            for name, one in staying.items()
        ),
        disk_mb=sum(_promised(manifest, staying, tier_id, overrides).values()),
        widest=max((one.cpus for one in effective.values()), default=0.0),
    )


def _promised(
    manifest: Manifest, staying: Mapping[str, Any], tier_id: str, overrides: Mapping[str, Any]
) -> dict[str, int]:
    """By volume its quota; or by service the `volume` that the tier gives to all volumes of it."""
    ruling, found = mapping(overrides.get(manifest.slug)), {}
    for name, volume in manifest.volumes.items():
        own = volume.quota.get(tier_id)
        said = mapping(ruling.get(volume.service)).get("volume")
        text = own if said in (None, "", 0) else said
        if volume.service in staying and text:
            found[volume.service if said else name] = limiting.megabytes(text, f"{name}.volume")
    return found


def quota(tenant: records.TenantRecord, tier: records.Tier | None) -> Quota:
    """What the tenant may have in all; `max_stacks` of its record replaces the tier's."""
    if tier is None:
        return Quota(tier=tenant.tier, stacks=tenant.max_stacks)
    most = {slug: _whole(mapping(one).get(MOST)) for slug, one in mapping(tier.limits).items()}
    return Quota(
        tier=tier.title or tenant.tier,
        stacks=tenant.max_stacks or tier.max_stacks,
        memory_mb=tier.memory_pool_mb,
        cpus=tier.cpu_pool,
        domains=tier.max_domains,
        templates={slug: count for slug, count in most.items() if count},
    )


def _options(manifest: Manifest, record: records.StackRecord) -> frozenset[str]:
    """The switches that the record turns on, as `variables.resolve` will find them."""
    given = mapping(mapping(record.config).get("env_vars"))
    found = set()
    for parameter in manifest.parameters:
        if parameter.name in manifest.options:
            texts = [given.get(name) for name in (parameter.name, *parameter.aliases)]
            text = next((str(one).strip() for one in texts if one not in (None, "")), parameter.default or "")
            if text.lower() in ON:
                found.add(parameter.name)
    return frozenset(found)


def tried(
    manifest: Manifest | None, record: records.StackRecord, tier_id: str, tier: records.Tier | None
) -> Demand | None:
    """`of`, or None where the stack is refused for what it asks."""
    try:
        return of(manifest, record, tier_id, tier) if manifest is not None else None
    except errors.Refusal:
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1e9 else 0
