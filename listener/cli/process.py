"""The listener's own pages, as far as one runs on this host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener import settings, transport

SECONDS = 2.0


async def readiness(configured: settings.Settings) -> Mapping[str, Any] | None:
    """What `/readyz` at `LISTENER_HTTP` says; None when nobody answers there."""
    at = configured.listener_http
    if at == settings.OFF:
        return None
    told = await transport.glance(f"http://{at}/readyz", seconds=SECONDS)
    return told if isinstance(told, dict) and "role" in told else None


def told(state: Mapping[str, Any]) -> str:
    """One line: its part, what it heard and read, and what keeps it from acting."""
    now = state.get("now") or {}
    parts = [
        str(state["role"]),
        _ago("last event", now.get("heard_seconds"), "nothing heard yet"),
        _ago("swept", now.get("swept_seconds"), "not swept yet"),
        f"{now.get('waiting', 0):.0f} waiting",
        *(f"NOT READY: {name}" for name in state.get("problems", {})),
    ]
    withheld = [
        name for name in state.get("withheld", {}) if not (name == "lease" and state["role"] == "standby")
    ]
    return " · ".join([*parts, *([f"does nothing: {', '.join(withheld)}"] if withheld else [])])


def _ago(what: str, seconds: float | None, never: str) -> str:
    return never if seconds is None else f"{what} {seconds:.0f} s ago"
