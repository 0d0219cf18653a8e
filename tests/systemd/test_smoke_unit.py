"""The smoke test's unit and timer: systemd understands them, and they leave the command its time."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from listener.cli import smoke
from listener.cli.exits import Exit
from tests.systemd import unit

SERVICE = unit.PATH.with_name("cloudfreedom-smoke.service")
TIMER = unit.PATH.with_name("cloudfreedom-smoke.timer")
PHASE = 600
"""Seconds: the default of --timeout."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Unit and timer with a command that exists here; the unit's path."""
    for given in (SERVICE, TIMER):
        text = given.read_text().replace("/opt/cloudfreedom/venv/bin/cloudfreedom", "/bin/true")
        (tmp_path / given.name).write_text(text)
    return tmp_path / SERVICE.name


def test_systemd_finds_nothing_to_say_about_unit_and_timer(installed: Path) -> None:
    command = [unit.analyzer(), "verify", str(installed), str(installed.with_name(TIMER.name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_it_as_hardened_as_the_listener(installed: Path) -> None:
    command = [unit.analyzer(), "security", "--offline=true", "--threshold=15", str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_unit_waits_longer_than_the_command_and_leaves_it_time_to_clean_up() -> None:
    text = SERVICE.read_text()
    found = re.findall(r"^(Timeout\w+Sec)=(\d+)min$", text, re.MULTILINE)
    minutes = {name: int(value) for name, value in found}
    assert minutes["TimeoutStartSec"] * 60 > (smoke.PHASES + 1) * PHASE
    assert minutes["TimeoutStopSec"] * 60 > PHASE
    assert f"SuccessExitStatus={Exit.REFUSED.value}" in text
    assert "ExecStart=/opt/cloudfreedom/venv/bin/cloudfreedom smoke --json\n" in text


def test_it_runs_once_a_night() -> None:
    command = [unit.analyzer(), "calendar", "*-*-* 03:00:00", "--iterations=2"]
    assert "OnCalendar=*-*-* 03:00:00" in TIMER.read_text()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
