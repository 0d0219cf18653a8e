"""Whether the stack's domain answers: asked at the platform's own proxy, as the listener's witness does."""

from __future__ import annotations

import ssl
import time

import anyio

from handlers import ledger
from listener import errors, settings
from listener.cli import idle
from listener.compose.manifest import Manifest
from listener.probe import address, verdict
from listener.probe.probe import SECONDS, Probe

LOOK = 1.0
"""Seconds between two questions."""


def untried(here: idle.Idle, manifest: Manifest) -> str:
    """Why nobody is asked; empty if the domain is to answer."""
    if manifest.web is None:
        return f"{manifest.slug} has no page"
    if not here.settings.platform_domain:
        return "PLATFORM_DOMAIN is not set"
    if here.settings.listener_probe_address == settings.OFF:
        return "LISTENER_PROBE_ADDRESS is off"
    return ""


async def answers(here: idle.Idle, record_id: str, path: str, *, seconds: float) -> str:
    """The stack's domain answered 2xx on its health path; which, and with what certificate.

    Raises `SMOKE_NO_ROUTE` with the last answer when it did not within `seconds`.
    """
    kept = await here.database.get(ledger.COLLECTION, record_id) or {}
    host = str(kept.get("domain") or "")
    if not host:
        raise _none("the stack got no domain", "set PLATFORM_DOMAIN for the listener, too, and restart it")
    door = await _door(here, str(kept.get("server_uuid") or ""))
    probe = Probe(clock=time.monotonic, trust=ssl.create_default_context(), seconds=SECONDS)
    found = None
    with anyio.move_on_after(seconds):
        while found is None or found.word is not verdict.Word.GOOD:
            if found is not None:
                await anyio.sleep(LOOK)
            found = await probe.look(door, host, path)
    if found is None or found.word is not verdict.Word.GOOD:
        why = found.reason if found else "no answer"
        raise _none(f"{host}: {why}", "see “Domains” in OPERATIONS.md, and Coolify's proxy")
    return f"{host} answers" + ("" if found.is_certified else ", without a certificate of its own yet")


async def _door(here: idle.Idle, server_uuid: str) -> address.Address | None:
    """Where the server's proxy is: as configured for the default one, else as Coolify shows it."""
    text = here.settings.listener_probe_address
    if text and server_uuid == here.settings.coolify_server_uuid:
        return address.chosen(text)
    await here.app.eyes.view.renew()
    server = here.app.eyes.view.snapshot.servers.get(server_uuid)
    return address.of_server(server.ip) if server else None


def _none(why: str, fix: str) -> errors.Terminal:
    return errors.Terminal(
        "SMOKE_NO_ROUTE", "the domain does not answer by the platform's host", why=why, fix=fix
    )
