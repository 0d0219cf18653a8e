"""Rules about what the document says, and that no tenant had a say in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from listener.compose import document as documents
from listener.compose.guard.case import Case, is_texts, strings
from listener.compose.guard.isolation import OWNED
from listener.compose.manifest import NAME, OWNED_PREFIXES

MAX_DOCUMENT = 256 * 1024
MAX_VALUE = 4096
MAX_BUNDLE = 128 * 1024
SERVICE_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")

TOP = frozenset({"services", "volumes"})
SERVICE = frozenset(
    {
        *("image", "command", "entrypoint", "user", "init", "environment", "volumes", "tmpfs", "read_only"),
        *("cap_drop", "cap_add", "security_opt", "restart", "stop_grace_period", "depends_on", "healthcheck"),
        *("deploy", "memswap_limit", "logging", "labels", "expose", "network_mode"),
    }
)
INSIDE: dict[tuple[str, ...], frozenset[str]] = {
    ("healthcheck",): frozenset(
        {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
    ),
    ("logging",): frozenset({"driver", "options"}),
    ("logging", "options"): frozenset({"max-size", "max-file"}),
    ("deploy",): frozenset({"resources", "replicas", "mode"}),
    ("deploy", "resources"): frozenset({"limits", "reservations"}),
}
"""Keys inside a service that are allowed, or refused by a rule of their own."""

KINDS: dict[str, Callable[[Any], bool]] = {
    "command": lambda value: isinstance(value, str) or is_texts(value),
    "entrypoint": lambda value: isinstance(value, str) or is_texts(value),
    "init": lambda value: isinstance(value, bool),
    "stop_grace_period": lambda value: isinstance(value, str),
}
"""What a key must hold that no other rule looks at."""

CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")

LABELS = frozenset(
    {
        *("cf.platform", "cf.inst", "cf.tenant", "cf.stack"),
        *("cf.template", "cf.template_version", "cf.tier"),
    }
)

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Unicode's control characters. A search, since a bundle has tens of thousands of characters."""

SECRETS = re.compile(
    r"\bsk-(?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{20,}|(?<![0-9])[0-9]{6,12}:[A-Za-z0-9_-]{30,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}|\b[rs]k_live_\w{20,}|\bAIza[\w-]{35}"
    r"|\bxox[abp]-[A-Za-z0-9-]{10,}|\bAKIA[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ"
)
"""Shapes of keys that people paste: model providers, Telegram, GitHub, GitLab, Hugging Face, Stripe, Google,
Slack, AWS, PEM, JWT."""

CHANGES_TYPE = re.compile(
    r"[-+]?\.(?:inf|nan)|[-+]?0o[0-7_]+|(?=.*_)(?:[-+][0-9][0-9_]*|[-+]?[0-9][0-9_]*\.[0-9_]*)",
    re.IGNORECASE,
)
"""Texts that Coolify 4.3.10 (symfony/yaml 7.4) stores without quotes, so that a number comes out: infinite
ones, octal ones also with sign or `_`, and others with `_`, if they have a sign or a point."""


def known_keys(case: Case) -> Iterator[str]:
    """G00: default deny. What no rule knows is refused, so that a new feature of Compose cannot slip in."""
    for key in case.document:
        if key not in TOP | OWNED:
            yield f"{key} is not allowed beside the services"
    for name, service in case.services():
        for key in sorted(service.keys() - SERVICE - OWNED):
            yield f"{name}: {key} is not allowed"
        for path, allowed in INSIDE.items():
            yield from _only(name, service, path, allowed)
        for key, fits in KINDS.items():
            if key in service and not fits(service[key]):
                yield f"{name}: {key} is not of its kind"
        for other, how in _items(service.get("depends_on")):
            known = other in case.document["services"] and other != name
            if (
                not known
                or not isinstance(how, dict)
                or how.get("condition") not in CONDITIONS
                or len(how) > 1
            ):
                yield f"{name}: depends_on is not of the form service: {{condition: …}}"


def _only(
    name: str, service: Mapping[str, Any], path: tuple[str, ...], allowed: frozenset[str]
) -> Iterator[str]:
    value: Any = service
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict) and value.keys() - allowed:  # what is no mapping breaks the rule for its key
        yield f"{name}: {'.'.join(path)} holds more than {', '.join(sorted(allowed))}"


def form(case: Case) -> Iterator[str]:
    """G29: plain data of the expected shape and size. The other rules rely on it."""
    services = case.document.get("services")
    if not isinstance(services, dict) or not 1 <= len(services) <= 4:
        yield "services is not a mapping of one to four services"
        return
    for name, service in services.items():
        if not isinstance(name, str) or not SERVICE_NAME.fullmatch(name):
            yield "a service's name is not of the form a-z0-9-"
        if not isinstance(service, dict) or not service:
            yield "a service is not a mapping"
    if not _is_plain(case.document, top=True):
        yield "the document holds something empty, or no text, number, truth value, list or mapping"
    elif len(documents.canonical(case.document).encode("utf-8", "replace")) > MAX_DOCUMENT:
        yield "the document is larger than 256 KiB"


