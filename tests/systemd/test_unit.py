"""The unit file fits the daemon, and systemd understands it."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from listener import contract, settings
from listener.dockerwatch import disk
from tests.systemd import unit

LEASE_RELEASE = contract.Waits().beat
"""Seconds that giving the lease back may take after the drain."""
DISK = unit.PATH.with_name("cloudfreedom-disk.service")
SMOKE, DOCKERWATCH = (
    unit.PATH.with_name(f"cloudfreedom-{name}.service") for name in ("smoke", "dockerwatch")
)
EXPOSURE = {unit.PATH.name: 12, DISK.name: 13, SMOKE.name: 12, DOCKERWATCH.name: 8}
"""Tenths of systemd's exposure level that are let pass; only root may look into Docker's volumes."""
NEVER_THE_DAEMONS = {"pocketbase_superuser_password", "backup_repository", "backup_password"}
SECRET_IN_A_LIST = {"listener_secrets_key"}
RIGHTS = (
    "Protect",
    "Private",
    "Restrict",
    "NoNew",
    "Capability",
    "Ambient",
    "System",
    "Lock",
    "Memory",
    "Dynamic",
)
OPERATIONS = (unit.PATH.parents[1] / "OPERATIONS.md").read_text()


@pytest.fixture(params=[unit.PATH, DISK, SMOKE, DOCKERWATCH], ids=lambda path: path.stem)
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The unit with a command that exists here."""
    given: Path = request.param
    path = tmp_path / given.name
    path.write_text(given.read_text().replace("/opt/cloudfreedom/venv/bin/cloudfreedom", "/bin/true"))
    return path


def test_systemd_finds_nothing_to_say_about_the_unit(installed: Path) -> None:
    command = [unit.analyzer(), "verify", str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_disk_is_measured_well_before_a_report_is_too_old() -> None:
    timer = unit.PATH.with_name("cloudfreedom-disk.timer").read_text()
    done = subprocess.run([unit.analyzer(), "timespan", "30min"], capture_output=True, text=True, check=False)
    assert "OnUnitActiveSec=30min" in timer
    assert "1800000000" in done.stdout.replace("us", "").replace("μs", "")
    assert timedelta(minutes=30) * 3 < disk.STALE
    default = settings.Settings.model_fields["listener_disk_file"].default
    assert str(default) in DISK.read_text()


def test_systemd_finds_the_unit_hardened(installed: Path) -> None:
    threshold = f"--threshold={EXPOSURE[installed.name]}"
    command = [unit.analyzer(), "security", "--offline=true", threshold, str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_level_of_exposure_is_told() -> None:
    for tenths in EXPOSURE.values():
        assert f"{tenths / 10}" in OPERATIONS[OPERATIONS.index("## As a systemd service") :]


def test_every_secret_of_the_daemon_is_a_credential_and_nothing_else_is() -> None:
    fields = settings.Settings.model_fields
    secret = {name for name, field in fields.items() if "SecretStr" in str(field.annotation)}
    assert set(unit.credentials()) == (secret | SECRET_IN_A_LIST) - NEVER_THE_DAEMONS


def test_a_credential_without_its_file_is_empty_and_ends_no_start() -> None:
    assert unit.settings()["SetCredential"] == [f"{name}:\\n" for name in unit.credentials()]


def test_no_line_that_takes_a_right_away_goes_without_a_reason(installed: Path) -> None:
    """The lines between two blank ones are headed by a comment."""
    reason = False
    for line in installed.read_text().splitlines():
        reason = line.startswith("#") or (reason and line != "")
        assert reason or not line.startswith(RIGHTS), line


def test_a_reload_is_a_hang_up() -> None:
    assert unit.one("ExecReload") == "/bin/kill -HUP $MAINPID"


def test_no_image_of_the_memory_is_kept_and_an_abort_names_the_place() -> None:
    assert unit.one("LimitCORE") == "0"
    assert unit.one("Environment") == "PYTHONFAULTHANDLER=1"


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
