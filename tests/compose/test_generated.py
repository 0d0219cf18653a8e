"""Accepted documents of every template and tariff, with hostile fragments that nobody wrote down."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import guard
from listener.compose.guard import content
from listener.compose.guard.case import Case
from listener.compose.guard.isolation import FORBIDDEN, OWNED
from listener.sandbox.standin import yamlish

from .accepted import EVERY, SHOP, Accepted
from .conftest import found, outcome
from .hostile_keys import GONE

BASE = st.sampled_from(EVERY)

ANYWHERE = {"G04", "G26", "G27"}
"""Rules that look at texts wherever they stand: a socket, a dollar, a secret."""

FIXED = (
    *("cap_drop", "security_opt", "read_only", "restart", "memswap_limit", "image", "labels", "deploy"),
    *("deploy/resources", "deploy/resources/limits", "deploy/resources/limits/cpus", "logging", "user"),
    *("deploy/resources/limits/memory", "deploy/resources/limits/pids", "logging/driver", "labels/cf.tenant"),
)
"""Places of a service that have one right value, or none but that of a label."""

WORDS = st.sampled_from(
    ["host", "none", "ALL", "CHOWN", "0:0", "root", "unconfined", "always", "no", "true", "-1", "0", "/", "x"]
)
SCALARS = WORDS | st.text(max_size=20) | st.booleans() | st.integers()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text(min_size=1), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)
SOURCES = st.sampled_from(
    ["/", "/etc", ".", "..", "~", "$$HOME", "v", "data", "state", "DATA", "a b", "${A}", ""]
)
TARGETS = st.sampled_from(["/data", "/", "data", "", "/x y", "/data:ro", "/data:rw", "/d:ro,z", "/d:rshared"])
MOUNTS = st.builds("{}:{}".format, SOURCES, TARGETS) | SOURCES | st.text(max_size=20) | VALUES

quick = settings(deadline=None, max_examples=200)


def case_of(base: Accepted, document: dict[str, Any], *, own: bool = True) -> Case:
    """The document under examination; its template says the same for everybody unless `own` is false."""
    reference = document if own else base.checked.document
    return Case(document, found(SHOP, base.slug), base.trial.context().limits, reference)


def judged(base: Accepted, document: dict[str, Any], *, own: bool = True) -> errors.Refusal | Any:
    """The refusal for the document, or what the guard makes of it."""
    case = case_of(base, document, own=own)
    return outcome(lambda: guard.check(document, case.template, case.limits, reference=case.reference))


def objecting(base: Accepted, document: dict[str, Any]) -> set[str]:
    """Codes of the rules that object."""
    return {rule.code for rule, _ in guard.found(case_of(base, document))}


def edited(base: Accepted, path: tuple[str, ...], value: object) -> dict[str, Any]:
    """The document in which the value stands at the path, or nothing if it is `GONE`."""
    made = base.checked.document
    *way, last = path
    place: Any = made
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    key: int | str = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = copy.deepcopy(value)
    return made


def scalars(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The place of every scalar."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for key, item in items for place in scalars(item, (*path, str(key)))]
    return [path]


def exactly(value: Any) -> str:
    """A text that is the same for the same value only: True is not 1."""
    return repr(value)


def service_of(base: Accepted, data: st.DataObject) -> str:
    """One of its services."""
    name: str = data.draw(st.sampled_from(sorted(base.checked.services)))
    return name


@quick
@given(base=BASE, data=st.data(), value=VALUES)
def test_a_forbidden_key_is_refused_by_its_rule_alone_whatever_its_value(
    base: Accepted, data: st.DataObject, value: object
) -> None:
    code = data.draw(st.sampled_from(sorted(FORBIDDEN)))
    key = data.draw(st.sampled_from(FORBIDDEN[code]))
    told = objecting(base, edited(base, ("services", service_of(base, data), key), value))
    assert told - ANYWHERE == {code}


@quick
@given(base=BASE, data=st.data(), key=st.text(min_size=1), value=VALUES)
def test_a_key_that_no_rule_knows_is_refused(
    base: Accepted, data: st.DataObject, key: str, value: object
) -> None:
    assume(key not in content.SERVICE | content.TOP | OWNED)
    place = data.draw(st.sampled_from([(), ("services", service_of(base, data))]))
    assert "G00" in objecting(base, edited(base, (*place, key), value))


@quick
@given(base=BASE, data=st.data(), path=st.sampled_from(FIXED), value=VALUES | st.just(GONE))
def test_what_hardens_a_service_can_be_neither_taken_away_nor_replaced(
    base: Accepted, data: st.DataObject, path: str, value: object
) -> None:
    place = ("services", service_of(base, data), *path.split("/"))
    document = edited(base, place, value)
    assume(exactly(document) != exactly(base.checked.document))
    checked = judged(base, document, own=path != "labels/cf.tenant")
    if isinstance(checked, errors.Refusal):
        return
    assert path == "labels/cf.tenant"
    assert isinstance(value, str)


@quick
@given(base=BASE, data=st.data(), value=VALUES | st.just(GONE))
def test_whatever_stands_anywhere_the_guard_decides(
    base: Accepted, data: st.DataObject, value: object
) -> None:
    path = data.draw(st.sampled_from(scalars(base.checked.document)))
    place = path[: data.draw(st.integers(1, len(path)))]
    document = edited(base, place, value)
    judged(base, document)
    if exactly(document) != exactly(base.checked.document) and not {"labels", "environment"} & set(place):
        assert isinstance(judged(base, document, own=False), errors.Refusal)


@quick
@given(base=BASE, data=st.data(), mount=MOUNTS)
def test_a_mount_is_refused_unless_it_is_a_volume_of_the_template_in_its_short_form(
    base: Accepted, data: st.DataObject, mount: object
) -> None:
    name = service_of(base, data)
    volumes = [*base.checked.document["services"][name].get("volumes", []), mount]
    checked = judged(base, edited(base, ("services", name, "volumes"), volumes))
    if isinstance(checked, errors.Refusal):
        return
    source, target, *mode = str(mount).split(":")
    assert source in base.checked.document["volumes"]
    assert len(source) > 1
    assert target.startswith("/")
    assert mode in ([], ["ro"])


LITERALS = (
    st.text()
    | st.from_regex(r"[-+$.]{0,2}[0-9a-zA-Z_.o]{0,6}", fullmatch=True)
    | st.sampled_from(
        ["$2y$10$x", "${A}", "${A:+b}", "$$", "a$$b", "0o7_7", "+1_0", "1_0.5", ".inf", "1e3", "~"]
    )
)


@quick
@given(base=BASE, data=st.data(), literal=LITERALS)
def test_a_literal_is_refused_or_means_the_same_to_coolify_and_compose(
    base: Accepted, data: st.DataObject, literal: str
) -> None:
    name = service_of(base, data)
    checked = judged(base, edited(base, ("services", name, "environment", "OTHER"), literal))
    if isinstance(checked, errors.Refusal):
        assert checked.code in {"GUARD_G04", "GUARD_G26", "GUARD_G27"}
        return
    stored = yamlish.load(yamlish.dump(yamlish.load(checked.text)))
    assert stored == checked.document
    assert stored["services"][name]["environment"]["OTHER"] == literal
    assert not literal.startswith("$")
    assert "$" not in literal.replace("$$", "")


@pytest.mark.parametrize("base", EVERY, ids=str)
def test_an_accepted_document_survives_coolify(base: Accepted) -> None:
    assert yamlish.load(yamlish.dump(base.checked.document)) == base.checked.document