def _is_plain(value: Any, *, top: bool = False) -> bool:
    match value:
        case dict():
            nothing_allowed = value.get("volumes") if top else None
            return bool(value) and all(
                isinstance(key, str) and (_is_plain(item) or (item is nothing_allowed and _is_volumes(item)))
                for key, item in value.items()
            )
        case list():
            return bool(value) and all(_is_plain(item) for item in value)
        case float():
            return value == value and abs(value) != float("inf")  # noqa: PLR0124 - not a number differs from itself
        case _:
            return isinstance(value, str | int)


def _is_volumes(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and (body in (None, {}) or _is_plain(body)) for key, body in value.items()
    )


def labels(case: Case) -> Iterator[str]:
    """G25: the platform's labels and no others: a foreign `traefik.*` would take over another's domain."""
    for name, service in case.services():
        given = service.get("labels")
        if not isinstance(given, dict) or not given.keys() >= LABELS:
            lacking = LABELS - given.keys() if isinstance(given, dict) else LABELS
            yield f"{name}: labels lack {', '.join(sorted(lacking))}"
        elif any(not key.startswith("cf.") or not isinstance(value, str) for key, value in given.items()):
            yield f"{name}: labels other than cf.* are not allowed"


def environment(case: Case) -> Iterator[str]:
    """G26: known names; a value is `${NAME}` of the same name or a literal in which every `$` is doubled.

    No literal, here or in a command, is one that becomes a number on its way. One that begins with `$` makes
    Coolify 4.3.10 answer 500 and leave a half-made service behind.
    """
    carried = {parameter.env_key for parameter in case.manifest.parameters}
    for name, service in case.services():
        given = service.get("environment", {})
        if not isinstance(given, dict):
            yield f"{name}: environment is not a mapping"
            continue
        for key, value in given.items():
            if not NAME.fullmatch(key) or key.startswith(OWNED_PREFIXES):
                yield f"{name}: {key[:64]} cannot be a variable's name"
            elif key in carried and value != f"${{{key}}}":
                yield f"{name}: {key} is not the reference ${{{key}}}"
            elif key not in carried and not _is_literal(value, bundle=key in case.manifest.bundles):
                yield f"{name}: {key} is not a text that Coolify and Compose carry unchanged"
    yield from _elsewhere(case)


def _elsewhere(case: Case) -> Iterator[str]:
    """The same, about texts that are no variable's."""
    for text in strings(_without_references(case.document)):
        if "$" in text and "$" in text.replace("$$", ""):
            yield "a $ outside the variables is not doubled"
    for name, service in case.services():
        bare = {key: value for key, value in service.items() if key not in {"environment", "labels"}}
        if any(CHANGES_TYPE.fullmatch(text) for text in strings(bare)):
            yield f"{name}: a text outside the variables would become a number"


def _is_literal(value: Any, *, bundle: bool) -> bool:
    if not isinstance(value, str) or value.startswith("$") or CHANGES_TYPE.fullmatch(value):
        return False
    fits = len(value.encode("utf-8", "replace")) <= (MAX_BUNDLE if bundle else MAX_VALUE)
    return fits and (value.isprintable() or not CONTROL.search(value))


def _without_references(document: Mapping[str, Any]) -> dict[str, Any]:
    services = {}
    for name, service in document["services"].items():
        given = service.get("environment")
        literals = {k: v for k, v in _items(given) if v != f"${{{k}}}"}
        services[name] = {**service, "environment": literals}
    return {**document, "services": services}


def secrets(case: Case) -> Iterator[str]:
    """G27: nothing in the text looks like a key; what is secret appears as a reference only (G26)."""
    for name, service in case.services():
        bare = {key: value for key, value in service.items() if key not in {"environment", "labels"}}
        literals = {k: v for k, v in _items(service.get("environment")) if k not in case.manifest.bundles}
        if any(SECRETS.search(text) for text in strings([bare, literals])):
            yield f"{name}: something looks like a secret"


def template_owned(case: Case) -> Iterator[str]:
    """G28: apart from labels and variables' values, the document is what the template makes for anybody."""
    if _skeleton(case.document) != _skeleton(case.reference):
        yield "command, image or structure depend on the tenant's or the stack's data"


def _skeleton(document: Mapping[str, Any]) -> dict[str, Any]:
    services = {}
    for name, service in document["services"].items():
        parts = {part: service.get(part) or {} for part in ("labels", "environment")}
        names = {part: sorted(value) for part, value in parts.items() if isinstance(value, dict)}
        services[name] = {**service, **names}
    return {**document, "services": services}


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif value is not None:
        yield None, None
