"""The units fit the commands, and systemd understands them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from handlers.alerting import copies
from listener import settings
from listener.cli.exits import Exit
from listener.dockerwatch import disk
from tests.backup import conftest as stage
from tests.backup.hosted import Host
from tests.cli.commands import environment
from tests.systemd import unit

FOLDER = unit.PATH.parent
COMMANDS = {
    "cloudfreedom-backup": "backup run --prune",
    "cloudfreedom-backup-asked": "backup run --asked",
    "cloudfreedom-backup-drill": "backup drill",
}
UNITS = tuple(COMMANDS)
EXPOSURE = 40
"""Tenths of systemd's exposure level that are let pass: root on the network, who may change owners."""


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("kind", ["service", "timer"])
def test_systemd_finds_nothing_to_say(tmp_path: Path, name: str, kind: str) -> None:
    for one in ("service", "timer"):
        text = (FOLDER / f"{name}.{one}").read_text()
        (tmp_path / f"{name}.{one}").write_text(
            text.replace("/opt/cloudfreedom/venv/bin/cloudfreedom", "/bin/true")
        )
    command = [unit.analyzer(), "verify", str(tmp_path / f"{name}.{kind}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_is_hardened_as_far_as_its_work_allows(name: str) -> None:
    path = str(FOLDER / f"{name}.service")
    command = [unit.analyzer(), "security", "--offline=true", f"--threshold={EXPOSURE}", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_runs_the_command_with_secrets_from_credentials(name: str) -> None:
    text = (FOLDER / f"{name}.service").read_text()
    assert re.findall(r"^ExecStart=\S+/cloudfreedom (.+)$", text, re.MULTILINE) == [COMMANDS[name]]
    loaded = re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)
    assert loaded == ["pocketbase_password", "backup_repository", "backup_password"]
    assert all("SecretStr" in str(settings.Settings.model_fields[one].annotation) for one in loaded)
    folder = settings.Settings.model_fields["backup_state_dir"].default
    assert f"StateDirectory={folder.name}\n" in text
    if "backup run" in COMMANDS[name]:
        assert f"ReadWritePaths={disk.VOLUMES}\n" in text


def test_a_copy_is_overdue_only_after_the_timer_had_its_time() -> None:
    timer = (FOLDER / "cloudfreedom-backup.timer").read_text()
    assert "OnCalendar=*-*-* 02:00:00\n" in timer
    assert "RandomizedDelaySec=1h\n" in timer
    assert timedelta(hours=24 + 1 + 6) < copies.OVERDUE


@pytest.mark.long
@pytest.mark.skipif(not stage.ROOT or shutil.which("setpriv") is None, reason="only root can give up rights")
@pytest.mark.parametrize("name", UNITS)
async def test_the_rights_and_system_calls_that_the_unit_keeps_are_enough(
    host: Host, tmp_path: Path, name: str
) -> None:
    await host.stack("chat", applied_spec={"backup_asked": "2100-01-01 00:00:00.000Z"})
    assert (await host.backup("run")).code == Exit.DONE
    text = (FOLDER / f"{name}.service").read_text()
    rights = re.findall(r"^CapabilityBoundingSet=(.+)$", text, re.MULTILINE)[0].lower().split()
    bounds = ",".join(["-all", *(f"+{right.removeprefix('cap_')}" for right in rights)])
    group, *more = re.findall(r"^SystemCallFilter=(.+)$", text, re.MULTILINE)[0].split()
    calls = anyio.Path(tmp_path / "calls")
    await calls.write_text("\n".join([*members(group), *more]))
    command = ["setpriv", "--bounding-set", bounds, "--no-new-privs"]
    command += [sys.executable, "-m", "tests.systemd.confined", str(calls)]
    command += [sys.executable, "-m", "listener.cli.main", *COMMANDS[name].split()]
    where = ["--dir", str(host.folder)] if " run" in COMMANDS[name] else []
    done = await anyio.run_process([*command, *where], env=environment(host.env), check=False)
    assert (done.returncode, done.stderr) == (Exit.DONE, b""), done.stdout.decode()


def members(name: str) -> set[str]:
    """The system calls that systemd means by this name."""
    if not name.startswith("@"):
        return {name}
    command = [unit.analyzer(), "syscall-filter", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    listed = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {call for entry in listed for call in members(entry)}
