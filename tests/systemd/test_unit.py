"""The unit file fits the daemon, and systemd understands it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from listener import contract, settings
from tests.systemd import unit

LEASE_RELEASE = contract.Waits().beat
"""Seconds that giving the lease back may take after the drain."""
EXPOSURE = "15"
"""Tenths of systemd's exposure level that are let pass."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a command that exists here."""
    path = tmp_path / unit.PATH.name
    path.write_text(unit.PATH.read_text().replace("/opt/cloudfreedom/venv/bin/cloudfreedom", "/bin/true"))
    return path


def test_systemd_finds_nothing_to_say_about_the_unit(installed: Path) -> None:
    command = [unit.analyzer(), "verify", str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_the_unit_hardened(installed: Path) -> None:
    command = [unit.analyzer(), "security", "--offline=true", f"--threshold={EXPOSURE}", str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_each_credential_is_a_setting_that_must_be_secret() -> None:
    fields = settings.Settings.model_fields
    for name in unit.credentials():
        assert "SecretStr" in str(fields[name].annotation) or name == "listener_secrets_key"
    assert {"coolify_token", "pocketbase_password", "listener_secrets_key"} <= set(unit.credentials())


def test_the_unit_starts_the_console_script() -> None:
    assert unit.one("ExecStart").endswith("/bin/cloudfreedom run")


def test_a_stop_gets_longer_than_the_drain_and_giving_the_lease_back() -> None:
    assert int(unit.one("TimeoutStopSec")) > contract.Waits().drain + LEASE_RELEASE + 1


def test_no_number_of_restarts_and_no_wait_for_an_upstream_ends_it() -> None:
    assert unit.one("Restart") == "always"
    assert int(unit.one("RestartSec")) >= 1
    assert unit.one("StartLimitIntervalSec") == "0"
    assert unit.one("TimeoutStartSec") == "infinity"


def test_the_state_directory_is_the_settings_default() -> None:
    default = settings.Settings.model_fields["listener_state_dir"].default
    assert Path("/var/lib") / unit.one("StateDirectory") == default
