"""Spans of time as people type them."""

from __future__ import annotations

import re
from datetime import timedelta

from listener import errors

SPAN = re.compile(r"(\d{1,5})(m|h|d)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def is_span(text: str) -> bool:
    """It is written as a span."""
    return SPAN.fullmatch(text) is not None


def read(text: str) -> timedelta:
    """What `30m`, `4h` or `2d` means; raises `SPAN_UNKNOWN`."""
    found = SPAN.fullmatch(text)
    if found is None:
        raise errors.Refusal("SPAN_UNKNOWN", f"{text!r} is no span of time.", fix="such as 90m, 2h or 3d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
