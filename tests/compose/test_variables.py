"""What a person typed becomes variables, or one refusal that names every problem and no value."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener import errors
from listener.compose import catalog, template, variables

from .conftest import PLATFORM, TEMPLATES, TOKEN, found, outcome

RECORD = {"TELEGRAM_BOT_TOKEN": TOKEN, "OPENAI_API_KEY": "fake-key"}
SHOP = catalog.Catalog.load(catalog.default_folder(), TEMPLATES)
WEB, BOT = found(SHOP, "web"), found(SHOP, "telegram-bot")


def sent(subject: template.Template, given: object) -> dict[str, str]:
    """Key to value of the resolved variables."""
    resolved = variables.resolve(subject, given, platform=PLATFORM)
    return {variable.key: variable.value.get_secret_value() for variable in resolved.env}


def refused(subject: template.Template, given: object) -> errors.Refusal:
    """The refusal."""
    with pytest.raises(errors.Refusal) as caught:
        variables.resolve(subject, given, platform=PLATFORM)
    return caught.value


def test_the_portals_record_is_a_complete_order() -> None:
    assert sent(BOT, RECORD) == {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "CLOUDFREEDOM_API_KEY": "fake-key",
        "ROUTER_BASE_URL": "https://router.example.org/v1",
        "ALLOW_ALL": "false",
        "MAX_TOKENS": "1024",
        "MESSAGES_PER_HOUR": "20",
    }


@pytest.mark.parametrize("untouched", [{}, None, {"TELEGRAM_BOT_TOKEN": "", "OPENAI_API_KEY": " "}])
def test_an_untouched_dialog_is_told_all_that_is_missing(untouched: object) -> None:
    refusal = refused(BOT, untouched)
    assert refusal.code == "VARIABLE_MISSING"
    assert refusal.message == "TELEGRAM_BOT_TOKEN is missing. CLOUDFREEDOM_API_KEY is missing."


def test_an_unknown_name_matters_only_with_a_value() -> None:
    assert sent(BOT, {**RECORD, "FOO": "", "BAR": None}) == sent(BOT, RECORD)
    refusal = refused(BOT, {**RECORD, "FOO": "x", "fake secret in the wrong field": "x"})
    assert refusal.code == "VARIABLE_UNKNOWN"
    assert refusal.message == (
        "FOO is not a variable of telegram-bot. One entry's name is not a variable of telegram-bot."
    )


def test_ignored_names_leave_a_note() -> None:
    given = {**RECORD, "MODEL_PROVIDER": "openai", "ANTHROPIC_API_KEY": "fake-other"}
    resolved = variables.resolve(BOT, given, platform=PLATFORM)
    assert [note.split()[0] for note in resolved.notes] == ["MODEL_PROVIDER", "ANTHROPIC_API_KEY"]
    assert sent(BOT, given) == sent(BOT, RECORD)


def test_the_parameters_own_name_wins_over_its_aliases() -> None:
    given = {**RECORD, "CLOUDFREEDOM_API_KEY": "fake-own", "API_KEY": "fake-third"}
    resolved = variables.resolve(BOT, given, platform=PLATFORM)
    assert sent(BOT, given)["CLOUDFREEDOM_API_KEY"] == "fake-own"
    assert resolved.notes == (
        "OPENAI_API_KEY was ignored: CLOUDFREEDOM_API_KEY is given too.",
        "API_KEY was ignored: CLOUDFREEDOM_API_KEY is given too.",
    )


def test_what_the_platform_sets_nobody_else_may() -> None:
    refusal = refused(BOT, {**RECORD, "ROUTER_BASE_URL": "https://elsewhere.example.org"})
    assert (refusal.code, "set by the platform" in refusal.message) == ("VARIABLE_UNKNOWN", True)


def test_what_the_platform_lacks_is_said_so() -> None:
    with pytest.raises(errors.Refusal) as caught:
        variables.resolve(BOT, RECORD, platform={})
    assert "the platform has no ROUTER_BASE_URL yet" in caught.value.message


@pytest.mark.parametrize("config", [[], "x", 5, True, [{"a": "b"}]])
def test_a_config_that_is_no_object_is_refused(config: object) -> None:
    assert refused(BOT, config).code == "CONFIG_INVALID"


@pytest.mark.parametrize("value", [5, True, 1.5, ["x"], {"x": "y"}])
def test_a_value_that_is_no_text_is_refused_and_not_called_missing(value: object) -> None:
    refusal = refused(BOT, {**RECORD, "TELEGRAM_BOT_TOKEN": value})
    assert refusal.code == "VARIABLE_INVALID"
    assert refusal.message == "TELEGRAM_BOT_TOKEN must be a text: put the value in quotes."


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("TELEGRAM_BOT_TOKEN", "123", "expected form"),
        ("OPENAI_API_KEY", "two\nlines", "single line"),
        ("MODEL", "x" * 201, "1 to 200 characters, not 201"),
        ("MAX_TOKENS", "many", "whole number"),
        ("MAX_TOKENS", "0", "expected form"),
        ("ALLOW_ALL", "perhaps", "true or false"),
        ("SYSTEM_PROMPT", "bell\x07", "control characters"),
        pytest.param("SYSTEM_PROMPT", "half \ud83d", "control characters", id="half a character"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_being_shown(
    name: str, value: str, complaint: str
) -> None:
    refusal = refused(BOT, {**RECORD, name: value})
    assert refusal.code == "VARIABLE_INVALID"
    assert complaint in refusal.message
    assert value not in str(refusal)


@pytest.mark.parametrize(
    "value",
    [
        "it's",
        "C:\\",
        "{{ team.SECRET }}",
        "x {{project.A}}",
        '{"price": "$5"}',
        "[1, 2]",
        "[" * 2000 + "]" * 2000,
    ],
)
def test_what_coolifys_env_file_cannot_hold_is_refused(value: str) -> None:
    assert refused(WEB, {"GREETING": value}).code == "VARIABLE_UNCARRIABLE"


@pytest.mark.parametrize(
    "value", ['say "$HOME" # now', "a\\b", "{{ user }}", "[hello]", "{not json}", "$2y$10$fake", "Grüße 😀"]
)
def test_everything_else_is_carried_unchanged(value: str) -> None:
    assert sent(WEB, {"GREETING": value}) == {"GREETING": value}


def test_blanks_around_a_value_are_removed_with_a_note_and_line_ends_made_plain() -> None:
    resolved = variables.resolve(WEB, {"GREETING": " one\r\ntwo\rthree \n"}, platform={})
    (greeting,) = resolved.env
    assert (greeting.value.get_secret_value(), greeting.multiline, greeting.secret) == (
        "one\ntwo\nthree",
        True,
        False,
    )
    assert resolved.notes == ("GREETING: blanks around the value were removed.",)


def test_every_problem_is_in_one_refusal() -> None:
    given: dict[str, Any] = {
        "OPENAI_API_KEY": "it's-fake",
        "MAX_TOKENS": "x",
        **{f"FOO{n}": "x" for n in range(12)},
    }
    refusal = refused(BOT, given)
    assert refusal.code == "VARIABLE_MISSING"
    assert refusal.message.startswith("FOO0 is not a variable")
    assert refusal.message.endswith("And 3 more.")
    assert "TELEGRAM_BOT_TOKEN" in refusal.fix


def test_secrets_are_marked_and_hidden() -> None:
    resolved = variables.resolve(BOT, RECORD, platform=PLATFORM)
    assert {v.key for v in resolved.env if v.secret} == {"TELEGRAM_BOT_TOKEN", "CLOUDFREEDOM_API_KEY"}
    assert TOKEN not in repr(resolved)
    assert "fake-key" not in repr(resolved)


def test_addresses_must_be_addresses() -> None:
    for address in (
        "ftp://x.example.org",
        "https://",
        "https://a b",
        "https://ä.example.org",
        "http://[",
        "x",
    ):
        with pytest.raises(errors.Refusal) as caught:
            variables.resolve(BOT, RECORD, platform={"ROUTER_BASE_URL": address})
        assert caught.value.code == "VARIABLE_INVALID"


def plain(text: str) -> str:
    """What is left of a text after the tidying that a note tells of."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


@settings(deadline=None)
@given(text=st.text())
@example(text="[" * 5000)
@example(text="a\\")
def test_any_text_is_carried_exactly_or_refused(text: str) -> None:
    values = outcome(lambda: sent(WEB, {"GREETING": text}))
    if isinstance(values, errors.Refusal):
        assert values.code in {"VARIABLE_INVALID", "VARIABLE_UNCARRIABLE"}
        return
    assert values == ({"GREETING": plain(text)} if plain(text) else {})
    assert not set(values.get("GREETING", "")) & set("'\0")


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=500))
def test_free_text_for_the_bot_is_carried_whatever_it_says(text: str) -> None:
    values = sent(BOT, {**RECORD, "SYSTEM_PROMPT": text})
    assert base64.b64decode(values.get("SYSTEM_PROMPT_B64", "")).decode() == plain(text)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_config_ends_in_variables_or_a_refusal(config: dict[str, object]) -> None:
    result = outcome(lambda: sent(BOT, config))
    assert isinstance(result, dict) or result.code in variables.CODES
