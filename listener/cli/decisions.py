"""Decisions as the listener on this host wrote them down, and `cloudfreedom replay`: decided once more."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handlers.decisions import note
from listener import app, errors, settings
from listener.cli import configured, show
from listener.cli.exits import Exit
from listener.telemetry import journal

LAST = 5
"""How many `explain` shows."""
SHOWN = ("at", "reason", "message", "again", "blocked", "steps", "inputs")


@dataclass(frozen=True, slots=True)
class Result:
    """One decision, decided again."""

    at: str
    stack: str
    before: list[str]
    after: list[str]
    """What this release decides; empty when it cannot read the facts."""
    why: str = ""
    """Why it cannot."""


def last(configured: settings.Settings, stack: str) -> dict[str, Any]:
    """The stack's last decisions, oldest first; or in `away` why they cannot be read here."""
    path = configured.listener_state_dir / app.DECISIONS
    try:
        found = deque((one for one in _lines(path) if one["stack"] == stack), maxlen=LAST)
        away = "" if path.exists() else f"no listener on this host wrote {path}"
    except OSError as error:
        return {"away": f"{path} cannot be read: {error.strerror}", "last": []}
    return {"away": away, "last": [{name: one[name] for name in SHOWN} for one in found]}


def replay(file: Path | None, stack: str, *, as_json: bool) -> Exit:
    """Every kept decision is made again by this release: FAILED when one comes out another way."""
    path = file or configured.load(configured.Database).listener_state_dir / app.DECISIONS
    try:
        lines = [one for one in _lines(path) if stack in ("", one["stack"])]
    except OSError as error:
        raise errors.Terminal(
            "DECISIONS_UNREADABLE",
            f"{path} cannot be read",
            why=error.strerror or type(error).__name__,
            fix="run this as root on the listener's host, or name a file from a support bundle",
        ) from error
    if not lines:
        raise errors.Terminal(
            "DECISIONS_NONE",
            f"{path} holds no decision{f' about {stack}' if stack else ''}",
            why="the listener writes one down whenever a stack's plan becomes another",
            fix="name the file with --file, and a stack by its record id",
        )
    able = [one for one in lines if one["is_replayable"]]
    changed = [one for one in map(_again, able) if one.before != one.after]
    if as_json:
        told = {"decisions": len(lines), "replayed": len(able)}
        show.as_json(told | {"changed": [asdict(one) for one in changed]})
    else:
        _tell(lines, able, changed)
    return Exit.FAILED if changed else Exit.DONE


def _tell(lines: list[Any], able: list[Any], changed: list[Result]) -> None:
    for one in changed:
        show.line(f"~ {one.at[:19]} {one.stack}: {one.why or 'is decided another way now'}")
        if one.after:
            show.line(f"    was  {'; '.join(one.before)}")
            show.line(f"    now  {'; '.join(one.after)}")
    left = len(lines) - len(able)
    show.line(
        f"{len(able)} decisions made again, {len(able) - len(changed)} alike, {len(changed)} changed"
        + (f"; {left} need what is not kept (secrets, log lines, compose)." if left else ".")
    )


def _again(told: Mapping[str, Any]) -> Result:
    try:
        after, why = note.replayed(told), ""
    except (ValueError, TypeError, KeyError) as error:
        after, why = [], f"this release cannot read its facts: {error}"
    return Result(told["at"], told["stack"], told["decided"], after, why)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole decisions, oldest first; a line that is none is left out."""
    for text in journal.read(path):
        try:
            told = json.loads(text)
        except ValueError:
            continue
        if isinstance(told, dict) and {"facts", "want", "decided", *SHOWN} <= told.keys():
            yield told
