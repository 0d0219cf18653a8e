"""Frozen facts as JSON and back: dataclasses, records, enums and what the standard library adds to them.

Only classes of our own packages are made when text is read, and nothing but their fields is set.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr

from listener import errors

OURS = ("handlers.", "listener.")
HIDDEN = "•"
"""Stands where a secret was."""
Redact = Callable[[Any, str, Any], Any]
"""(object, name of a field, its value) -> what is kept of the value."""


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How values of a type are written, and read again."""

    kind: type
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


FORMS: Mapping[str, Form] = {
    "datetime": Form(datetime, datetime.isoformat, datetime.fromisoformat),
    "timedelta": Form(timedelta, timedelta.total_seconds, lambda seconds: timedelta(seconds=seconds)),
    "secret": Form(SecretStr, lambda _: None, lambda _: SecretStr(HIDDEN)),
    "zone": Form(tzinfo, str, ZoneInfo),
    "error": Form(
        errors.ListenerError,
        lambda error: [error.code, error.what, error.why, error.fix],
        lambda parts: errors.Refusal(parts[0], parts[1], why=parts[2], fix=parts[3]),
    ),
}
MANY: Mapping[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "set": frozenset}


def encode(value: Any, redact: Redact) -> Any:
    """JSON for the value; no `SecretStr` is ever opened. Raises `TypeError` for what has no form here."""
    for tag, form in FORMS.items():
        if isinstance(value, form.kind):
            return {"$": tag, "value": form.write(value)}
    if isinstance(value, Enum):
        return {"$": _name(value), "value": value.value}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): encode(one, redact) for name, one in value.items()}
    return _encode_many(value, redact)


def decode(data: Any) -> Any:
    """The value again; raises `ValueError` for what `encode` did not write."""
    match data:
        case list():
            return [decode(one) for one in data]
        case {"$": tag, "value": value} if tag in FORMS:
            return FORMS[tag].read(value)
        case {"$": tag, "of": members} if tag in MANY:
            return MANY[tag]([decode(one) for one in members])
        case {"$": name, **rest}:
            return _made(_class(str(name)), rest)
        case dict():
            return {name: decode(one) for name, one in data.items()}
        case _:
            return data


def _encode_many(value: Any, redact: Redact) -> Any:
    match value:
        case list():
            return [encode(one, redact) for one in value]
        case tuple():
            return {"$": "tuple", "of": [encode(one, redact) for one in value]}
        case AbstractSet():
            return {"$": "set", "of": sorted((encode(one, redact) for one in value), key=str)}
        case BaseModel():
            names = list(type(value).model_fields)
        case _ if dataclasses.is_dataclass(value):
            names = [one.name for one in dataclasses.fields(value) if one.init]
        case _:
            raise TypeError(f"no form for {type(value).__name__}")
    kept = {name: encode(redact(value, name, getattr(value, name)), redact) for name in names}
    return {"$": _name(value), "fields": kept}


def _made(kind: Any, data: Mapping[Any, Any]) -> Any:
    if issubclass(kind, Enum):
        return kind(data["value"])
    fields = {field: decode(one) for field, one in data["fields"].items()}
    return kind.model_construct(**fields) if issubclass(kind, BaseModel) else kind(**fields)


def _name(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _class(name: str) -> Any:
    module, _, cls = name.partition(":")
    if not module.startswith(OURS):
        raise ValueError(f"{name} is no class of ours")
    try:
        found = getattr(importlib.import_module(module), cls)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name} is not known to this release") from error
    if not isinstance(found, type) or not (
        issubclass(found, Enum | BaseModel) or dataclasses.is_dataclass(found)
    ):
        raise ValueError(f"{name} holds no facts")
    return found
