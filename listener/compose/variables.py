"""From what a person typed to the variables that are sent; every complaint at once."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from listener import errors
from listener.compose.manifest import NAME, Parameter
from listener.compose.template import Template

CODES = (
    "VARIABLE_MISSING",
    "VARIABLE_UNKNOWN",
    "VARIABLE_INVALID",
    "VARIABLE_UNCARRIABLE",
)
"""The refusal carries the first of these that applies; its text names every problem."""

SHOWN_PROBLEMS = 12

SHARED = re.compile(r"\{\{\s*(team|project|environment|server)\s*\.", re.IGNORECASE)
"""Coolify 4.3.10 (EnvironmentVariable.php) puts the platform's own shared variables in place of these."""


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One variable for Coolify: literal always, `multiline` when it holds a line break."""

    key: str
    value: SecretStr
    multiline: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class Variables:
    """What is sent, in the manifest's order, and what the person should know about it."""

    env: tuple[EnvVar, ...]
    notes: tuple[str, ...]
    options: frozenset[str] = frozenset()
    """Names of the options that are on."""
    unmade: tuple[Parameter, ...] = ()
    """Generated secrets of which no value is kept yet: it must be made before anything is sent."""


@dataclass(slots=True)
class _Findings:
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Parameters whose value is there and cannot be read: they are not missing too."""

    def problem(self, code: str, text: str) -> None:
        self.problems.append((code, text))


def resolve(
    template: Template,
    given: object,
    *,
    platform: Mapping[str, str],
    kept: Mapping[str, SecretStr] | None = None,
) -> Variables:
    """The variables of one stack from `config.env_vars`, the manifest and the platform's settings.

    `kept` are the secrets kept for the stack or its tenant, by name: the only source of generated ones and
    of those that staff sets, and the second one, after `given`, of any other. An empty value counts as
    absent, also under an unknown name. No text of a refusal or note holds a value.
    Raises `Refusal` with `CONFIG_INVALID` when `given` is no object, else with the first of `CODES`.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise errors.Refusal(
            "CONFIG_INVALID",
            "config.env_vars must be an object of names and texts.",
            fix='write {"env_vars": {"NAME": "value"}}',
        )
    found = _Findings()
    typed = _kept(template, kept := kept or {}) | _typed(template, given, found)
    values = {}
    for parameter in template.manifest.parameters:
        value = _value(parameter, typed, platform, found)
        if value is not None:
            values[parameter] = value
    if found.problems:
        raise _refusal(template, found.problems)
    options = template.manifest.options
    return Variables(
        env=tuple(_env_var(one, value) for one, value in values.items() if one.name not in options),
        notes=tuple(found.notes),
        options=frozenset(
            one.name for one, value in values.items() if one.name in options and value == "true"
        ),
        unmade=tuple(one for one in template.manifest.parameters if one.generated and one.name not in kept),
    )


def _kept(template: Template, kept: Mapping[str, SecretStr]) -> dict[str, str]:
    names = {p.name for p in template.manifest.parameters if not p.from_platform}
    return {name: value.get_secret_value() for name, value in kept.items() if name in names}


def _typed(template: Template, given: Mapping[object, object], found: _Findings) -> dict[str, str]:
    """Canonical name to the text a person gave for it; everything else is a problem or a note."""
    manifest = template.manifest
    meant = {name: p for p in manifest.parameters for name in (p.name, *p.aliases)}
    texts: dict[str, str] = {}
    for name, raw in given.items():
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            continue
        parameter = meant.get(name) if isinstance(name, str) else None
        if name in manifest.ignored:
            found.notes.append(f"{name} has no effect in {manifest.slug} and was ignored.")
        elif parameter is None:
            found.problem("VARIABLE_UNKNOWN", f"{_shown(name)} is not a variable of {manifest.slug}.")
        elif not parameter.is_given:
            found.problem("VARIABLE_UNKNOWN", f"{name} is set by the platform and cannot be given.")
        elif not isinstance(raw, str):
            found.unread.add(parameter.name)
            found.problem("VARIABLE_INVALID", f"{name} must be a text: put the value in quotes.")
        else:
            texts[str(name)] = raw
    return {p.name: text for p in manifest.parameters if (text := _chosen(p, texts, found)) is not None}


