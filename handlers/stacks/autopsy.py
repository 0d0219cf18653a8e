"""What can be known of a stack that does not run well: Coolify reports no reason, so it is gathered."""

from __future__ import annotations

from dataclasses import replace

from handlers import naming
from handlers.eyes import Eyes
from handlers.stacks.facts import StackFacts
from listener import errors
from listener.coolify import payloads
from listener.telemetry import masking

WORTH = ("not_started", "not_running", "stopped_again", "unhealthy", "started_unwell")
"""Reasons of plans whose text tells why, as far as that can be known."""
LINES = 20
LONGEST = 200
"""Characters of a log line, as much as is shown of it."""
MOST = 1500
"""Characters of log lines in all; the record's field holds 5000 for everything."""


async def read(eyes: Eyes, facts: StackFacts) -> StackFacts:
    """The facts with an autopsy, which is remembered until something is done about the service.

    Reads the service, and the log of the container that is worst, if it runs. Coolify gives no log of a
    container that does not run (4.3.10, ServicesController.php).
    """
    row = facts.ledger
    detail = await eyes.coolify.service(row.service_uuid) if row else None
    if detail is None or not isinstance(naming.prove(detail, facts.marker, facts.clock), naming.Proof):
        return facts
    states = [f"{name} {state or 'unknown'}" for name, state in detail.containers]
    parts = [f"containers: {', '.join(states) or 'none'}", f"images: {', '.join(detail.images)}"]
    log = await _log(eyes, detail)
    if log:
        config = facts.record.config if facts.record else None
        kept = [value.get_secret_value() for value in facts.secrets.values()]
        parts.append(f"last log lines: {_short(masking.masked(log, config, kept))}")
    if detail.page:
        parts.append(f"see {eyes.site.coolify_url.rstrip('/')}{detail.page}")
    text = " · ".join(parts)
    eyes.memory.of(facts.id).autopsy = text
    return replace(facts, autopsy=text)


async def _log(eyes: Eyes, detail: payloads.ServiceDetail) -> str:
    """The log of the first container that runs, sick ones first; "" when there is none."""
    alive = [(name, state) for name, state in detail.containers if not state.startswith("exited")]
    alive.sort(key=lambda one: "unhealthy" not in one[1])
    if not alive:
        return ""
    try:
        return await eyes.coolify.logs(detail.uuid, alive[0][0], lines=LINES)
    except (errors.UpstreamRefusal, errors.UpstreamUnavailable):
        return ""


def _short(log: str) -> str:
    """The last lines, each cut, as many as there is room for."""
    kept: list[str] = []
    for line in reversed(log.splitlines()):
        text = "".join(c if c.isprintable() else " " for c in line).strip()[:LONGEST]
        if sum(map(len, kept)) + len(text) > MOST:
            break
        kept += [text] if text else []
    return " | ".join(reversed(kept))
