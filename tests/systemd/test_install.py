"""`systemd/install` into a folder: what lies where, with which rights, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "systemd" / "install"
UNITS = (*INSTALL.parent.glob("*.service"), *INSTALL.parent.glob("*.timer"))

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="it needs root"),
    pytest.mark.timeout(400),  # pip installs everything, more than once
]


def _install(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "DESTDIR": str(folder), "PYTHON": sys.executable, **env}
    command = [str(INSTALL), *words]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, umask=0o077)


def _mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def _modes(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if "releases" not in path.parts and not path.is_symlink())
    return {str(path.relative_to(folder)): _mode(path) for path in paths if path.is_file()}


@pytest.mark.long
def test_installing_again_keeps_settings_and_the_release_before(tmp_path: Path) -> None:
    home, etc = tmp_path / "opt" / "cloudfreedom", tmp_path / "etc" / "cloudfreedom"
    assert _install(tmp_path).returncode == 0
    assert _modes(tmp_path) == {
        "etc/cloudfreedom/listener.env": "600",
        **{f"etc/systemd/system/{path.name}": "644" for path in UNITS},
        "etc/tmpfiles.d/cloudfreedom.conf": "644",
        "opt/cloudfreedom/CODES.md": "644",
        "opt/cloudfreedom/OPERATIONS.md": "644",
        "usr/local/bin/cloudfreedom": "755",
    }
    assert _mode(etc / "credentials") == "700"
    program = home / "venv" / "bin" / "cloudfreedom"
    assert (_mode(program), _mode(program.resolve().parents[2])) == ("755", "755")
    assert subprocess.run([program, "--help"], capture_output=True, check=False).returncode == 0

    first = (home / "venv").readlink()
    (etc / "listener.env").write_text("POCKETBASE_URL=https://pb.example.org\n")
    (etc / "credentials" / "coolify_token").write_text("1|fake")
    (home / "releases" / "20200101T000000Z").mkdir()
    done = _install(tmp_path)
    assert "schema apply" in done.stdout
    second = (home / "venv").readlink()
    assert (etc / "listener.env").read_text() == "POCKETBASE_URL=https://pb.example.org\n"
    assert _mode(etc / "credentials" / "coolify_token") == "600"
    assert {f"releases/{path.name}" for path in (home / "releases").iterdir()} == {str(first), str(second)}

    assert _install(tmp_path, "--back", PYTHON="/bin/false").returncode == 0
    assert ((home / "venv").readlink(), (home / "before").readlink()) == (first, second)


@pytest.mark.long
def test_an_installation_that_fails_leaves_what_is_installed_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "opt" / "cloudfreedom"
    (home / "releases" / "20200101T000000Z").mkdir(parents=True)
    (home / "venv").symlink_to("releases/20200101T000000Z")
    done = _install(tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode != 0
    assert str((home / "venv").readlink()) == "releases/20200101T000000Z"
    assert [path.name for path in (home / "releases").iterdir()] == ["20200101T000000Z"]
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        pytest.param([], {"PYTHON": "/bin/false"}, "Python 3.11 with venv is needed.", id="python"),
        pytest.param(["--forward"], {}, "--forward is no option.", id="option"),
        pytest.param(["--back"], {}, "There is no release to go back to.", id="nothing-before"),
    ],
)
def test_what_cannot_be_done_is_refused_with_why_and_fix(
    tmp_path: Path, words: list[str], env: dict[str, str], said: str
) -> None:
    done = _install(tmp_path, *words, **env)
    lines = done.stderr.splitlines()
    assert (done.returncode, lines[0]) == (1, said)
    assert [line.split(":")[0] for line in lines[1:]] == ["  why", "  fix"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "opt" / "cloudfreedom" / "venv").mkdir(parents=True)
    done = _install(tmp_path)
    assert (done.returncode, "is a folder." in done.stderr) == (1, True)
