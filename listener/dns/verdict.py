"""What the answers about a domain are worth. Pure: what was found in, a verdict out.

An address shows that a domain leads here, not who owns it; the text beside it names whom it is for. So a text
that names somebody else outweighs an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_SHOWN = 3
"""Addresses that a reason names."""


class Word(StrEnum):
    """What is known of a domain."""

    PROVEN = "proven"
    """It leads to the server, or its owner names the one who asks for it."""
    MISSING = "missing"
    """The name servers answered, and there is no proof."""
    UNKNOWN = "unknown"
    """They did not answer, or not with sense: nothing was learned."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found under a name. Empty values are an absence only if it `is_known`."""

    values: frozenset[str] = frozenset()
    is_known: bool = True
    reason: str = ""
    """Why it is not known, in plain words."""


@dataclass(frozen=True, slots=True)
class Question:
    """May this host be routed? `value` is the whole text that proves it, `name=whom`."""

    host: str
    door: tuple[str, ...]
    """IP addresses and host names of the server to which it must lead; none = only the text counts."""
    text_name: str
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a question about a host."""

    word: Word
    reason: str
    """Plain words for staff; does not change while the name servers say the same."""


def judge(question: Question, *, addresses: Found, texts: Found, door: Found) -> Verdict:
    """The verdict on what was found of the host, of its text record, and of the server it must lead to."""
    key = f"{question.value.partition('=')[0]}="
    named = {text for text in texts.values if text.startswith(key)}
    if question.value in named:
        return Verdict(Word.PROVEN, f"{question.text_name} has the text")
    if named:
        return Verdict(Word.MISSING, f"{question.text_name} has the text of somebody else")
    if addresses.values & door.values:
        return Verdict(Word.PROVEN, "it leads to the server")
    for found in (addresses, texts, door):
        if not found.is_known:
            return Verdict(Word.UNKNOWN, found.reason)
    if not addresses.values:
        return Verdict(Word.MISSING, "it has no address")
    shown = ", ".join(sorted(addresses.values)[:MOST_SHOWN])
    return Verdict(Word.MISSING, f"it leads to {shown}")
