"""From a template's source and values to a plain document, in which no value can change the structure.

Jinja writes every interpolated value as a JSON scalar with `$` doubled (Compose would interpolate it), and
`lint` makes sure that an interpolation stands alone where YAML expects a value. The YAML is then read without
anchors, tags, duplicate keys, and plain values that two readers of YAML take for different things. What is
refused is named by its line.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import secrets
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import jinja2
import jinja2.sandbox
import yaml

from listener import errors
from listener.compose.template import Template

SOURCE = "compose.yaml.j2"
INCLUDED = ("hardening.yaml.j2", "common.yaml.j2")
"""What a template may include: all that a service carries, or of it only limits, logging and labels."""

ALONE_BEFORE = re.compile(r"(?:\A|\n) *(?:- |[A-Za-z0-9_.-]+: )\Z")
ALONE_AFTER = re.compile(r" *(?:\n|\Z)")

TEXT = "tag:yaml.org,2002:str"
REFERENCES = "anchors, aliases and tags are not used"
KEYS = "keys are texts and occur once"
QUOTES = "readers of YAML differ about this value: put it in quotes"
COMMAND = 'an empty list cannot be carried: write ""'
"""Compose takes `command: []` for *none*, and an absent one for the image's own."""

CLEAR = re.compile(r"0|-?[1-9][0-9]{0,17}|-?(?:0|[1-9][0-9]{0,5})\.[0-9]{1,6}")
"""Plain numbers that PyYAML, Symfony's YAML and Compose read alike."""

UNCLEAR = re.compile(
    r"yes|no|on|off|="
    r"|[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:e[-+]?[0-9]+)?"
    r"|[-+]?0(?:b[01_]+|o[0-7_]+|x[0-9a-f_]+)"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?\.(?:inf|nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t\s].*)?",
    re.IGNORECASE,
)
"""Words, numbers, times and dates of YAML 1.1 or 1.2, unless `CLEAR`. Coolify 4.3.10 makes a Unix time of a
date, PyYAML an octal number of `0755`, `false` of `no` and 750 of `12:30`."""

UNPRINTABLE = re.compile(r"[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML reads as a line break or refuses to read at all, though JSON lets it stand."""


HOLE = f"hole-{secrets.token_hex(16)}-"
"""Before the number of a value that is filled in later; nobody can write it, as it dies with the process."""
_holes: ContextVar[list[str] | None] = ContextVar("holes", default=None)


def scalar(value: object) -> str:
    """The value as a quoted scalar that JSON, PyYAML and Symfony's YAML read alike."""
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises UndefinedError: the environment is strict
    if value is not None and not isinstance(value, str | int | float | bool):
        raise TypeError(f"a {type(value).__name__} cannot stand in a compose file")
    return escaped(json.dumps(value, ensure_ascii=False, allow_nan=False))


def escaped(text: str) -> str:
    """JSON text in which only harmless characters stand for themselves. Coolify needs real Unicode."""
    if text.isascii() and "\x7f" not in text:
        return text
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _finalize(value: object) -> str:
    if not isinstance(value, str):
        return scalar(value)
    holes, text = _holes.get(), value.replace("$", "$$")
    if holes is None or not (text.isascii() and text.isprintable()):
        return scalar(text)
    holes.append(text)
    return f'"{HOLE}{len(holes) - 1}"'


def _environment() -> jinja2.sandbox.SandboxedEnvironment:
    folder = importlib.resources.files(__package__)
    return jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.DictLoader({name: folder.joinpath(name).read_text("utf-8") for name in INCLUDED}),
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


ENVIRONMENT = _environment()


@functools.lru_cache(maxsize=64)
def _compiled(source: str) -> jinja2.Template:
    return ENVIRONMENT.from_string(source)


def lint(template: Template) -> None:
    """Return if every `{{ … }}` stands alone after `key: ` or `- `; raise `TEMPLATE_BROKEN` otherwise."""
    try:
        ENVIRONMENT.parse(template.source)
        tokens = list(ENVIRONMENT.lex(template.source))
    except jinja2.TemplateSyntaxError as error:
        raise broken(template, SOURCE, f"line {error.lineno}: {error.message}") from error
    for index, (line, kind, _) in enumerate(tokens):
        if kind == "variable_begin" and not _is_alone(tokens, index):
            raise broken(template, SOURCE, f"line {line}: an interpolation stands alone as a value")


def _is_alone(tokens: list[tuple[int, str, str]], begin: int) -> bool:
    end = next(i for i in range(begin, len(tokens)) if tokens[i][1] == "variable_end")
    before = tokens[begin - 1] if begin else (0, "data", "")
    after = tokens[end + 1] if end + 1 < len(tokens) else (0, "data", "")
    return (
        before[1] == after[1] == "data"
        and ALONE_BEFORE.search(before[2]) is not None
        and ALONE_AFTER.match(after[2]) is not None
    )


def build(template: Template, values: Mapping[str, object]) -> dict[str, Any]:
    """The document that the template makes of the values, without empty lists and maps.

    Texts of one template differ in a few values only, so what is read once is the text with holes in their
    places; where a hole is not one whole value, the text itself is read.
    Raises `TEMPLATE_BROKEN` when the source needs a value that is not there or is no YAML mapping.
    """
    holes: list[str] = []
    skeleton = _skeleton(_rendered(template, values, holes))
    if skeleton is not None and sorted(skeleton[1]) == list(range(len(holes))):
        filled: dict[str, Any] = _filled(skeleton[0], holes)
        return filled
    text = _rendered(template, values, None)
    return parse(template, text, place="rendered line" if "{%" in template.source else "line")


def _rendered(template: Template, values: Mapping[str, object], holes: list[str] | None) -> str:
    """The template's text; with `holes` those of its values that YAML reads as they are lie in there."""
    before = _holes.set(holes)
    try:
        return _compiled(template.source).render(values)
    except (jinja2.TemplateError, TypeError, ValueError) as error:
        raise broken(template, SOURCE, str(error)) from error
    finally:
        _holes.reset(before)


@functools.lru_cache(maxsize=128)
def _skeleton(text: str) -> tuple[dict[str, Any], tuple[int, ...]] | None:
    """The document of a text with holes, and the number of each; None where one is no whole value."""
    try:
        document = _pruned(_read(text))
    except yaml.YAMLError:
        return None
    numbers = tuple(_numbers(document))
    return (document, numbers) if -1 not in numbers else None


def _numbers(value: Any) -> Iterator[int]:
    """The number of each hole, and -1 for one that is a part of something or a key."""
    if isinstance(value, str):
        before, found, number = value.partition(HOLE)
        if found:
            yield int(number) if not before and number.isdecimal() else -1
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (-1 for _ in _numbers(key))
            yield from _numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)


