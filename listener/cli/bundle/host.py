"""What this host knows of the running listener: its pages, and what systemd has of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

import httpx

from listener import errors, settings
from listener.cli import configured
from listener.cli.bundle import net

PATHS = {"readyz.json": "/readyz", "metrics.txt": "/metrics"}
SECONDS = 10.0
LINES = 500
"""Of the journal."""
UNITS = "cloudfreedom-*"
COMMANDS = {
    "systemd.txt": ("systemctl", "--no-pager", "--full", "--lines=0", "status", "--all", UNITS),
    "journal.txt": ("journalctl", "--no-pager", "--output=short-iso", f"--lines={LINES}", f"--unit={UNITS}"),
}


def pages(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """What the listener answers at LISTENER_HTTP, also where it says that it is not ready."""
    address = configured.whatever()[0].listener_http
    if address == settings.OFF:
        raise errors.Refusal("LISTENER_HTTP_OFF", "LISTENER_HTTP is off, so nobody can be asked.")
    found = {}
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=SECONDS, trust_env=False) as http:
            for name, path in PATHS.items():
                answer = http.get(path)
                head = "" if answer.is_success else f"HTTP {answer.status_code}\n"
                found[name] = head + answer.text
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise errors.UpstreamUnavailable(
            "LISTENER_UNREACHABLE", f"nobody answers at {address}", why=type(error).__name__
        ) from error
    return found


def units(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """What each program says; one that is not there is left out."""
    present = {
        name: (path, words[1:]) for name, words in COMMANDS.items() if (path := shutil.which(words[0]))
    }
    if not present:
        raise errors.Refusal("SYSTEMD_MISSING", "There is no systemctl and no journalctl here.")
    return {name: _said(path, words) for name, (path, words) in present.items()}


def _said(path: str, words: tuple[str, ...]) -> str:
    done = subprocess.run(  # noqa: S603 - a fixed command
        [path, *words], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
    )
    return done.stdout + done.stderr
