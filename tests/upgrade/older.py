"""An older release of the listener, taken out of this repository's history into a folder of its own.

By hand: `python -m tests.upgrade.older DIR [COMMIT]`, then `PYTHONSAFEPATH=1 PYTHONPATH=DIR python -m
listener.cli.main …` is that release, with the same dependencies.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREVIOUS = "f71ca49"
"""The release before this one: data model 1, ledger format 1."""
BACK = 60
"""Commits before this one that are gone back where `PREVIOUS` is not in the history."""


def missing() -> str:
    """Why no older release can be had here; "" when one can."""
    if _git("rev-parse", "--is-inside-work-tree") != "true":
        return "there is no git history"
    if not commit():
        is_shallow = _git("rev-parse", "--is-shallow-repository") == "true"
        assert is_shallow, "the history is whole, and holds no older release"
        return "the git history is cut off"
    return ""


def commit() -> str:
    """The hash of the older release, or ""."""
    return _git("rev-parse", "--verify", "-q", f"{PREVIOUS}^{{commit}}") or _git(
        "rev-parse", "--verify", "-q", f"HEAD~{BACK}^{{commit}}"
    )


def unpack(folder: Path, revision: str = "") -> Path:
    """The folder holds that release."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["git", "-C", str(ROOT), "archive", revision or commit()]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def environment(folder: Path) -> Mapping[str, str]:
    """What makes `python -m listener…` that release, wherever it is started."""
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.stdout.write(f"{unpack(Path(sys.argv[1]), *sys.argv[2:3])}\n")
