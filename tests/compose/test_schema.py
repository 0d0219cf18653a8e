"""The published schema of a template's parameters accepts what the listener accepts, and no more."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from listener import errors
from listener.compose import catalog, schema, variables

from .conftest import PLATFORM, TEMPLATES, TOKEN, found

SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)
BOT = found(SHOP, "telegram-bot")
GOOD = {"TELEGRAM_BOT_TOKEN": TOKEN, "OPENAI_API_KEY": "fake-key"}


def accepts(given: object) -> bool:
    return jsonschema.Draft202012Validator(schema.parameters(BOT.manifest)).is_valid(given)


@pytest.mark.parametrize("slug", SHOP.slugs())
def test_each_schema_is_one_and_takes_the_templates_sample(slug: str) -> None:
    subject = found(SHOP, slug)
    for language in ("en", "de"):
        made = schema.parameters(subject.manifest, language)
        jsonschema.Draft202012Validator.check_schema(made)
        jsonschema.validate(subject.manifest.sample, made, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ALLOW_ALL": "yes"},
        {"MAX_TOKENS": " 12 "},
        {"MAX_TOKENS": ""},
        {"MODEL": None},
        {"UNKNOWN": ""},
        {"MODEL_PROVIDER": "openai"},
        {"CLOUDFREEDOM_API_KEY": "fake-other"},
        {"SYSTEM_PROMPT": "Two\nlines, 'quoted'."},
        {"ALLOW_ALL": "maybe"},
        {"MAX_TOKENS": "many"},
        {"MAX_TOKENS": 5},
        {"UNKNOWN": "x"},
        {"ROUTER_BASE_URL": "https://elsewhere.example.org"},
        {"TELEGRAM_BOT_TOKEN": "no"},
    ],
)
def test_schema_and_listener_agree(more: dict[str, Any]) -> None:
    given = GOOD | more
    try:
        variables.resolve(BOT, given, platform=PLATFORM)
    except errors.Refusal:
        assert not accepts(given)
    else:
        assert accepts(given)


def test_secrets_are_marked_and_what_is_needed_is_named() -> None:
    made = schema.parameters(BOT.manifest)
    assert {name for name, one in made["properties"].items() if one.get("writeOnly")} == {
        *("TELEGRAM_BOT_TOKEN", "CLOUDFREEDOM_API_KEY", "OPENAI_API_KEY", "API_KEY")
    }
    assert made["x-required"] == ["TELEGRAM_BOT_TOKEN", "CLOUDFREEDOM_API_KEY"]
    assert made["properties"]["API_KEY"]["x-alias-of"] == "CLOUDFREEDOM_API_KEY"
