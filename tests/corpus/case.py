"""What is known about one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Taken:
    """The text means `value`, here and after everything that Coolify does to it."""

    name: str
    text: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The text is refused before any call, at this line (counted from one), in words that hold `why`."""

    name: str
    text: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """The text can be read, but Coolify would make something else of it: a rule of the guard says `what`."""

    name: str
    text: str
    rule: str
    what: str


def app(**keys: Any) -> dict[str, Any]:
    """A document with the one service `app`, which has these keys beside its image."""
    return {"services": {"app": {"image": "example/app:1.2", **keys}}}


def environment(**variables: Any) -> dict[str, Any]:
    """A document with the one service `app` and its variables."""
    return app(environment=variables)


HEAD = """services:
  app:
    image: example/app:1.2
"""
"""Three lines that begin most texts here."""
