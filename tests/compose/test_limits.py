"""Limits: the tier's figures, never below the floor, and wishes within them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import catalog, limits, template

from .conftest import found, outcome

BOT = found(catalog.Catalog.load(), "telegram-bot").manifest


def granted(overrides: object = None, wish: object = None, tier: str = "starter") -> limits.Limits:
    """The bot's limits."""
    given: Any = overrides if overrides is not None else {}
    return limits.effective(BOT, tier=tier, overrides=given, wish=wish)["bot"]  # type: ignore[arg-type]


def test_the_manifest_speaks_when_nobody_else_does() -> None:
    assert granted() == limits.Limits(0.25, 256, 64)
    assert str(granted()) == "0.25 cpus, 256M, 64 pids"


def test_a_tier_overrides_the_manifest_figure_by_figure() -> None:
    overrides = {"telegram-bot": {"bot": {"memory": "1G", "volume": "2G", "pids": 0}}, "other": {"x": {}}}
    assert granted(overrides) == limits.Limits(0.25, 1024, 64)


@pytest.mark.parametrize(
    "unset", [None, {}, "", {"bot": None}, {"bot": {"cpus": None, "memory": "", "pids": 0}}]
)
def test_empty_null_and_zero_mean_not_set(unset: object) -> None:
    assert granted(wish=unset) == granted()
    assert granted({"telegram-bot": unset}) == granted()


def test_a_wish_may_ask_for_less() -> None:
    assert granted(wish={"bot": {"cpus": "0.2", "memory": "200m", "pids": 50}}) == limits.Limits(0.2, 200, 50)


@pytest.mark.parametrize(
    ("overrides", "wish", "code", "figures"),
    [
        ({"telegram-bot": {"bot": {"memory": "64M"}}}, None, "LIMITS_BELOW_FLOOR", ("128M", "64M")),
        (None, {"bot": {"pids": 8}}, "LIMITS_BELOW_FLOOR", ("32 pids", "8 pids")),
        (None, {"bot": {"memory": "1G"}}, "LIMITS_ABOVE_TIER", ("1024M", "256M")),
        (None, {"bot": {"cpus": 4}}, "LIMITS_ABOVE_TIER", ("4 cpus", "0.25 cpus")),
    ],
)
def test_a_refusal_names_the_figures(
    overrides: object, wish: object, code: str, figures: tuple[str, ...]
) -> None:
    with pytest.raises(errors.Refusal) as caught:
        granted(overrides, wish)
    assert caught.value.code == code
    assert all(figure in caught.value.message for figure in figures)


@pytest.mark.parametrize(
    "wish",
    [
        [1],
        "much",
        {"bot": "256M"},
        {"bot": {"memory": 256}},
        {"bot": {"memory": "256"}},
        {"bot": {"memory": "-1M"}},
        {"bot": {"cpus": -1}},
        {"bot": {"cpus": True}},
        {"bot": {"cpus": float("nan")}},
        {"bot": {"cpus": "nan"}},
        {"bot": {"pids": 1.5}},
        {"bot": {"gpus": 1}},
        {"web": {"cpus": 1}},
    ],
)
def test_what_cannot_be_read_is_refused(wish: object) -> None:
    with pytest.raises(errors.Refusal) as caught:
        granted(wish=wish)
    assert caught.value.code == "LIMITS_INVALID"


def test_a_service_without_figures_is_not_part_of_the_tier(pair: template.Template) -> None:
    names = {
        tier: tuple(limits.effective(pair.manifest, tier=tier, overrides={}, wish=None))
        for tier in ("starter", "team")
    }
    assert names == {"starter": ("app", "init-perms"), "team": ("app", "extra", "init-perms")}


def test_a_tier_can_bring_a_service_that_the_manifest_leaves_out(pair: template.Template) -> None:
    overrides = {"pair": {"extra": {"cpus": 1, "memory": "512M", "pids": 64}}}
    result = limits.effective(pair.manifest, tier="starter", overrides=overrides, wish=None)
    assert result["extra"] == limits.Limits(1, 512, 64)


def test_a_tier_without_the_template_is_refused() -> None:
    with pytest.raises(errors.Refusal) as caught:
        granted(tier="platinum")
    assert caught.value.code == "LIMITS_NO_TIER"


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=6) | st.just("256M"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["bot", "cpus", "memory", "pids"]), inner, max_size=3)
    ),
)


@settings(deadline=None)
@given(overrides=st.dictionaries(st.just("telegram-bot"), json), wish=json)
def test_whatever_is_asked_the_result_lies_between_floor_and_tier(overrides: object, wish: object) -> None:
    floor = limits.from_spec(BOT.services["bot"].floor)
    result = outcome(lambda: granted(overrides, wish))
    if isinstance(result, errors.Refusal):
        assert result.code.startswith("LIMITS_")
        return
    top = granted(overrides)
    assert floor.cpus <= result.cpus <= top.cpus
    assert floor.memory_mb <= result.memory_mb <= top.memory_mb
    assert floor.pids <= result.pids <= top.pids