def _chosen(parameter: Parameter, texts: Mapping[str, str], found: _Findings) -> str | None:
    names = [name for name in (parameter.name, *parameter.aliases) if name in texts]
    if not names:
        return None
    found.notes.extend(f"{name} was ignored: {names[0]} is given too." for name in names[1:])
    text = texts[names[0]].replace("\r\n", "\n").replace("\r", "\n")
    if text != text.strip():
        found.notes.append(f"{names[0]}: blanks around the value were removed.")
    return text.strip()


def _value(
    parameter: Parameter, typed: Mapping[str, str], platform: Mapping[str, str], found: _Findings
) -> str | None:
    if parameter.from_platform:
        value = platform.get(parameter.from_platform, "").strip() or None
        absent = f"{parameter.name} is missing: the platform has no {parameter.from_platform} yet."
    else:
        value = typed.get(parameter.name, parameter.default)
        absent = f"{parameter.name} is missing."
    if value is None:
        if parameter.required and parameter.name not in found.unread:
            found.problem("VARIABLE_MISSING", absent)
        return None
    try:
        value = KINDS[parameter.type](value)
    except ValueError as error:
        found.problem("VARIABLE_INVALID", f"{parameter.name} {error}.")
        return None
    complaints = [("VARIABLE_INVALID", text) for text in _misfits(parameter, value)]
    if parameter.encoding == "plain":
        complaints += [("VARIABLE_UNCARRIABLE", text) for text in _uncarriable(value)]
    for code, text in complaints:
        found.problem(code, f"{parameter.name} {text}.")
    return None if complaints else value


def _misfits(parameter: Parameter, value: str) -> Iterator[str]:
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in value):
        yield "holds control characters"
    if "\n" in value and not parameter.multiline:
        yield "must be a single line"
    if not parameter.min_length <= len(value) <= parameter.max_length:
        yield f"must have {parameter.min_length} to {parameter.max_length} characters, not {len(value)}"
    if parameter.pattern is not None and not re.fullmatch(parameter.pattern, value):
        yield "does not have the expected form"


def _uncarriable(value: str) -> Iterator[str]:
    """What a literal variable of Coolify cannot hold.

    Coolify writes `KEY='value'` into a file that Compose reads (4.3.10, EnvironmentVariable.php): a single
    quote or a last backslash ends or opens the quotes and no container starts. A JSON object or array is
    written without quotes, so that `$`, `#` and line breaks take effect.
    """
    if "'" in value:
        yield "holds a single quote ('), which cannot be stored; use a typographic one (’)"
    if value.endswith("\\"):
        yield "ends in a backslash, which cannot be stored"
    if SHARED.search(value):
        yield "holds a reference such as {{team.…}}, which cannot be stored"
    if _is_json_container(value):
        yield "is a JSON object or array, which cannot be stored"


def _is_json_container(value: str) -> bool:
    if not value.startswith(("{", "[")):
        return False
    try:
        json.loads(value)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _env_var(parameter: Parameter, value: str) -> EnvVar:
    carried = value
    if parameter.encoding == "base64":
        carried = base64.b64encode(value.encode()).decode("ascii")
    return EnvVar(
        key=parameter.env_key,
        value=SecretStr(carried),
        multiline="\n" in carried,
        secret=parameter.secret,
    )


def _text(value: str) -> str:
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", value) or not value.isascii():
        raise ValueError("must be an address that begins with http:// or https://")
    return value


def _integer(value: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise ValueError("must be a whole number")
    return str(int(value))


def _boolean(value: str) -> str:
    word = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}.get(
        value.lower()
    )
    if word is None:
        raise ValueError("must be true or false")
    return word


KINDS: dict[str, Callable[[str], str]] = {
    "text": _text,
    "secret": _text,
    "url": _url,
    "integer": _integer,
    "boolean": _boolean,
}


def _shown(name: object) -> str:
    """A name as it may be shown: what is no name could be a secret in the wrong field."""
    if isinstance(name, str) and NAME.fullmatch(name.upper()):
        return name
    return "One entry's name"


def _refusal(template: Template, problems: list[tuple[str, str]]) -> errors.Refusal:
    code = min((code for code, _ in problems), key=CODES.index)
    texts = [text for _, text in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        texts.append(f"And {len(problems) - SHOWN_PROBLEMS} more.")
    takes = ", ".join(p.name for p in template.manifest.parameters if p.is_given)
    return errors.Refusal(
        code,
        " ".join(texts),
        why="config.env_vars does not fit the template",
        fix=f"{template.slug} takes {takes}",
    )
