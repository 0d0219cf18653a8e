"""Variables in a file in dotenv form: the only way for secrets to come in, as arguments are seen by all."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import parser

from listener import errors

FORM = 'write NAME=value, one a line; quote values that hold #, blanks or line breaks: NAME="…"'


PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=~-]*")
"""Values that mean themselves without quotes, to python-dotenv, to systemd and to a shell."""
UNFIT = re.compile(r"['\\]|\$\{|[^ -~]")
"""What they read in different ways, also in quotes."""


def read(path: Path, *, may_be_empty: bool = False) -> dict[str, str]:
    """Name -> value; longer values stand in quotes, over several lines if need be. `$` means itself.

    Raises `ENV_FILE_INVALID` naming every bad line by number, never by its text.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            bindings = list(parser.parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise _invalid(path, reason, "check its path, its rights, and that it is text") from error
    found: dict[str, str] = {}
    problems = []
    for binding in bindings:
        place = _line(binding)
        if binding.error:
            problems.append(f"line {place} is not NAME=value")
        elif binding.key and binding.value is None:
            problems.append(f"line {place} has a name and no “=”")
        elif binding.key in found:
            problems.append(f"line {place} gives {binding.key} a second time")
        elif binding.key:
            found[binding.key] = binding.value or ""
    if problems:
        raise _invalid(path, "; ".join(problems), FORM)
    if not found and not may_be_empty:
        raise _invalid(path, "it has no variables", FORM)
    return found


def is_fit(value: str) -> bool:
    """The value can stand in a file that is read as `.env`, by systemd and by a shell."""
    return UNFIT.search(value) is None


def merged(text: str, values: Mapping[str, str]) -> str:
    """The file's text with these values, each where its name stood, new ones at its end; the rest stays."""
    left = dict(values)
    parts = []
    for binding in parser.parse_stream(io.StringIO(text)):
        original = binding.original.string
        if binding.key in left:
            blank = original[: len(original) - len(original.lstrip())]
            parts.append(blank + _assigned(binding.key, left.pop(binding.key)))
        elif binding.key not in values:
            parts.append(original if original.endswith("\n") else f"{original}\n")
    return "".join([*parts, *(_assigned(name, value) for name, value in left.items() if value)])


def _assigned(name: str, value: str) -> str:
    quoted = value if PLAIN.fullmatch(value) else f"'{value}'"
    return f"{name}={quoted}\n"


def _line(binding: parser.Binding) -> int:
    """The number of the line on which a binding begins: blank lines before it belong to it."""
    text = binding.original.string
    return binding.original.line + len(text[: len(text) - len(text.lstrip())].splitlines())


def _invalid(path: Path, why: str, fix: str) -> errors.Refusal:
    return errors.Refusal("ENV_FILE_INVALID", f"The file {path} cannot be used.", why=why, fix=fix)
