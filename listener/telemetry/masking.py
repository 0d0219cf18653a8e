"""Logs as their owner may read them: a secret that a program printed is not shown a second time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from listener.telemetry import logs

SHORTEST = 6
"""Characters; shorter values are everyday words and numbers, and masking them would blacken the text."""


def masked(text: str, config: Any, kept: Iterable[str] = ()) -> str:
    """The text without any value of `config.env_vars` and of `kept`, as typed or as part of an address.

    A value of several lines is masked line by line. Texts of a secret's shape go too: what was a value before
    the last edit may still be in the log.
    """
    given = config.get("env_vars") if isinstance(config, Mapping) else None
    values = [*(given.values() if isinstance(given, Mapping) else ()), *kept]
    for value in sorted(set(_parts(values)), key=len, reverse=True):
        text = text.replace(value, logs.HIDDEN)
    for shape in logs.SECRET_SHAPES:
        text = shape.sub(logs.HIDDEN, text)
    return text


def _parts(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        for line in str(value).splitlines():
            if len(line.strip()) >= SHORTEST:
                yield from (line.strip(), quote(line.strip(), safe=""))
