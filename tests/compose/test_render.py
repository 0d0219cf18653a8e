"""No input can change a document's structure, and every value arrives as it was."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import catalog, guard, manifest, render, template

from .conftest import PAIR_SOURCE, TEMPLATES, context, found, outcome, write_pair

SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)

HOSTILE = (
    "",
    "'\"\\",
    "x\nprivileged: true",
    "${TELEGRAM_BOT_TOKEN}",
    "$$",
    "{{ inst }}",
    "{% raw %}",
    "# no",
    "\u2028\u2029\x85\ufeff\x7f\x00\u200b",
    "é–😀",
    "2024-01-02",
    "1e3",
    ".inf",
    "null",
    "*a &b !c",
    "]]}}",
)


def shape(value: Any) -> Any:
    """Keys, lengths and types, without the texts."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value)


def rendered(subject: template.Template, **changes: Any) -> guard.CheckedCompose:
    """The document of a stack with some of its identity replaced."""
    domain = "a.example.org" if subject.manifest.web else None
    return render.render(subject, context=dataclasses.replace(context(subject, domain=domain), **changes))


@pytest.mark.parametrize("slug", SHOP.slugs())
def test_no_name_can_change_the_structure_and_each_arrives_exactly(slug: str) -> None:
    subject = found(SHOP, slug)
    usual = rendered(subject)
    hostile = st.text() | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE)).map("".join)

    @settings(deadline=None)
    @given(name=hostile, tenant=hostile, inst=hostile)
    @example(name="\U0010ffff$", tenant="${A:-b}", inst="\x00")
    @example(name="podman.sock", tenant="", inst="")
    def holds(name: str, tenant: str, inst: str) -> None:
        changes = {"stack_name": name, "tenant_id": tenant, "tenant_slug": tenant, "inst": inst}
        changed = rendered(subject, **changes)
        assert shape(changed.document) == shape(usual.document)
        for service in yaml.safe_load(changed.text)["services"].values():
            assert service["labels"]["cf.stack_name"] == name.replace("$", "$$")
            assert service["labels"]["cf.tenant"] == tenant.replace("$", "$$")
            assert service["labels"]["cf.inst"] == inst.replace("$", "$$")

    holds()


@settings(deadline=None)
@given(domain=st.text(min_size=1))
@example(domain="$HOME.example.org")
@example(domain=".inf")
@example(domain="x" * 5000)
def test_a_domain_arrives_exactly_or_is_refused(domain: str) -> None:
    subject = found(SHOP, "web")
    checked = outcome(lambda: rendered(subject, domain=domain))
    if isinstance(checked, errors.Refusal):
        assert checked.code in {"GUARD_G04", "GUARD_G26"}
        return
    assert shape(checked.document) == shape(rendered(subject).document)
    assert checked.document["services"]["web"]["environment"]["WEB_HOST"] == domain.replace("$", "$$")


@settings(deadline=None)
@given(name=st.text(st.characters(exclude_categories=())))
def test_text_json_yaml_and_base64_are_one_document(name: str) -> None:
    checked = outcome(lambda: rendered(found(SHOP, "web"), stack_name=name))
    if isinstance(checked, errors.Refusal):
        # Half a character cannot be sent, and a name that names an engine's socket is refused as one.
        assert checked.code == "GUARD_G04" or any("\ud800" <= character <= "\udfff" for character in name)
        return
    assert yaml.safe_load(checked.text) == json.loads(checked.text)
    assert base64.b64encode(base64.b64decode(checked.base64)).decode() == checked.base64
    assert base64.b64decode(checked.base64).decode() == checked.text
    assert "\n" not in checked.text


def empties(value: Any) -> bool:
    """Whether an empty list or mapping is somewhere inside."""
    if isinstance(value, Mapping | list):
        items = list(value.values()) if isinstance(value, Mapping) else list(value)
        return not items or any(empties(item) for item in items)
    return False


@pytest.mark.parametrize("slug", ["telegram-bot", "web", "pair"])
@pytest.mark.parametrize("tier", ["starter", "team"])
def test_the_same_input_gives_the_same_text_without_empty_lists_and_maps(
    shop: catalog.Catalog, slug: str, tier: str
) -> None:
    subject = found(shop, slug)
    first, second = (render.render(subject, context=context(subject, tier=tier)) for _ in range(2))
    assert (first, hash(first), first.text) == (second, hash(second), second.text)
    assert not empties(first.document)
    assert first.services == tuple(first.document["services"])


def test_secrets_appear_as_references_of_their_own_name_only(bot: template.Template) -> None:
    environment = render.render(bot, context=context(bot)).document["services"]["bot"]["environment"]
    assert environment["TELEGRAM_BOT_TOKEN"] == "${TELEGRAM_BOT_TOKEN}"
    parameters = {parameter.env_key for parameter in bot.manifest.parameters}
    assert all(environment[key] == f"${{{key}}}" for key in parameters)
    assert set(environment) == parameters | {"CF_BOT_B64"}


def test_a_web_template_names_service_and_port_and_others_do_not(
    web: template.Template, bot: template.Template
) -> None:
    assert render.render(web, context=context(web, domain="a.example.org")).web == ("web", 8080)
    assert render.render(bot, context=context(bot)).web is None


def test_labels_say_whose_container_it_is(bot: template.Template) -> None:
    labels = render.render(bot, context=context(bot)).document["services"]["bot"]["labels"]
    assert labels == {
        "cf.platform": "cloudfreedom",
        "cf.inst": "1a2b3c4d",
        "cf.tenant": "tenant1",
        "cf.tenant_slug": "acme",
        "cf.stack": "stack1",
        "cf.stack_name": "acme-bot",
        "cf.template": "telegram-bot",
        "cf.template_version": bot.version,
        "cf.tier": "team",
    }


def test_a_template_that_hands_a_name_to_a_command_is_stopped(tmp_path: Path) -> None:
    source = PAIR_SOURCE.replace('["chown", "-R", "1000:1000", "/var/lib/app"]', "\n      - {{ stack_name }}")
    path = write_pair(tmp_path, source=source)
    with pytest.raises(errors.Refusal) as caught:
        catalog.read(path, {})
    assert caught.value.code == "GUARD_G28"


def test_a_checked_document_cannot_be_made_or_changed_by_others(web: template.Template) -> None:
    with pytest.raises(TypeError, match="only the guard"):
        guard.CheckedCompose({"services": {}}, None, seal=object())
    checked = render.render(web, context=context(web))
    checked.document["services"].clear()
    assert checked.document["services"]
    assert "services=('web',)" in repr(checked)


def test_a_digest_is_part_of_the_image() -> None:
    image = manifest.Image(name="python", tag="3.12-slim", digest="sha256:" + "a" * 64)
    assert image.reference == "python:3.12-slim@sha256:" + "a" * 64
