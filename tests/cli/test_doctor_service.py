"""What is on the listener's own host: its unit, files with secrets, the measured disk, its own page."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from listener.cli.doctor import report, service
from listener.dockerwatch import disk
from tests.cli.commands import Done, cloudfreedom
from tests.cli.test_doctor import examined, marks

SYSTEMCTL = """#!/bin/sh
# systemctl as far as it is asked here: one unit, whose state is a folder of files.
cd {state} || exit 1
case "$1" in
  show) [ -e down ] && {{ echo "System has not been booted with systemd" >&2; exit 1; }}
    cat shown; echo "ActiveState=$(cat active)"; echo "UnitFileState=$(cat enabled)" ;;
  start) echo active > active ;;
  enable) echo enabled > enabled ;;
  *) exit 64 ;;
esac
"""


class Systemd:
    """A `systemctl` on the path that knows one unit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "bin" / "systemctl"
        program.parent.mkdir()
        program.write_text(SYSTEMCTL.format(state=folder))
        program.chmod(0o755)
        self.path = str(program.parent)
        self.say(active="active", enabled="enabled")

    def say(self, *, active: str, enabled: str = "enabled", status: int = 0, files: str = "") -> None:
        """The unit is in this state."""
        (self.folder / "active").write_text(f"{active}\n")
        (self.folder / "enabled").write_text(f"{enabled}\n")
        (self.folder / "shown").write_text(f"LoadState=loaded\nExecMainStatus={status}\n{files}")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """A host with systemd, on which the listener's unit runs."""
    made = Systemd(tmp_path)
    monkeypatch.setenv("PATH", made.path, prepend=":")
    return made


def carried_out(fix: str) -> None:
    """The command is run as it stands."""
    subprocess.run(shlex.split(fix), check=True, timeout=10)


async def measured(fix: str) -> Done:
    """The `cloudfreedom` command in the remedy was run, on a folder that stands for Docker's."""
    (command,) = re.findall(r"`cloudfreedom (measure-disk [^`]+)`", fix)
    return await cloudfreedom({}, *shlex.split(command), "--dir", str(Path(__file__).parent))


@pytest.mark.parametrize(
    ("active", "enabled", "mark"),
    [("active", "enabled", "✓"), ("inactive", "enabled", "!"), ("active", "disabled", "✓!")],
)
async def test_a_unit_that_does_not_run_is_started_by_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, systemd: Systemd, active: str, enabled: str, mark: str
) -> None:
    systemd.say(active=active, enabled=enabled)
    found = (await examined(monkeypatch, {}))["service"]
    assert marks(found) == mark
    for line in found:
        if line.fix:
            carried_out(line.fix)
    assert marks((await examined(monkeypatch, {}))["service"]) == "✓"


async def test_a_unit_that_cannot_start_names_the_configuration(
    monkeypatch: pytest.MonkeyPatch, systemd: Systemd
) -> None:
    systemd.say(active="activating", status=78)
    (line,) = (await examined(monkeypatch, {}))["service"]
    assert (line.mark, "(exit 78)" in line.text) == (report.Mark.FAILURE, True)
    assert line.fix.endswith(f"systemctl restart {service.UNIT}")
    systemd.say(active="activating")
    assert marks((await examined(monkeypatch, {}))["service"]) == "?"


async def test_a_host_without_systemd_is_nothing_to_complain_of(
    monkeypatch: pytest.MonkeyPatch, systemd: Systemd
) -> None:
    (systemd.folder / "down").touch()
    assert marks((await examined(monkeypatch, {}))["service"]) == "-"
    (systemd.folder / "down").unlink()
    (systemd.folder / "shown").write_text("LoadState=not-found\n")
    assert marks((await examined(monkeypatch, {}))["service"]) == "-"


