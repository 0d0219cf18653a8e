"""The `.env` that Coolify writes, one `KEY=value` a line, and what Compose thinks of it.

Source: Coolify 4.3.10, EnvironmentVariable.php, and `docker compose config` (2.26.1) of the written files.
"""

from __future__ import annotations

import json
import re

from listener.sandbox.standin import state


def real_value(variable: state.Variable) -> str:
    """What stands after `KEY=`: JSON as it is, literal and multiline in single quotes, else escaped."""
    value = variable.value or ""
    if _is_json(value):
        return value
    if variable.is_literal or variable.is_multiline:
        return f"'{value}'"
    return re.sub(r"([\\\"'])", r"\\\1", value).replace("\t", "\\t").replace("\r", "\\r")


def unreadable(variables: list[state.Variable]) -> str:
    """Why Compose cannot read the file, or an empty text: inner single quotes and bare newlines break it."""
    for variable in variables:
        value = variable.value or ""
        quoted = (variable.is_literal or variable.is_multiline) and not _is_json(value)
        if quoted and "'" in value:
            return f'unexpected character "\'" in variable name near {variable.key}'
        if "\n" in value and not variable.is_multiline:
            return "setenv: invalid argument"
    return ""


def _is_json(value: str) -> bool:
    if not value.startswith(("{", "[")):
        return False
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
