"""Patterns for answers: uuids, order and further fields may vary, what is written must hold.

A mapping asks for its keys, a list for exactly its items, a text for itself; and
    "~regex"                          a text in which the pattern is found
    "<uuid>" "<stamp>" "<text>" "<number>" "<list>" "<map>" "<any>" "<absent>"
    {$has: p} {$none: p} {$each: p}   about a list's items
    {$length: n} {$keys: [...]} {$not: p} {$any: [p, ...]}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_UUID = re.compile(r"[a-z0-9]{24}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_ABSENT = object()

_KINDS: dict[str, Callable[[Any], bool]] = {
    "<uuid>": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "<stamp>": lambda value: isinstance(value, str) and _STAMP.match(value) is not None,
    "<text>": lambda value: isinstance(value, str) and bool(value),
    "<number>": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "<list>": lambda value: isinstance(value, list),
    "<map>": lambda value: isinstance(value, dict),
    "<any>": lambda value: value is not _ABSENT,
    "<absent>": lambda value: value is _ABSENT,
}


def mismatch(pattern: Any, value: Any, where: str = "body") -> str | None:
    """The first place where the value is not as the pattern says, or None."""
    if isinstance(pattern, dict):
        return (
            _operators(pattern, value, where)
            if any(_is_operator(key) for key in pattern)
            else _mapping(pattern, value, where)
        )
    if isinstance(pattern, list):
        return _items(pattern, value, where)
    if isinstance(pattern, str) and pattern in _KINDS:
        return None if _KINDS[pattern](value) else f"{where}: {_short(value)} is not {pattern}"
    if isinstance(pattern, str) and pattern.startswith("~"):
        found = isinstance(value, str) and re.search(pattern[1:], value)
        return None if found else f"{where}: {_short(value)} does not match {pattern[1:]!r}"
    same = pattern == value and isinstance(pattern, bool) == isinstance(value, bool)
    return None if same else f"{where}: {_short(value)} is not {pattern!r}"


def _is_operator(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$")


def _mapping(pattern: dict[str, Any], value: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where}: {_short(value)} is not a map"
    problems = (mismatch(inner, value.get(key, _ABSENT), f"{where}.{key}") for key, inner in pattern.items())
    return next((problem for problem in problems if problem), None)


def _items(pattern: list[Any], value: Any, where: str) -> str | None:
    if not isinstance(value, list) or len(value) != len(pattern):
        return f"{where}: {_short(value)} is not a list of {len(pattern)}"
    pairs = enumerate(zip(pattern, value, strict=True))
    problems = (mismatch(inner, item, f"{where}[{place}]") for place, (inner, item) in pairs)
    return next((problem for problem in problems if problem), None)


def _operators(pattern: dict[str, Any], value: Any, where: str) -> str | None:
    for name, argument in pattern.items():
        if not _OPERATORS[name](argument, value):
            return f"{where}: {_short(value)} fails {name} {argument!r}"
    return None


def _holds(pattern: Any, value: Any) -> bool:
    return mismatch(pattern, value) is None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$has": lambda pattern, value: isinstance(value, list) and any(_holds(pattern, item) for item in value),
    "$none": lambda pattern, value: (
        isinstance(value, list) and not any(_holds(pattern, one) for one in value)
    ),
    "$each": lambda pattern, value: isinstance(value, list) and all(_holds(pattern, one) for one in value),
    "$length": lambda number, value: isinstance(value, list | dict | str) and len(value) == number,
    "$keys": lambda keys, value: isinstance(value, dict) and set(value) == set(keys),
    "$not": lambda pattern, value: not _holds(pattern, value),
    "$any": lambda patterns, value: any(_holds(pattern, value) for pattern in patterns),
}


def _short(value: Any) -> str:
    return "nothing" if value is _ABSENT else repr(value)[:200]
