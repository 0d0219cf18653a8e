"""From an author's text through our reader and Coolify's and back, by value; or refused at its line."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import document, guard, manifest, template
from listener.compose.guard.case import Case
from listener.sandbox.standin import answers, compose, yamlish
from tests.contract.stand import stand
from tests.corpus import blocks, refused, scalars, services, structure, whole
from tests.corpus.case import HEAD, Guarded, Refused, Taken

TAKEN = (*scalars.TAKEN, *blocks.TAKEN, *structure.TAKEN, *services.TAKEN, *whole.TAKEN)

MANIFEST = manifest.Manifest.model_validate(
    {
        "slug": "corpus",
        "version": "1.0.0",
        "title": {"en": "Corpus", "de": "Corpus"},
        "description": {"en": "Texts.", "de": "Texte."},
        "images": {"app": {"name": "example/app", "tag": "1.2"}},
        "services": {
            "app": {
                "floor": {"cpus": 0.1, "memory": "16M", "pids": 8},
                "limits": {"starter": {"cpus": 0.1, "memory": "16M", "pids": 8}},
            }
        },
        "health": {"known": False, "deadline": 60},
        "sample": {},
    }
)


def written(text: str) -> template.Template:
    """A template with this source."""
    return template.Template(manifest=MANIFEST, source=text, bundles={})


def read(text: str) -> dict[str, Any]:
    """What our reader makes of a template's source."""
    subject = written(text)
    document.lint(subject)
    return document.build(subject, {})


def sent(made: dict[str, Any]) -> str:
    """The document as it is sent to Coolify."""
    return base64.b64encode(document.canonical(made).encode()).decode()


def exactly(value: Any) -> str:
    """A text that is the same for the same value, types and order included: 1 is neither 1.0 nor true."""
    return json.dumps(value, ensure_ascii=False)


def test_the_corpus_is_large_enough() -> None:
    assert len(TAKEN) >= 40
    assert len(refused.REFUSED) >= 30
    names = [case.name for case in (*TAKEN, *refused.REFUSED, *refused.GUARDED)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in TAKEN])
async def test_a_text_means_the_same_after_the_whole_way(case: Taken) -> None:
    made = read(case.text)
    assert exactly(made) == exactly(case.value)
    assert exactly(yamlish.load(document.canonical(made))) == exactly(case.value)
    async with stand() as one:
        uuid = await one.service(docker_compose_raw=sent(made))
        stored = (await one.http.get(f"/services/{uuid}")).json()["docker_compose_raw"]
    assert exactly(yamlish.load(stored)) == exactly(case.value)
    assert exactly(yaml.safe_load(stored)) == exactly(case.value)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in refused.REFUSED])
def test_a_text_is_refused_at_its_line(case: Refused) -> None:
    with pytest.raises(errors.Refusal) as refusal:
        read(case.text)
    assert refusal.value.code == "TEMPLATE_BROKEN"
    place = re.fullmatch(r"corpus/compose\.yaml\.j2: line (\d+): (.*)", refusal.value.what)
    assert place is not None, refusal.value.what
    assert (int(place[1]), case.why in place[2]) == (case.line, True), refusal.value.what


@pytest.mark.parametrize("name", refused.BROKEN_FOR_COOLIFY)
def test_the_stand_in_refuses_what_the_real_one_refused(name: str) -> None:
    (text,) = [case.text for case in refused.REFUSED if case.name == name]
    with pytest.raises(answers.Refused) as refusal:
        compose.decode(base64.b64encode(text.encode()).decode())
    assert refusal.value.answer.status == 500


@pytest.mark.parametrize("text", [".inf", ".NaN", "0o17", "+0o2_2", "1_000.5", "+1_000"])
def test_the_stand_in_makes_numbers_of_texts_as_the_real_one_does(text: str) -> None:
    stored = yamlish.load(yamlish.dump({"a": text, "b": f"x{text}", "c": "1_000"}))
    assert isinstance(stored["a"], int | float)
    assert (stored["b"], stored["c"]) == (f"x{text}", "1_000")


def test_a_line_is_the_rendered_texts_where_blocks_change_their_number() -> None:
    with pytest.raises(errors.Refusal, match=r"compose\.yaml\.j2: rendered line 4: .* quotes"):
        read("{% set unused = 1 %}\n" + HEAD + "    restart: no\n")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in refused.GUARDED])
def test_what_coolify_would_change_is_refused_by_a_rule(case: Guarded) -> None:
    made = read(case.text)
    seen = Case(document=made, template=written(case.text), limits={}, reference=made)
    objections = guard.RULES[case.rule].objections
    assert objections is not None
    assert any(case.what in objection for objection in objections(seen))


PLAIN = st.text("0123456789._:+-exobaftnTyYs ", max_size=12) | st.from_regex(
    r"[-+]?[0-9.]{1,4}([_.:e-][0-9]{1,3}){0,3}", fullmatch=True
)


@settings(deadline=None, max_examples=400)
@given(plain=PLAIN)
def test_a_plain_value_is_refused_or_read_alike_by_us_and_coolify(plain: str) -> None:
    try:
        made = read(f"services: {{}}\nx-a: {plain}\n")
    except errors.Refusal:
        return
    try:
        there = compose.decode(sent(made))
    except answers.Refused:
        there = {}
    assert exactly(yamlish.load(f"x-a: {plain}\n")["x-a"]) == exactly(made["x-a"])
    assert exactly(there["x-a"]) == exactly(made["x-a"])
