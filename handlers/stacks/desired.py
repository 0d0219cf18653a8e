"""What should be true for a stack: pure, from facts to a checked document, a refusal, or a wait."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from handlers import amounts, naming, placement, records
from handlers import demand as demands
from handlers.amounts import NOTHING, Demand
from handlers.stacks import checks, hosts
from handlers.stacks.facts import StackFacts
from listener import errors
from listener.compose import catalog as catalogs
from listener.compose import limits as limiting
from listener.compose import render, variables
from listener.compose.guard import CheckedCompose
from listener.compose.manifest import Manifest, Schedule
from listener.coolify import payloads
from listener.dns.verdict import Question

KEPT = (
    "LIMITS_BELOW_FLOOR", "LIMITS_ABOVE_TIER", "LIMITS_NO_TIER", "OPTION_NOT_IN_TIER",
    "QUOTA_STACKS", "QUOTA_TEMPLATE", "QUOTA_MEMORY", "QUOTA_CPUS", "QUOTA_DOMAINS",
)  # fmt: skip
"""Refusals by what a tier gives: a stack that runs goes on as it is, and is looked at again by itself."""


class Wish(Enum):
    """The state that record, tenant and hold together ask for."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    NOTHING = "nothing"
    """Nothing is created yet and nothing exists: the tenant is pending."""
    UNKNOWN = "unknown"
    """Only the tenant's record could say, and it cannot be read: no reason to stop anything."""


@dataclass(frozen=True, slots=True)
class Desired:
    """A stack that passed every check: what Coolify shall have."""

    compose: str = field(repr=False)
    envs: tuple[payloads.Env, ...] = field(repr=False)
    urls: tuple[tuple[str, str], ...]
    host: str
    web_service: str
    hash: str
    deadline: float
    knows_health: bool
    template: str
    template_version: str
    notes: tuple[str, ...] = ()
    rotatable: tuple[tuple[str, str], ...] = ()
    """Name and kind of the generated secrets that may be made anew at any time."""
    schedule: Schedule | None = None
    """How scheduled messages reach it."""
    demand: Demand = NOTHING
    """What it may use at most, as the books count it."""
    edit: str = ""
    """Hash of what people and templates ask for, without what the tier makes of it."""
    held_back: Refused | Waiting | None = None
    """Why a stack that runs is left as it is for now."""
    awaited: Question | None = None
    """The proof that its own domain waits for; until then it has none."""
    is_given: bool = False
    """The platform gave the host."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A stack that must not be: `message` for its user, `staff` with code, cause and fix."""

    code: str
    message: str
    staff: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stack that may be, later: `code` is the message's, `values` what it names."""

    code: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unmade(Waiting):
    """A stack whose generated secrets must be made first: name and kind of each."""

    secrets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unproven(Waiting):
    """A stack that may be as soon as its domain was looked up once: with it, or without."""

    awaited: Question | None = None


Want = Desired | Refused | Waiting


def wish(facts: StackFacts) -> Wish:
    """The state that is asked for: `stack wants running AND tenant active AND no hold`."""
    record, tenant = facts.record, facts.tenant
    if record is None or record.desired_state == "deleted":
        return Wish.DELETED
    remembered = str((facts.ledger.made if facts.ledger else {}).get("wish", "running"))
    wants_to_run = (record.desired_state or remembered) == "running" and not record.hold
    if tenant is None:
        return Wish.UNKNOWN if wants_to_run else Wish.SUSPENDED
    if wants_to_run and tenant.is_active:
        return Wish.RUNNING
    if tenant.status == "pending" and not (facts.ledger and facts.ledger.service_uuid):
        return Wish.NOTHING
    return Wish.SUSPENDED


def desired(facts: StackFacts, catalog: catalogs.Catalog) -> Want:
    """The checked document and variables of a stack, or why there is none."""
    record, tenant = facts.record, facts.tenant
    if record is None or tenant is None:
        return Waiting("waiting_project")
    try:
        return _build(facts, record, tenant, catalog)
    except errors.Refusal as refusal:
        return refused(facts, refusal)


def refused(facts: StackFacts, refusal: errors.Refusal) -> Refused:
    """The refusal in the site's language."""
    return Refused(refusal.code, facts.site.voice.told(refusal), str(refusal))


def _room(facts: StackFacts) -> Refused | Waiting | None:
    """Why quota or servers have nothing for it now; None when there is room, or it needs no more."""
    match facts.verdict:
        case errors.Refusal() as refusal:
            return refused(facts, refusal)
        case placement.TooSmall(lacks):
            return refused(facts, placement.too_small(lacks))
        case placement.Swarm(server):
            return refused(facts, placement.is_swarm(server))
        case placement.Queued(server=""):
            return Waiting("waiting_server" if facts.tier and facts.tier.dedicated else "waiting_placement")
        case placement.Queued(place, server, lacks):
            code, lack = ("waiting_room" if lacks != NOTHING else "waiting_line"), amounts.missing(lacks)
            return Waiting(code, (("server", server), ("place", str(place)), ("lacks", lack)))
        case _:
            return None


