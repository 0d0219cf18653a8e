"""What a service is made of as it stands in Coolify: compose, images and variables, as far as one may read.

Shapes as answered by Coolify 4.3.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from listener.coolify.payloads import text_of


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it stands; `is_made` are those that Coolify makes by itself (`SERVICE_…`)."""

    key: str
    value: str | None = field(repr=False)
    """None when the token may not read it, or nobody may since it is shown once."""
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a service is made of, read while its list entry bore this `updated_at`."""

    updated_at: str
    compose: str | None = field(repr=False)
    images: tuple[tuple[str, str], ...]
    """(compose service, its image); services that are gone from the compose keep their rows."""
    variables: tuple[Variable, ...]
    project_uuid: str = ""


def variable(row: Mapping[str, Any]) -> Variable:
    """A `Variable` from one row of a service's variables."""
    is_hidden = "value" not in row or bool(row.get("is_shown_once"))
    value = None if is_hidden else str(row["value"] or "")
    return Variable(text_of(row, "key"), value, bool(row.get("is_coolify")))


def compose_data(text: str) -> Any:
    """The compose as data with every scalar a text; None when it is no YAML."""
    try:
        return yaml.load(text, yaml.CBaseLoader)  # noqa: S506 - makes texts, lists and maps only
    except yaml.YAMLError:
        return None
