"""What people read: short, in two languages, without jargon, and with what comes next."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

import pytest

from handlers import messages, refusals
from listener import errors

ALL: Mapping[str, tuple[str, str]] = {**messages.MESSAGES, **refusals.REFUSALS, **refusals.RECEIPTS}
JARGON = re.compile(
    r"coolify|pocketbase|docker|compose|container|uuid|hash|\blease\b|ledger|intent|marker|\bapi\b|http |json"
    r"|sweep|queue|worker|drift|reconcil|orphan|tombstone|volume",
    re.IGNORECASE,
)
LONGEST = 200
UNSETTLED = re.compile(r"^(Waiting|Blocked|It |An answer|Something|The platform|What must)")
NEXT = re.compile(
    r"by itself|until|again|choose|operator|delete|remove|ask|use |give |set |write |when|at once|example",
    re.IGNORECASE,
)
WEITER = re.compile(
    r"von selbst|bis|erneut|wieder|bitte|betreiber|sobald|neuer versuch|beispiel|wird .*nachgesehen",
    re.IGNORECASE,
)
SAMPLE = {"example": "…", "help": "…", "reason": "…", "host": "a.example.org", "name": "_x.a.example.org"}


def filled(text: str) -> str:
    """The text as people read it, with values of usual length."""
    names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    return text.format(**{name: SAMPLE.get(name, "12345678") for name in names})


@pytest.mark.parametrize("code", ALL)
def test_a_text_is_short_in_both_languages_and_free_of_jargon(code: str) -> None:
    english, german = (filled(text) for text in ALL[code])
    assert max(len(english), len(german)) <= LONGEST
    assert english != german
    assert [JARGON.search(text) for text in (english, german)] == [None, None]
    fields = [sorted(name for _, name, _, _ in string.Formatter().parse(text) if name) for text in ALL[code]]
    assert fields[0] == fields[1], "both name the same"


@pytest.mark.parametrize(
    "code", [*refusals.REFUSALS, *(c for c, t in messages.MESSAGES.items() if UNSETTLED.match(t[0]))]
)
def test_what_is_not_as_it_should_be_says_what_comes_next_or_what_to_do(code: str) -> None:
    english, german = ALL[code]
    assert NEXT.search(english), english
    assert WEITER.search(german), german


def test_a_refusal_is_said_in_the_sites_language() -> None:
    error = refusals.refusal("QUOTA_STACKS", what="w", why="y", fix="f", tier="Team", most="10", count="10")
    assert refusals.told(error, "en") == error.message
    assert refusals.told(error, "de").startswith("Der Tarif Team umfasst 10 Stacks")
    plain = errors.Refusal("DOMAIN_TAKEN", "This domain is used by another stack. Choose another one.")
    assert refusals.told(plain, "de").startswith("Diese Domain benutzt schon")
    unnamed = errors.Refusal("VARIABLE_MISSING", "A is missing. B is missing.")
    assert refusals.told(unnamed, "de") == "A is missing. B is missing.", "nothing that it says is left out"