async def test_files_with_secrets_that_others_may_read_are_named_with_their_chmod(
    monkeypatch: pytest.MonkeyPatch, systemd: Systemd, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    secret, public, credential = (tmp_path / name for name in ("secret.env", "public.env", "coolify_token"))
    secret.write_text("COOLIFY_URL=https://coolify.example.org\nexport COOLIFY_TOKEN=1|fake-token\n")
    public.write_text("COOLIFY_URL=https://coolify.example.org\n")
    credential.write_text("1|fake-token\n")
    files = [f"EnvironmentFiles={path} (ignore_errors=no)\n" for path in (secret, public)]
    systemd.say(active="active", files="".join([*files, f"LoadCredential=coolify_token:{credential}\n"]))
    for path in (secret, public, credential):
        path.chmod(0o644)
    found = (await examined(monkeypatch, {}))["secret files"]
    assert marks(found) == "!✓!"
    assert "fake-token" not in repr(found)
    for line in found:
        if line.fix:
            carried_out(line.fix)
    assert marks((await examined(monkeypatch, {}))["secret files"]) == "✓✓✓"
    assert stat.S_IMODE(public.stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not look")
async def test_what_this_user_may_not_look_at_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, systemd: Systemd, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "coolify_token").touch(mode=0o600)
    systemd.say(active="active", files=f"LoadCredential=coolify_token:{closed}/coolify_token\n")
    env = {"LISTENER_STATE_DIR": str(closed / "state"), "LISTENER_DISK_FILE": str(closed / "disk.json")}
    found = await examined(monkeypatch, env)
    assert (marks(found["secret files"]), marks(found["state directory"])) == ("✓", "✓")
    above = {folder: folder.stat().st_mode for folder in (tmp_path, *tmp_path.parents[:2])}
    for folder, mode in above.items():
        folder.chmod(mode | 0o055)
    os.seteuid(65534)
    try:
        found = await examined(monkeypatch, env)
    finally:
        os.seteuid(0)
        for folder, mode in above.items():
            folder.chmod(mode)
    assert (marks(found["secret files"]), marks(found["state directory"])) == ("?", "?")
    assert found["secret files"][0].fix == "run doctor as root"


@pytest.mark.parametrize("how", ["missing", "stale", "low"])
async def test_the_disk_is_known_again_after_the_command_that_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    file, now = tmp_path / "disk.json", datetime.now(UTC)
    if how != "missing":
        at, free = (now - timedelta(hours=3), 20 * 1024) if how == "stale" else (now, 1024)
        disk.write(disk.Report(at, free, 40 * 1024, {}), file)
    env = {"LISTENER_DISK_FILE": str(file)}
    (line,) = (await examined(monkeypatch, env))["disk"]
    assert line.mark is (report.Mark.INCONCLUSIVE if how == "missing" else report.Mark.WARNING)
    done = await measured(line.fix)
    assert done.code == 0, done.text
    (line,) = (await examined(monkeypatch, env))["disk"]
    free_mb = (disk.read(file) or pytest.fail("no report")).free_mb
    assert marks([line]) == ("✓" if free_mb >= 8 * 1024 else "!")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("${COOLIFY_TOKEN}", "looks like a variable that was not expanded"),
        ("1|fake\ntoken", "has blanks around it or a line break in it"),
        ("1|fake-token\n", "has blanks around it or a line break in it"),
        ('"1|fake-token"', "is in quotes that belong to it now"),
        ("1|fake\u200btoken", "has a character in it that no token has"),
        ("1|fake-token", ""),
    ],
    ids=["unexpanded", "broken", "ended", "quoted", "invisible", "good"],
)
async def test_a_token_that_was_copied_badly_is_named_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, value: str, text: str
) -> None:
    found = await examined(monkeypatch, {"COOLIFY_TOKEN": value, "COOLIFY_URL": "http://127.0.0.1:9"})
    odd = [line for line in found["settings"] if line.text.startswith("COOLIFY_TOKEN ")]
    assert [line.text for line in odd] == ([f"COOLIFY_TOKEN {text}"] if text else [])
    assert [line.fix for line in odd] == (["set the bare value"] if text else [])
    assert "fake" not in repr(odd)
