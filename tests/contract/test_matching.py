"""A pattern that does not hold is noticed, and the place is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract import cases, matching

HOLDS: list[tuple[Any, Any]] = [
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": "<absent>"}, {}),
    ({"a": None}, {"a": None}),
    ("<uuid>", "0" * 24),
    ("~^ab+$", "abb"),
    ([{"a": 1}], [{"a": 1, "b": 2}]),
    ({"$has": 2, "$none": 3, "$each": "<number>", "$length": 2}, [1, 2]),
    ({"$keys": ["a"]}, {"a": 1}),
    ({"$any": [1, 2]}, 2),
    ({"$not": "~x"}, "y"),
]
FAILS: list[tuple[Any, Any]] = [
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"a": True}),
    ({"a": 1}, {}),
    ({"a": None}, {}),
    ({"a": "<absent>"}, {"a": None}),
    ("<uuid>", "0" * 23),
    ("~^ab+$", "ac"),
    ([1], [1, 2]),
    ({}, []),
    ({"$has": 3}, [1]),
    ({"$none": 1}, [1]),
    ({"$each": 1}, [1, 2]),
    ({"$keys": ["a"]}, {"a": 1, "b": 1}),
    ({"$not": 1}, 1),
]


@pytest.mark.parametrize(("pattern", "value"), HOLDS, ids=str)
def test_a_pattern_holds(pattern: Any, value: Any) -> None:
    assert matching.mismatch(pattern, value) is None


@pytest.mark.parametrize(("pattern", "value"), FAILS, ids=str)
def test_a_pattern_fails(pattern: Any, value: Any) -> None:
    assert matching.mismatch(pattern, value) is not None


def test_a_mismatch_names_its_place() -> None:
    assert matching.mismatch({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == "body.a[0].b: 2 is not 1"


def test_a_real_case_may_not_use_what_only_the_stand_in_has() -> None:
    with pytest.raises(ValueError, match="a real instance cannot run this"):
        cases.Case.model_validate({"name": "x", "real": True, "steps": [{"run_jobs": True}]})
