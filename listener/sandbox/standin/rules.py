"""Checks of fields as Laravel words them (Coolify 4.3.10, ValidationPatterns.php and the controllers)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from listener.sandbox.standin import answers

NAME = re.compile(r"^[\w\s\-./@&()#,:+]+$")
DESCRIPTION = re.compile(r"^[\w\s\-.,!?()'\"+=*@/&]+$")
KEY = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_BOOLEANS = (True, False, 0, 1, "0", "1")
_NAME_TEXT = (
    "The name may only contain letters (including Unicode), numbers, spaces, and these characters: "
    "- _ . / @ & ( ) # , : +"
)
_DESCRIPTION_TEXT = (
    "The description may only contain letters (including Unicode), numbers, spaces, and common punctuation: "
    "- _ . , ! ? ( ) ' \" + = * / @ &"
)

Errors = dict[str, list[str]]


def trimmed(value: Any) -> Any:
    """As the global middleware leaves it: texts trimmed, empty texts turned into null, at any depth."""
    if isinstance(value, dict):
        return {key: trimmed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [trimmed(inner) for inner in value]
    return value.strip() or None if isinstance(value, str) else value


def unknown(body: dict[str, Any], allowed: Iterable[str]) -> Errors:
    """An error for each field that the endpoint does not list."""
    return {key: ["This field is not allowed."] for key in body if key not in set(allowed)}


def wrong_types(body: dict[str, Any], *, strings: Iterable[str] = (), booleans: Iterable[str] = ()) -> Errors:
    """An error for each given field of a wrong type; null passes, and so do 0, 1, "0" and "1" as booleans."""
    errors: Errors = {}
    for key in strings:
        if body.get(key) is not None and not isinstance(body[key], str):
            errors[key] = [f"The {_words(key)} field must be a string."]
    for key in booleans:
        if body.get(key) is not None and body[key] not in _BOOLEANS:
            errors[key] = [f"The {_words(key)} field must be true or false."]
    return errors


def required(body: dict[str, Any], *keys: str) -> Errors:
    """An error for each field that is missing or empty."""
    return {key: [f"The {_words(key)} field is required."] for key in keys if body.get(key) is None}


def names(body: dict[str, Any], *, must: bool) -> Errors:
    """The rules for names and descriptions of projects and environments."""
    errors = required(body, "name") if must else {}
    errors |= wrong_types(body, strings=("name", "description"))
    name, description = body.get("name"), body.get("description")
    if "name" not in errors and name is not None:
        if len(name) < 3:
            errors["name"] = ["The name must be at least 3 characters."]
        elif len(name) > 255:
            errors["name"] = ["The name may not be greater than 255 characters."]
        elif not NAME.match(name):
            errors["name"] = [_NAME_TEXT]
    if "description" not in errors and description is not None:
        if len(description) > 255:
            errors["description"] = ["The description may not be greater than 255 characters."]
        elif not DESCRIPTION.match(description):
            errors["description"] = [_DESCRIPTION_TEXT]
    return errors


def demand(*errors: Errors) -> None:
    """Raises 422 with all the errors, if there are any."""
    found: Errors = {}
    for one in errors:
        found |= {key: texts for key, texts in one.items() if key not in found}
    if found:
        raise answers.invalid(found)


def flag(value: str | None, *, default: bool) -> bool:
    """A boolean of a query: 1, true, on, yes are true, every other text is false."""
    return default if value is None else value.lower() in {"1", "true", "on", "yes"}


def without_tags(text: str) -> str:
    """HTML tags are stripped from names and descriptions of services (HasSafeStringAttribute.php)."""
    return re.sub(r"<[^>]*>", "", text)


def _words(key: str) -> str:
    return key.replace("_", " ")
