"""A release as it is installed: its wheel, in a virtual environment that holds nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.upgrade import older


@dataclass(frozen=True, slots=True)
class Package:
    """The virtual environment."""

    folder: Path

    @property
    def daemon(self) -> list[str]:
        """The daemon with the sandbox's short waits, from this environment and no folder beside."""
        return [str(self.folder / "bin" / "python"), "-P", "-m", "listener.cli.sandboxed"]

    def run(self, *words: str, env: Mapping[str, str]) -> str:
        """What its `cloudfreedom` said; a failure fails."""
        command = [str(self.folder / "bin" / "cloudfreedom"), *words]
        return _run(command, env={**os.environ, **env})


def installed(tree: Path, folder: Path) -> Package:
    """The release whose source tree that is, built and installed with the versions that it was tried with."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    wheels = folder / "wheels"
    _run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(tree)])
    (wheel,) = wheels.iterdir()
    venv.create(folder / "venv", with_pip=True)
    one = Package(folder / "venv")
    constraints = str(tree / "constraints.txt")
    _run([*one.daemon[:1], "-m", *pip[2:], "install", "-c", constraints, str(wheel)])
    return one


def both(folder: Path) -> tuple[Package, Package]:
    """The older release and this one."""
    tree = older.unpack(folder / "tree")
    return installed(tree, folder / "old"), installed(older.ROOT, folder / "new")


def _run(command: list[str], *, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
