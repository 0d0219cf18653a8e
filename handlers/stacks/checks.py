"""What a record must fulfil before anything is rendered; each check raises the refusal that says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handlers import records
from handlers.stacks.facts import StackFacts
from listener import errors
from listener.compose import catalog as catalogs
from listener.compose import template as templating

CONFIG_MAX = 256 * 1024
"""Bytes of JSON in a stack's `config`; its sealed copy in the ledger is half as long again."""


def known_template(facts: StackFacts, catalog: catalogs.Catalog, slug: str) -> templating.Template:
    template = catalog.get(slug)
    if slug in catalog.broken:
        raise errors.Refusal(
            "TEMPLATE_BROKEN",
            f"The template “{slug}” cannot be used just now. Nothing was changed; please tell the support.",
            what=f"template {slug!r} is broken: {catalog.broken[slug].what}",
            why="it was set aside when the listener started; its stacks run on as they are",
            fix="`cloudfreedom templates check`, correct it, `systemctl reload cloudfreedom-listener`",
        )
    if template is None:
        raise errors.Refusal(
            "TEMPLATE_UNKNOWN",
            f"There is no template “{slug}”. Choose one of: {', '.join(catalog.slugs())}.",
            what=f"template {slug!r} is not in the catalogue",
            why="the record names a template that this listener does not have",
            fix=f"choose one of {', '.join(catalog.slugs())}",
        )
    if template.manifest.withdrawn and not (facts.ledger and facts.ledger.service_uuid):
        raise errors.Refusal(
            "TEMPLATE_WITHDRAWN",
            f"The template “{slug}” is not offered any more. Choose another one.",
            what=f"template {slug!r} is withdrawn",
            why="stacks that have a service go on; no new one is made",
            fix="choose another template",
        )
    return template


def same_identity(facts: StackFacts, record: records.StackRecord) -> None:
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


def host_is_free(facts: StackFacts, host: str, *, has_web: bool) -> None:
    if host and not has_web:
        raise errors.Refusal(
            "DOMAIN_NOT_USED",
            "This template has no web address. Remove the domain.",
            what="a domain was given for a template without a web service",
            why="nothing would answer under it",
            fix="clear the field domain",
        )
    if host and facts.host_holder:
        raise errors.Refusal(
            "DOMAIN_TAKEN",
            "This domain is used by another stack. Choose another one.",
            what="the domain is taken",
            why=f"stack {facts.host_holder} holds it; stacks kept after deletion hold theirs until released",
            fix="choose another host name, or free it on that stack first",
        )


def nothing_is_taken(facts: StackFacts) -> None:
    """No other stack holds a value that works for one only; else `VARIABLE_TAKEN`."""
    if facts.taken is None:
        return
    name, holder = facts.taken
    raise errors.Refusal(
        "VARIABLE_TAKEN",
        f"{name} is used by another stack, and works for one only. Give this stack one of its own.",
        what=f"the value of {name} is taken",
        why=f"stack {holder} holds it until it is deleted or given another",
        fix=f"make another value for this stack, or take {name} from that one first",
    )


def given(config: Any) -> Mapping[str, object]:
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