def _build(
    facts: StackFacts,
    record: records.StackRecord,
    tenant: records.TenantRecord,
    catalog: catalogs.Catalog,
) -> Want:
    checks.same_identity(facts, record)
    slug = naming.checked_name(tenant.slug, "tenant's slug")
    stack_name = naming.checked_name(record.stack_name, "stack name")
    template = checks.known_template(facts, catalog, record.template)
    manifest = template.manifest
    host = hosts.chosen(facts, record, slug, has_web=manifest.web is not None)
    if facts.unsealable:
        raise facts.unsealable
    checks.nothing_is_taken(facts)
    resolved = variables.resolve(
        template, checks.given(record.config), platform=facts.site.platform, kept=facts.secrets
    )
    effective = limiting.effective(
        manifest, tier=tenant.tier, overrides=demands.mapping(facts.tier.limits if facts.tier else None),
        wish=demands.mapping(record.resource_limits), options=resolved.options,
    )  # fmt: skip
    context = render.RenderContext(
        inst=facts.site.inst, tenant_id=tenant.id, tenant_slug=slug, stack_id=record.id,
        stack_name=stack_name, tier=tenant.tier, limits=effective, domain=host.routed or None,
    )  # fmt: skip
    checked = render.render(template, context=context)
    want = _admitted(facts, manifest, checked, resolved, context)
    return _with_host(facts, host, want) if isinstance(want, Desired) else want


def _with_host(facts: StackFacts, host: hosts.Host, want: Desired) -> Want:
    """Known by whom the host was given, or what it waits for; a first look comes before anything is sent."""
    if host.is_routed:
        return replace(want, is_given=host.is_given)
    awaited = hosts.question(facts, host.name)
    applied = facts.ledger.applied_hash if facts.ledger else ""
    if facts.host_proof is None and applied != want.hash:
        return Unproven("checking_domain", awaited=awaited)
    return replace(want, awaited=awaited)


def _admitted(
    facts: StackFacts,
    manifest: Manifest,
    checked: CheckedCompose,
    resolved: variables.Variables,
    context: render.RenderContext,
) -> Want:
    """What passed every check, if there is room for it; what runs is left as it is when there is none."""
    record = facts.record
    assert record is not None
    room = _room(facts)
    if room is not None and not _is_up(facts):
        return room
    if resolved.unmade:
        made = tuple((one.name, str(one.generated)) for one in resolved.unmade)
        return Unmade("deploying", secrets=made)
    whole = _whole(facts.salt, manifest, checked, resolved, context)
    overrides = demands.mapping(facts.tier.limits if facts.tier else None)
    return replace(
        whole,
        demand=demands.total(manifest, context.limits, context.tier, overrides),
        edit=_hash(facts.salt, manifest.slug, whole.host, whole.envs, {}, wish=record.resource_limits),
        held_back=room,
    )


def _is_up(facts: StackFacts) -> bool:
    """It has what it was last given, and may run: what it has is never taken away for want of more."""
    row = facts.ledger
    return row is not None and bool(row.service_uuid and row.applied_hash) and row.stage == ""


def _whole(
    salt: str,
    manifest: Manifest,
    checked: CheckedCompose,
    resolved: variables.Variables,
    context: render.RenderContext,
) -> Desired:
    envs = tuple(payloads.Env(env.key, env.value.get_secret_value(), env.multiline) for env in resolved.env)
    web, host = checked.web, context.domain or ""
    return Desired(
        compose=checked.base64,
        envs=envs,
        urls=((web[0], f"https://{host}:{web[1]}"),) if web and host else (),
        host=host,
        web_service=web[0] if web else "",
        hash=_hash(salt, manifest.slug, host, envs, context.limits),
        deadline=float(manifest.health.deadline),
        knows_health=manifest.health.known,
        template=manifest.slug,
        template_version=manifest.version,
        notes=resolved.notes,
        schedule=manifest.schedule,
        rotatable=tuple((p.name, p.generated) for p in manifest.parameters if p.generated and not p.stable),
    )


def _hash(
    salt: str,
    template: str,
    host: str,
    envs: tuple[payloads.Env, ...],
    effective: Mapping[str, limiting.Limits],
    *,
    wish: object = None,
) -> str:
    """Hash of the spec, never of the rendered text: a newer template alone changes nothing."""
    spec: dict[str, Any] = {
        "template": template,
        "host": host,
        "envs": sorted((env.key, env.value) for env in envs),
        "limits": {name: [part.cpus, part.memory_mb, part.pids] for name, part in sorted(effective.items())},
    }
    spec |= {"wish": wish} if wish else {}
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()
