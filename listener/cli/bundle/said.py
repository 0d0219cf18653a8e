"""What other commands say, as files."""

from __future__ import annotations

import contextlib
import io
import json
import platform
import re
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from listener.cli import configured, listing
from listener.cli import doctor as examining
from listener.cli import plan as planning
from listener.cli import templates as ordering
from listener.cli.bundle import net
from listener.pocketbase.schema_model import VERSION

DISTRIBUTION = "cloudfreedom-listener"
HELD = "(left out: on hold)"
LOG_LINES = re.compile(r"last log lines: .*", re.DOTALL)


def settings(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """Every setting by name, a secret only as set or not, and what is wrong with any."""
    known, mistakes = configured.whatever()
    told = {name.upper(): _value(name, getattr(known, name)) for name in type(known).model_fields}
    return _json("settings", {"settings": told, "mistakes": [str(one) for one in mistakes.values()]})


def versions(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """Of everything that runs here."""
    needed = [
        re.split(r"[^A-Za-z0-9._-]", one)[0]
        for one in metadata.requires(DISTRIBUTION) or ()
        if ";" not in one
    ]
    told = {
        "listener": metadata.version(DISTRIBUTION),
        "data_model": VERSION,
        "python": sys.version,
        "system": platform.platform(),
        "libraries": {name: metadata.version(name) for name in needed},
    }
    return _json("versions", told)


def doctor(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """`doctor --json`."""
    return {"doctor.json": _printed(lambda: examining.doctor(as_json=True))}


def status(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """`status --json`, without what staff wrote and what programs printed."""
    told = json.loads(_printed(lambda: listing.status(stack="", as_json=True)))
    if "paused" in told:
        told["paused"] = told["paused"].partition(": ")[0]
    for one in told["stacks"]:
        is_held = bool(one.get("hold")) or "hold" in str(one.get("tenant_stops") or "")
        one |= {name: HELD for name in ("hold", "tenant_stops", "message") if is_held and one.get(name)}
        one["error_message"] = without_log(str(one.get("error_message") or ""))
    return _json("status", told)


def plan(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """`plan`, as text."""
    text = _printed(lambda: planning.plan(stack="", detailed=False, first_contact=False))
    return {"plan.txt": "".join(f"{without_log(line)}\n" for line in text.splitlines())}


def templates(caught: net.Net) -> Mapping[str, str]:  # noqa: ARG001
    """`templates --json`."""
    return {"templates.json": _printed(lambda: ordering.show_list(as_json=True))}


def without_log(text: str) -> str:
    """The reason on a record without what its program printed last."""
    return LOG_LINES.sub("last log lines: (left out)", text)


def as_json(value: Any) -> str:
    """As every file of the bundle has it."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"


def _json(name: str, value: Any) -> Mapping[str, str]:
    return {f"{name}.json": as_json(value)}


def _value(name: str, value: object) -> object:
    if net.is_secret(name):
        is_set = bool(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        return "set" if is_set else "not set"
    return value


def _printed(work: Callable[[], object]) -> str:
    """What a command prints; what it says on standard error stays there."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        work()
    return printed.getvalue()
