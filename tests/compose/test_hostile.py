"""What is one edit away from an accepted document is refused, each edit by one rule."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import catalog, guard, render, template
from listener.compose.guard.case import Case

from .conftest import context, found, outcome
from .hostile import CORPUS, Hostile
from .hostile_keys import GONE

IDS = [f"{n:03}-{one.code}-{one.place.rpartition('/')[2]}" for n, one in enumerate(CORPUS)]
NEED_THE_PAIR = {"G28", "G29"}


def objecting(subject: template.Template, hostile: Hostile, service: str = "app") -> set[str]:
    """Codes of the rules that object. The template says the same for everybody, unless G28 is meant."""
    identity = context(subject, domain="a.example.org" if subject.manifest.web else None)
    accepted = render.render(subject, context=identity).document
    edited = hostile.applied(accepted, service)
    reference = accepted if hostile.code == "G28" else edited
    return {rule.code for rule, _ in guard.found(Case(edited, subject, identity.limits, reference))}


@pytest.mark.parametrize("hostile", CORPUS, ids=IDS)
def test_an_edit_is_refused_by_one_rule(pair: template.Template, hostile: Hostile) -> None:
    assert objecting(pair, hostile) == {hostile.code}


def test_a_key_of_the_bot_is_refused_by_the_same_rule(bot: template.Template) -> None:
    keys = [one for one in CORPUS if one.place.startswith("services/app/") and one.place.count("/") == 2]
    wrong = [one for one in keys if objecting(bot, one, "bot") != {one.code}]
    assert (len(keys) > 100, wrong) == (True, [])


def test_every_rule_that_judges_has_two_hostile_documents() -> None:
    count = Counter(one.code for one in CORPUS)
    assert {code for code, rule in guard.RULES.items() if rule.objections and count[code] < 2} == set()
    assert count.keys() <= guard.RULES.keys()


def places(value: Any) -> Iterator[Any]:
    """Every list and mapping inside."""
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from places(item)


def put(data: st.DataObject, document: dict[str, Any], key: str, value: object) -> None:
    """The value stands somewhere in the document, under the key or in a list."""
    inside = data.draw(st.sampled_from(list(places(document))))
    if isinstance(inside, dict):
        inside[key] = value
    else:
        inside.insert(data.draw(st.integers(0, len(inside))), {key: value})


def judged(subject: template.Template, document: dict[str, Any]) -> guard.CheckedCompose | errors.Refusal:
    identity = context(subject, domain="a.example.org")
    return outcome(lambda: guard.check(document, subject, identity.limits, reference=document))


ELSEWHERE = [one for one in CORPUS if one.value is not GONE and one.code not in NEED_THE_PAIR]


@settings(deadline=None, max_examples=300)
@given(data=st.data(), fragments=st.lists(st.sampled_from(ELSEWHERE), min_size=1, max_size=3))
def test_a_hostile_fragment_is_refused_wherever_it_stands(
    shop: catalog.Catalog, data: st.DataObject, fragments: list[Hostile]
) -> None:
    subject = found(shop, "pair")
    accepted = render.render(subject, context=context(subject, domain="a.example.org")).document
    document = copy.deepcopy(accepted)
    for one in fragments:
        put(data, document, one.place.rpartition("/")[2], copy.deepcopy(one.value))
    if document != accepted:
        refusal = judged(subject, document)
        assert isinstance(refusal, errors.Refusal), document
        assert refusal.code.removeprefix("GUARD_") in guard.RULES


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
NAMES = sorted({one.place.rpartition("/")[2] for one in CORPUS})


@settings(deadline=None, max_examples=300)
@given(data=st.data(), key=st.sampled_from(NAMES) | st.text(max_size=5), value=ANYTHING)
def test_whatever_stands_wherever_it_is_judged(
    shop: catalog.Catalog, data: st.DataObject, key: str, value: object
) -> None:
    subject = found(shop, "pair")
    document = render.render(subject, context=context(subject, domain="a.example.org")).document
    put(data, document, key, value)
    result = judged(subject, document)
    assert isinstance(result, guard.CheckedCompose) or result.fix
