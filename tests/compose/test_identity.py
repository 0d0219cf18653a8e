"""What a tenant can influence: variables change nothing in the document, names only their own texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from listener import errors
from listener.compose import catalog, guard, limits, render, template, variables

from .conftest import PLATFORM, TEMPLATES, context, found, outcome

SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)
MADE = "fake0made0" * 3

OWN = {
    "inst": "cf.inst",
    "tenant_id": "cf.tenant",
    "tenant_slug": "cf.tenant_slug",
    "stack_id": "cf.stack",
    "stack_name": "cf.stack_name",
    "tier": "cf.tier",
}
"""Field of a stack's identity to the label that says it."""

HOSTILE = st.sampled_from(
    [
        *("x\nprivileged: true", '"\n    privileged: true', "${HOME}", "$$", "{{ images }}", "{% raw %}"),
        *("0o17", ".inf", "null", "*a", "traefik.enable=true", "/var/run", "\u2028#", "]]}}", "\U0010ffff"),
    ]
)
TEXT = st.text(max_size=30) | HOSTILE | st.lists(HOSTILE, max_size=3).map(" ".join)


def ordered(subject: template.Template, env_vars: dict[str, str]) -> tuple[variables.Variables, Any]:
    """Variables and document of a stack whose record holds these, from the first to the last step."""
    kept = {
        p.name: SecretStr(MADE) for p in subject.manifest.parameters if p.generated or p.set_by == "staff"
    }
    resolved = variables.resolve(subject, env_vars, platform=PLATFORM, kept=kept)
    granted = limits.effective(
        subject.manifest, tier="team", overrides={}, wish=None, options=resolved.options
    )
    identity = dataclasses.replace(context(subject), limits=granted)
    return resolved, render.render(subject, context=identity).document


@pytest.mark.parametrize("slug", SHOP.slugs())
def test_no_value_of_a_parameter_changes_anything_in_the_document(slug: str) -> None:
    subject = found(SHOP, slug)
    sample = dict(subject.manifest.sample)
    base, usual = ordered(subject, sample)
    names = [p.name for p in subject.manifest.parameters if p.is_given]
    carried = []

    @settings(deadline=None)
    @given(given=st.dictionaries(st.sampled_from(names), TEXT, min_size=1))
    @example(given={names[-1]: "1"})
    def holds(given: dict[str, str]) -> None:
        result = outcome(lambda: ordered(subject, {**sample, **given}))
        if isinstance(result, errors.Refusal):
            assert result.code in variables.CODES
            return
        resolved, document = result
        carried.append(resolved)
        if resolved.options == base.options:
            assert document == usual

    holds()
    assert carried


@pytest.mark.parametrize("slug", SHOP.slugs())
def test_a_secret_stands_nowhere_in_the_document(slug: str) -> None:
    subject = found(SHOP, slug)
    resolved, document = ordered(subject, dict(subject.manifest.sample))
    values = [one.value.get_secret_value() for one in resolved.env if one.secret]
    assert [name for name in values if name in str(document)] == []


def changed(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths at which two documents differ."""
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from changed(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (first, second) in enumerate(zip(old, new, strict=True)):
            yield from changed(first, second, (*path, str(at)))
    elif old != new or type(old) is not type(new):
        yield path


@pytest.mark.parametrize("slug", SHOP.slugs())
@pytest.mark.parametrize("field", OWN)
def test_a_name_changes_its_own_label_and_nothing_else(slug: str, field: str) -> None:
    subject = found(SHOP, slug)
    identity = context(subject, domain="a.example.org" if subject.manifest.web else None)
    usual = render.render(subject, context=identity).document

    @settings(deadline=None, max_examples=30)
    @given(text=TEXT)
    def holds(text: str) -> None:
        field_only: dict[str, Any] = {field: text}
        checked = outcome(lambda: render.render(subject, context=dataclasses.replace(identity, **field_only)))
        assert isinstance(checked, guard.CheckedCompose), checked
        paths = set(changed(usual, checked.document))
        assert paths <= {("services", name, "labels", OWN[field]) for name in checked.services}

    holds()


@settings(deadline=None)
@given(text=TEXT.filter(bool))
def test_a_domain_changes_values_of_variables_and_nothing_else(text: str) -> None:
    subject = found(SHOP, "web")
    identity = context(subject, domain="a.example.org")
    usual = render.render(subject, context=identity).document
    checked = outcome(lambda: render.render(subject, context=dataclasses.replace(identity, domain=text)))
    if isinstance(checked, errors.Refusal):
        assert checked.code == "GUARD_G26"
        return
    assert {path[2] for path in changed(usual, checked.document)} <= {"environment"}
