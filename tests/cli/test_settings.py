"""Settings: every mistake at once, only what a command needs, and the example file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from listener import errors
from listener.cli import configured, exits
from listener.secrets import sealing
from listener.settings import Settings
from tests.cli.commands import cloudfreedom

EXAMPLE = Path(__file__).parents[2] / ".env.example"
NEEDED = ("POCKETBASE_URL", "COOLIFY_URL", "COOLIFY_TOKEN", "COOLIFY_SERVER_UUID")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_every_setting_of_the_example_stands_below_one_line_about_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    places = [at for at, line in enumerate(lines) if re.match(r"#?[A-Z_]+=", line)]
    assert [lines[at] for at in places if not re.match(r"# [^\n]{20,}\.$", lines[at - 1])] == []


def test_the_example_is_a_configuration_once_its_blanks_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"^#([A-Z_]+=)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    Path(".env").write_text(text)
    blanks = [name for name, value in dotenv_values(".env").items() if not value]
    for name in blanks:
        monkeypatch.setenv(name, sealing.new_key() if name == "LISTENER_SECRETS_KEY" else "fake-value")
    loaded = configured.load(configured.Apply)
    assert loaded.pocketbase_url == ("https://pb.example.org",)


def test_a_command_for_pocketbase_needs_no_coolify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETBASE_URL", "http://127.0.0.1:1")
    assert configured.load(configured.Database).pocketbase_url == ("http://127.0.0.1:1",)


def test_schema_names_what_a_superuser_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCKETBASE_URL", "http://127.0.0.1:1")
    with pytest.raises(errors.Refusal) as caught:
        configured.load(configured.Apply)
    names = ("POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD", "POCKETBASE_PASSWORD")
    assert all(f"{name}: is not set" in caught.value.message for name in names)


def test_a_mistake_is_told_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_SECRETS_KEY", "fake-wrong-key")
    monkeypatch.setenv("LISTENER_WORKERS", "many")
    with pytest.raises(errors.Refusal) as caught:
        configured.load(configured.Database)
    assert "LISTENER_SECRETS_KEY: not a Fernet key" in caught.value.message
    assert "LISTENER_WORKERS: " in caught.value.message
    assert "fake-wrong-key" not in str(caught.value)


def test_a_wrong_setting_leaves_the_others_to_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_WORKERS", "999")
    monkeypatch.setenv("COOLIFY_URL", "http://127.0.0.1:2/api/v1")
    settings, mistakes = configured.whatever()
    assert (settings.coolify_url, settings.listener_workers) == ("http://127.0.0.1:2", 8)
    assert sorted(mistakes) == [
        "coolify_server_uuid",
        "coolify_token",
        "listener_workers",
        "pocketbase_url",
    ]


async def test_every_mistake_is_told_at_once_with_an_example() -> None:
    done = await cloudfreedom({"LISTENER_WORKERS": "0"}, "plan")
    assert done.code == exits.Exit.CONFIGURATION
    assert done.err.startswith("error CONFIGURATION: ")
    for name in (*NEEDED, "LISTENER_WORKERS"):
        assert re.search(rf"^  {name}: .* \(example: {name}=.+\)$", done.err, re.MULTILINE), done.err
    assert re.search(r"^  fix: ", done.err, re.MULTILINE)


def test_credentials_of_systemd_are_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pocketbase_password").write_text("fake-from-a-file")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("POCKETBASE_URL", "http://127.0.0.1:1")
    password = configured.load(configured.Database).pocketbase_password
    assert password is not None
    assert password.get_secret_value() == "fake-from-a-file"


def test_an_empty_credential_is_no_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("coolify_token", "pocketbase_password", "listener_secrets_key"):
        (tmp_path / name).write_text("\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings, mistakes = configured.whatever()
    assert mistakes["coolify_token"].text == "COOLIFY_TOKEN: is not set"
    assert (settings.pocketbase_password, settings.listener_secrets_key) == (None, ())


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("LISTENER_PROBE_ADDRESS", "https://proxy.example.org/", "it must be an IP address or a host name"),
        ("LISTENER_PROBE_ADDRESS", "203.0.113.7:99999", "it must be an IP address or a host name"),
        ("POCKETBASE_IDENTITY", "cli", "may never hold the lease"),
    ],
    ids=["url", "port", "identity"],
)
def test_a_value_that_cannot_be_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    for needed in NEEDED:
        monkeypatch.setenv(needed, "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.Refusal) as caught:
        configured.load(Settings)
    assert name in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize("value", ["", "off", "203.0.113.7", "proxy.example.org:8443", "[2001:db8::7]:443"])
def test_the_probe_may_be_sent_elsewhere_or_nowhere(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for needed in NEEDED:
        monkeypatch.setenv(needed, "http://127.0.0.1:1")
    monkeypatch.setenv("LISTENER_PROBE_ADDRESS", value)
    assert configured.load(Settings).listener_probe_address == value
