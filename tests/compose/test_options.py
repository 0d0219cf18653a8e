"""Generated secrets, what staff sets, and services that an option switches on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from listener import errors
from listener.compose import catalog, limits, template, variables

from .conftest import PAIR_MANIFEST, found, write_pair

HELP = "help: {en: x, de: x}"
MORE = f"""parameters:
  - {{name: WITH_EXTRA, type: boolean, default: "false", {HELP}}}
  - {{name: ADMIN_PASSWORD, type: secret, generated: password, {HELP}}}
  - {{name: LICENCE, type: text, set_by: staff, {HELP}}}
"""
OPTION = PAIR_MANIFEST.replace("parameters:\n", MORE).replace(
    "  extra:\n", "  extra:\n    option: WITH_EXTRA\n"
)
KEPT = {"ADMIN_PASSWORD": SecretStr("fake-made"), "LICENCE": SecretStr("fake-licence")}


@pytest.fixture
def pair(tmp_path: Path) -> template.Template:
    write_pair(tmp_path, manifest=OPTION)
    return found(catalog.Catalog.load(tmp_path), "pair")


def refused(pair: template.Template, given: dict[str, str]) -> str:
    with pytest.raises(errors.Refusal) as caught:
        variables.resolve(pair, given, platform={}, kept=KEPT)
    return caught.value.message


def test_a_generated_secret_is_what_was_kept_and_else_unmade(pair: template.Template) -> None:
    assert [one.name for one in variables.resolve(pair, {}, platform={}).unmade] == ["ADMIN_PASSWORD"]
    resolved = variables.resolve(pair, {}, platform={}, kept=KEPT)
    assert resolved.unmade == ()
    assert {one.key: one.value.get_secret_value() for one in resolved.env} == {
        "MODE": "quiet",
        "ADMIN_PASSWORD": "fake-made",
        "LICENCE": "fake-licence",
    }


def test_a_value_that_a_person_gives_goes_before_a_kept_one(pair: template.Template) -> None:
    kept = KEPT | {"MODE": SecretStr("kept")}
    for given, mode in (({}, "kept"), ({"MODE": "given"}, "given")):
        env = variables.resolve(pair, given, platform={}, kept=kept).env
        assert {one.value.get_secret_value() for one in env if one.key == "MODE"} == {mode}


@pytest.mark.parametrize("name", ["ADMIN_PASSWORD", "LICENCE"])
def test_what_is_made_or_set_by_staff_cannot_be_given(pair: template.Template, name: str) -> None:
    assert refused(pair, {name: "fake-given"}) == f"{name} is set by the platform and cannot be given."


def test_an_option_switches_a_service_on_and_goes_into_no_container(pair: template.Template) -> None:
    resolved = variables.resolve(pair, {"WITH_EXTRA": "yes"}, platform={}, kept=KEPT)
    assert resolved.options == {"WITH_EXTRA"}
    assert "WITH_EXTRA" not in {one.key for one in resolved.env}
    off, on = (
        limits.effective(pair.manifest, tier="team", overrides={}, wish=None, options=options)
        for options in (frozenset[str](), resolved.options)
    )
    assert on.keys() - off.keys() == {"extra"}


def test_an_option_that_the_tier_has_not_is_refused(pair: template.Template) -> None:
    with pytest.raises(errors.Refusal) as caught:
        limits.effective(pair.manifest, tier="starter", overrides={}, wish=None, options={"WITH_EXTRA"})
    assert caught.value.code == "OPTION_NOT_IN_TIER"
    assert caught.value.message.startswith("WITH_EXTRA is not part of the tariff starter.")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("option: WITH_EXTRA", "option: MODE", "services.extra.option MODE is not a boolean parameter"),
        ("data: {service: app", "data: {service: nap", "volumes.data.service nap is not one"),
        ("generated: password", "generated: password, required: true", "ADMIN_PASSWORD: what is generated"),
        ("generated: password", "generated: pin", "generated"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in OPTION
    write_pair(tmp_path, manifest=OPTION.replace(old, new))
    with pytest.raises(errors.Refusal) as caught:
        catalog.Catalog.load(tmp_path)
    assert what in caught.value.what
