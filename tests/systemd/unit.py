"""The unit file as data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "systemd" / "cloudfreedom-listener.service"


def settings() -> dict[str, list[str]]:
    """Key to all its values, in order; a key that is empty once resets what came before it."""
    found: dict[str, list[str]] = {}
    for line in PATH.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def one(key: str) -> str:
    """The only value of a key."""
    (value,) = settings()[key]
    return value


def credentials() -> list[str]:
    """Names of the credentials that the unit loads."""
    return [value.partition(":")[0] for value in settings()["LoadCredential"]]


def analyzer() -> str:
    """The path of `systemd-analyze`. Without it the test is skipped, but not where CI is set."""
    path = shutil.which("systemd-analyze")
    if path is None and not os.environ.get("CI"):
        pytest.skip("systemd-analyze is not installed")
    assert path is not None, "systemd-analyze is missing: apt-get install systemd"
    return path
