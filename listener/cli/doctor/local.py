"""Checks of what is on this machine: settings, files, templates."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import SecretStr

from listener import app
from listener.alerts.channels import channels
from listener.cli import configured
from listener.cli.doctor import report, scene
from listener.cli.exits import Exit


async def settings(here: scene.Scene) -> list[report.Line]:
    """Everything that `run` needs is set, and looks as it should."""
    found = [
        report.failure(one.text, f"for example {one.example}" if one.example else "", Exit.CONFIGURATION)
        for one in here.mistakes.values()
    ]
    mine = here.settings
    if mine.pocketbase_password is None and mine.pocketbase_token is None:
        text = "neither POCKETBASE_PASSWORD nor POCKETBASE_TOKEN is set"
        fix = "choose a password; `cloudfreedom schema apply` makes the account with it"
        found.append(report.failure(text, fix, Exit.CONFIGURATION))
    if not mine.listener_secrets_key and "listener_secrets_key" not in here.mistakes:
        text = "LISTENER_SECRETS_KEY is not set"
        fix = "make one with `cloudfreedom init --key` and keep a copy off this host"
        found.append(report.failure(text, fix, Exit.CONFIGURATION))
    for name, url in [
        ("COOLIFY_URL", mine.coolify_url),
        *(("POCKETBASE_URL", u) for u in mine.pocketbase_url),
    ]:
        if url and not scene.is_address(url):
            text = f"{name} is no address"
            found.append(report.failure(text, "it begins with http:// or https://", Exit.CONFIGURATION))
    found += [report.warning(f"{name} {odd}", "set the bare value") for name, odd in _odd(mine)]
    return found or [report.good("complete")]


async def state_dir(here: scene.Scene) -> list[report.Line]:
    """The listener can keep its lock."""
    folder = here.settings.listener_state_dir
    nearest = next(path for path in (folder, *folder.absolute().parents) if _is_there(path))
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return [report.good(str(folder))]
    text = f"{folder} cannot be written by this user; the service's user may be another"
    return [report.unsure(text, "run doctor as the service's user, or set LISTENER_STATE_DIR")]


def _is_there(path: Path) -> bool:
    """The path exists, as far as this user can see."""
    try:
        return path.exists()
    except PermissionError:
        return False


async def templates(here: scene.Scene) -> list[report.Line]:
    """Every template loads, renders and passes the guard; the platform has what they need."""
    catalog = app.load_catalog(here.settings, set_aside=True)
    given = here.settings.platform()
    found = [
        report.failure(
            f"{slug} is set aside, its stacks are left as they are: {one.code}: {one.what}", one.fix
        )
        for slug, one in catalog.broken.items()
    ]
    for slug in catalog.slugs():
        template = catalog.get(slug)
        assert template is not None
        needs = [p for p in template.manifest.parameters if p.from_platform and p.required]
        missing = [p.from_platform for p in needs if p.from_platform not in given]
        label = f"{slug} {template.manifest.version}"
        if missing:
            text = f"{label} needs {', '.join(map(str, missing))}: its stacks are refused"
            found.append(report.warning(text, "set it; see .env.example"))
        else:
            found.append(report.good(label))
    return found


def _odd(mine: configured.Loose) -> list[tuple[str, str]]:
    """Settings that look like a mistake of copying, by name, never by value."""
    found = []
    for name in type(mine).model_fields:
        value = getattr(mine, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str):
            continue
        if re.search(r"\$\{?[A-Za-z_]\w*\}?", text) and text.startswith("$"):
            found.append((name.upper(), "looks like a variable that was not expanded"))
        elif text != text.strip() or "\n" in text or "\r" in text:
            found.append((name.upper(), "has blanks around it or a line break in it"))
        elif name.endswith("_token") and not scene.is_sendable(text):
            found.append((name.upper(), "has a character in it that no token has"))
        elif len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            found.append((name.upper(), "is in quotes that belong to it now"))
    return found


async def alerts(here: scene.Scene) -> list[report.Line]:
    """Somebody is told when something breaks; nothing is sent."""
    found = channels(here.settings.alert_addresses())
    if not found:
        return [report.skipped("ALERT_URLS is empty: alerts are kept in stack_alerts and reach nobody")]
    return [report.good(f"go to {', '.join(one.name for one in found)}")]
