"""A template's parameters as JSON Schema: what a form for `config.env_vars` needs, and a check of it."""

from __future__ import annotations

from typing import Any, Literal

from listener.compose.manifest import Manifest, Parameter

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Language = Literal["en", "de"]
PATTERNS = {"url": r"^https?://\S+$", "integer": r"^\s*-?[0-9]{1,18}\s*$"}
WORDS = ["true", "false", "yes", "no", "1", "0"]


def parameters(manifest: Manifest, language: Language = "en") -> dict[str, Any]:
    """The schema of `config.env_vars`: every name a person may give, aliases and ignored ones included.

    An empty text counts as not given, so it is allowed for each; whether something required is missing is
    said by `x-required`, as a stack may get it from elsewhere (the Router's key from its tenant).
    """
    properties: dict[str, Any] = {}
    given = [one for one in manifest.parameters if one.is_given]
    for one in given:
        properties[one.name] = _property(one, language)
        for alias in one.aliases:
            properties[alias] = {**properties[one.name], "deprecated": True, "x-alias-of": one.name}
    for name in manifest.ignored:
        properties[name] = {"x-ignored": True}
    return {
        "$schema": DIALECT,
        "title": getattr(manifest.title, language),
        "description": getattr(manifest.description, language),
        "type": "object",
        "properties": properties,
        "additionalProperties": {"enum": ["", None]},
        "x-required": [one.name for one in given if one.required],
        "x-made": [one.name for one in manifest.parameters if one.generated],
    }


def _property(parameter: Parameter, language: Language) -> dict[str, Any]:
    found: dict[str, Any] = {"type": ["string", "null"], "description": getattr(parameter.help, language)}
    if parameter.default is not None:
        found["default"] = parameter.default
    if parameter.secret:
        found |= {"writeOnly": True, "format": "password"}
    if parameter.multiline:
        found["x-multiline"] = True
    return found | {"anyOf": [{"enum": ["", None]}, _form(parameter)]}


def _form(parameter: Parameter) -> dict[str, Any]:
    """The form of a value that is given. Blanks around it are removed before it is looked at."""
    if parameter.type == "boolean":
        return {"enum": WORDS}
    pattern = PATTERNS.get(parameter.type)
    if parameter.pattern is not None:
        pattern = rf"^\s*(?:{parameter.pattern})\s*$"
    form: dict[str, Any] = {"minLength": parameter.min_length}
    return form | ({"pattern": pattern} if pattern else {"maxLength": parameter.max_length})


def admission(manifest: Manifest) -> dict[str, Any]:
    """What PocketBase's hooks need to judge limits, quotas and domains at save time, as the listener does."""
    return {
        "services": {
            name: {
                "limits": {tier: limits.model_dump() for tier, limits in service.limits.items()},
                "floor": service.floor.model_dump(),
                "option": service.option,
                "one_shot": service.one_shot,
            }
            for name, service in manifest.services.items()
        },
        "options": {
            one.name: {"names": [one.name, *one.aliases], "default": one.default or ""}
            for one in manifest.parameters
            if one.name in manifest.options
        },
        "unique": [[one.name, *one.aliases] for one in manifest.parameters if one.unique],
        "web": manifest.web is not None,
    }
