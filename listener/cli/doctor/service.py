"""The listener as a service of this host: its unit, its own page, and the disk that is measured beside it.

Where it runs elsewhere there is nothing to look at here, and nothing is said against that.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from handlers import servers
from listener import settings, transport
from listener.cli.doctor import report, scene
from listener.dockerwatch import disk as disks

UNIT = "cloudfreedom-listener"
TIMER = "cloudfreedom-disk.timer"
SHOWN = ("LoadState", "ActiveState", "UnitFileState", "ExecMainStatus", "EnvironmentFiles", "LoadCredential")
CONFIGURATION = "78"
"""Exit code of a listener that cannot start with its settings."""
OURS = {"ready", "role", "problems", "withheld"}
"""What `/readyz` says."""
STANDBY = ("lease", "ledger")
"""Reasons for doing nothing that are as they should be: another leads, or it has just begun to."""
HELPS = {
    "first_contact": "see `cloudfreedom plan --first-contact`, then `cloudfreedom accept`",
    "restored": "OPERATIONS.md, “Something was restored”: look at both sides, then `cloudfreedom accept`",
    "paused": "wait for its end, or `cloudfreedom unpause`",
    "observe_only": "unset LISTENER_OBSERVE_ONLY, then restart it",
    "records_missing": "look for a changed rule or name: `cloudfreedom schema diff --rules`",
    "no live feed": "see the check “live stream”; `cloudfreedom doctor --watch 120` finds what cuts it",
}
"""Reason or problem -> what helps, where the line itself does not say it."""
LOOK = "see the other checks, and its log: `journalctl -u cloudfreedom-listener -e`"


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of the listener's unit."""

    active: str
    enabled: str
    status: str
    """Exit code of its last end."""
    files: tuple[str, ...]
    """Its files with settings and with secrets."""


async def unit(_: scene.Scene) -> list[report.Line]:
    """The service runs, and will after a reboot."""
    found = await read()
    if found is None:
        return [report.skipped(f"systemd knows no {UNIT} here")]
    lines = [_running(found)]
    if found.enabled == "disabled":
        text, fix = "it will not start with the host", f"systemctl enable {UNIT}"
        lines.append(report.warning(text, fix))
    return lines


async def page(here: scene.Scene) -> list[report.Line]:
    """The listener of this host says that it does its part."""
    where = here.settings.listener_http
    if where == settings.OFF:
        return [report.skipped("LISTENER_HTTP is off")]
    async with transport.client(f"http://{where}") as http:
        answer = await transport.look(http, "/readyz")
    if answer is None:
        return [report.skipped(f"no listener answers at {where}")]
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, Mapping) or not told.keys() >= OURS:
        return [report.skipped(f"what answers at {where} is no listener")]
    problems, withheld = dict(told["problems"]), dict(told["withheld"])
    lines = [report.failure(f"{name}: {text}", HELPS.get(name, LOOK)) for name, text in problems.items()]
    lines += [
        report.warning(f"nothing has an effect: {text}", HELPS.get(reason, LOOK))
        for reason, text in withheld.items()
        if reason not in STANDBY and reason not in problems
    ]
    return lines or [report.good(f"{told['role']}, ready")]


async def disk(here: scene.Scene) -> list[report.Line]:
    """The disk of Coolify's server was measured lately, and has room for what is new."""
    file, now = here.settings.listener_disk_file, datetime.now(UTC)
    found = disks.read(file)
    again = f"on the host of Coolify's server, as root: `systemctl enable --now {TIMER}`; once: "
    again += f"`cloudfreedom measure-disk --file {file}`"
    if found is None:
        return [report.unsure(f"nobody measured it: there is no {file}, so no disk is promised twice", again)]
    if not found.is_fresh(now):
        age = (now - found.at).total_seconds() / 3600
        text = f"measured {age:.0f} hours ago, which counts as not at all: no disk is promised twice"
        return [report.warning(text, again)]
    told = f"{found.free_mb / 1024:.1f} of {found.total_mb / 1024:.1f} GiB free"
    if found.free_mb < servers.FREE_MB:
        text = f"{told}: nothing new that stores data is started"
        fix = f"`docker image prune` frees most; then `cloudfreedom measure-disk --file {file}`"
        return [report.warning(text, fix)]
    return [report.good(told)]


async def read() -> Unit | None:
    """The unit as systemd has it; None without systemd or the unit."""
    if shutil.which("systemctl") is None:
        return None
    asked = ["systemctl", "show", UNIT, *(f"--property={name}" for name in SHOWN)]
    done = await anyio.run_process(asked, check=False)
    told: dict[str, list[str]] = {name: [] for name in SHOWN}
    for line in done.stdout.decode(errors="replace").splitlines():
        name, _, value = line.partition("=")
        told.setdefault(name, []).append(value)
    if done.returncode or told["LoadState"] != ["loaded"]:
        return None
    files = [re.sub(r" \(ignore_errors=\w+\)$", "", text) for text in told["EnvironmentFiles"]]
    files += [text.partition(":")[2] for text in told["LoadCredential"]]
    state = {name: "".join(texts[:1]) for name, texts in told.items()}
    return Unit(
        active=state["ActiveState"],
        enabled=state["UnitFileState"],
        status=state["ExecMainStatus"],
        files=tuple(text for text in files if text),
    )


def _running(found: Unit) -> report.Line:
    if found.active == "active":
        return report.good(f"{UNIT} is active")
    if found.active == "activating" and found.status != CONFIGURATION:
        text = f"{UNIT} is starting: it waits for an upstream, or is about to be restarted"
        return report.unsure(text, f"journalctl -u {UNIT} -e")
    if found.status == CONFIGURATION:
        text = f"{UNIT} does not start: its configuration (exit {CONFIGURATION})"
        return report.failure(text, f"mend what is red here, then systemctl restart {UNIT}")
    return report.warning(f"{UNIT} is {found.active or 'unknown'}", f"systemctl start {UNIT}")
