"""What should be true for a stack: pure, from facts to a checked document, a refusal, or a wait."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from handlers import naming, records
from handlers.stacks.facts import StackFacts
from listener import errors
from listener.compose import catalog as catalogs
from listener.compose import limits as limiting
from listener.compose import render, variables
from listener.compose import template as templating
from listener.coolify import payloads

CONFIG_MAX = 256 * 1024
"""Bytes of JSON in a stack's `config`; its sealed copy in the ledger is half as long again."""


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


@dataclass(frozen=True, slots=True)
class Refused:
    """A stack that must not be: `message` for its user, `staff` with code, cause and fix."""

    code: str
    message: str
    staff: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stack that may be, later: `code` is the message's."""

    code: str


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
        return Refused(refusal.code, refusal.message, str(refusal))


def _build(
    facts: StackFacts,
    record: records.StackRecord,
    tenant: records.TenantRecord,
    catalog: catalogs.Catalog,
) -> Want:
    _same_identity(facts, record)
    slug = naming.checked_name(tenant.slug, "tenant's slug")
    stack_name = naming.checked_name(record.stack_name, "stack name")
    template = _known_template(catalog, record.template)
    manifest = template.manifest
    host = naming.checked_host(record.domain, facts.site.reserved)
    _host_is_free(facts, host, has_web=manifest.web is not None)
    resolved = variables.resolve(template, _given(record.config), platform=facts.site.platform)
    effective = limiting.effective(
        manifest, tier=tenant.tier, overrides=_mapping(facts.tier.limits if facts.tier else None),
        wish=_mapping(record.resource_limits), options=resolved.options,
    )  # fmt: skip
    if facts.tier and facts.tier.dedicated and not tenant.server:
        return Waiting("waiting_server")
    context = render.RenderContext(
        inst=facts.site.inst, tenant_id=tenant.id, tenant_slug=slug, stack_id=record.id,
        stack_name=stack_name, tier=tenant.tier, limits=effective, domain=host or None,
    )  # fmt: skip
    checked = render.render(template, context=context)
    envs = tuple(payloads.Env(env.key, env.value.get_secret_value(), env.multiline) for env in resolved.env)
    web = checked.web
    return Desired(
        compose=checked.base64,
        envs=envs,
        urls=((web[0], f"https://{host}:{web[1]}"),) if web and host else (),
        host=host,
        web_service=web[0] if web else "",
        hash=_hash(facts.salt, record.template, host, envs, effective),
        deadline=float(manifest.health.deadline),
        knows_health=manifest.health.known,
        template=manifest.slug,
        template_version=manifest.version,
        notes=resolved.notes,
    )


def _known_template(catalog: catalogs.Catalog, slug: str) -> templating.Template:
    template = catalog.get(slug)
    if template is None:
        raise errors.Refusal(
            "TEMPLATE_UNKNOWN",
            f"There is no template “{slug}”. Choose one of: {', '.join(catalog.slugs())}.",
            what=f"template {slug!r} is not in the catalogue",
            why="the record names a template that this listener does not have",
            fix=f"choose one of {', '.join(catalog.slugs())}",
        )
    return template


def _same_identity(facts: StackFacts, record: records.StackRecord) -> None:
    made = facts.ledger.made if facts.ledger else {}
    name = made.get("stack_name")
    if name and name != record.stack_name:
        raise errors.Refusal(
            "NAME_CHANGED",
            f"The name of a stack cannot change. Set it back to “{name}”, or make a new stack.",
            what="stack_name was changed after creation",
            why=f"the service in Coolify carries the name {name!r} for its whole life",
            fix=f"set stack_name back to {name!r}",
        )
    template = facts.ledger.template if facts.ledger else ""
    if template and template != record.template:
        raise errors.Refusal(
            "TEMPLATE_CHANGED",
            f"The template of a stack cannot change. Set it back to “{template}”, or make a new stack.",
            what="template was changed after creation",
            why=f"the service's volumes belong to template {template!r}",
            fix=f"set template back to {template!r}",
        )


def _host_is_free(facts: StackFacts, host: str, *, has_web: bool) -> None:
    if host and not has_web:
        raise errors.Refusal(
            "DOMAIN_NOT_USED",
            "This template has no web address. Remove the domain.",
            what="a domain was given for a template without a web service",
            why="nothing would answer under it",
            fix="clear the field domain",
        )
    if facts.host_holder:
        raise errors.Refusal(
            "DOMAIN_TAKEN",
            "This domain is used by another stack. Choose another one.",
            what="the domain is taken",
            why=f"stack {facts.host_holder} holds it; stacks kept after deletion hold theirs until released",
            fix="choose another host name, or free it on that stack first",
        )


def _given(config: Any) -> Mapping[str, object]:
    size = len(json.dumps(config, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > CONFIG_MAX:
        raise errors.Refusal(
            "CONFIG_TOO_LARGE",
            f"The configuration is too large: at most {CONFIG_MAX // 1024} KiB are possible.",
            what=f"config is {size} bytes long",
            why=f"at most {CONFIG_MAX} are kept and sent on, names that no template uses included",
            fix="remove what is not needed from config",
        )
    if config in (None, "", {}):
        return {}
    given = config.get("env_vars") or {} if isinstance(config, Mapping) else None
    if not isinstance(given, Mapping):
        raise errors.Refusal(
            "CONFIG_INVALID",
            "The configuration is not readable: it must be an object with “env_vars”.",
            what="config is not an object with an object env_vars",
            why=f"it is of type {type(config).__name__}",
            fix='set config to {"env_vars": {"NAME": "value"}}',
        )
    return given


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _hash(
    salt: str,
    template: str,
    host: str,
    envs: tuple[payloads.Env, ...],
    effective: Mapping[str, limiting.Limits],
) -> str:
    """Hash of the spec, never of the rendered text: a newer template alone changes nothing."""
    spec = {
        "template": template,
        "host": host,
        "envs": sorted((env.key, env.value) for env in envs),
        "limits": {name: [part.cpus, part.memory_mb, part.pids] for name, part in sorted(effective.items())},
    }
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()