def _filled(value: Any, holes: Sequence[str]) -> Any:
    """A copy in which every hole is its value."""
    if isinstance(value, str):
        return holes[int(value[len(HOLE) :])] if value.startswith(HOLE) else value
    if isinstance(value, dict):
        return {key: _filled(item, holes) for key, item in value.items()}
    return [_filled(item, holes) for item in value] if isinstance(value, list) else value


def parse(template: Template, text: str, *, place: str = "line") -> dict[str, Any]:
    """The YAML text as a mapping; raises `TEMPLATE_BROKEN` for anything that is not plain data.

    The refusal names `place` and number, counted from one.
    """
    try:
        document = _read(text)
    except yaml.YAMLError as error:
        raise broken(template, SOURCE, _where(error, text, place)) from error
    return _pruned(document)


def canonical(document: Mapping[str, Any]) -> str:
    """JSON with real Unicode on one line: the form that Coolify 4.3.10 reads and stores without loss."""
    return escaped(json.dumps(document, ensure_ascii=False, allow_nan=False))


def broken(template: Template, file: str, field: str) -> errors.Refusal:
    """The refusal for a template that cannot be used, naming file and field."""
    return errors.Refusal(
        "TEMPLATE_BROKEN",
        f"The template {template.slug} is broken.",
        what=f"{template.slug}/{file}: {field}",
        fix="correct the template's folder",
    )


def _where(error: yaml.YAMLError, text: str, place: str) -> str:
    """Place and problem without the text around it, which may hold a value."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n")
        return f"{place} {line + 1}: characters that YAML does not allow"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{place} 1: {error}"
    begun = ""
    if error.context and error.context_mark and error.context_mark.line != error.problem_mark.line:
        begun = f" {error.context} that begins in {place} {error.context_mark.line + 1}"
    return f"{place} {error.problem_mark.line + 1}: {error.problem}{begun}"


def _pruned(document: dict[str, Any]) -> dict[str, Any]:
    if isinstance(document.get("services"), dict):
        document["services"] = _without_empty(document["services"])
    return document


def _without_empty(value: Any) -> Any:
    """Coolify turns an empty list into an empty map, which Compose refuses (4.3.10, symfony/yaml)."""
    if isinstance(value, dict):
        pruned = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


class _PlainLoader(yaml.CSafeLoader):
    """A SafeLoader in which keys are texts and occur once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key, value in node.value:
            if key.tag != TEXT or key.value in seen:
                raise _refused(KEYS, key)
            if key.value in {"command", "entrypoint"} and value.value == []:
                raise _refused(COMMAND, value)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _read(text: str) -> dict[str, Any]:
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise _refused(REFERENCES, event)
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and _is_unclear(event.value):
            raise _refused(QUOTES, event)
    loader = _PlainLoader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise _refused("the document is not a mapping", node)
        document: dict[str, Any] = loader.construct_document(node)
        return document
    finally:
        loader.dispose()


def _is_unclear(plain: str) -> bool:
    return UNCLEAR.fullmatch(plain) is not None and CLEAR.fullmatch(plain) is None


def _refused(problem: str, at: Any) -> yaml.MarkedYAMLError:
    """An error at the beginning of an event or a node, or of the text without one."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark if at else None)
