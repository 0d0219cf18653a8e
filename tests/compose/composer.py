"""Docker Compose on this machine."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from listener.compose import document

VALUE = "it's $HOME, ${HOME} & a$$b #1"
"""What every variable holds when Compose looks at a document."""


@dataclasses.dataclass(frozen=True)
class Compose:
    """The program, of whichever generation."""

    command: list[str]
    version: str

    @property
    def is_first(self) -> bool:
        """Whether it is Compose 1, which knows no `pids` and prints a document in the form it was written."""
        return "version 1." in self.version

    def config(self, folder: Path, made: dict[str, Any], names: set[str]) -> subprocess.CompletedProcess[str]:
        """What it makes of a document when every variable holds `VALUE`."""
        if self.is_first:
            for one in made["services"].values():
                one["deploy"]["resources"]["limits"].pop("pids")  # which only Compose 2 knows
        path = folder / "docker-compose.yml"
        path.write_text(document.canonical(made), "utf-8")
        settings = {"PATH": os.environ["PATH"], "HOME": str(folder), **dict.fromkeys(names, VALUE)}
        words = [*self.command, "-f", str(path), "config"]
        return subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def compose() -> Compose:
    """Skipped where there is none; in CI that is a failure."""
    for words in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(words[0]):
            told = subprocess.run([*words, "version"], capture_output=True, text=True, check=False)
            if told.returncode == 0:
                return Compose(words, told.stdout)
    if os.environ.get("CI") == "1":
        pytest.fail("docker-compose is missing: .ci/run installs it")
    pytest.skip("docker-compose is not here")
