"""Checks of names: a resolver answers, and domains can be told where to lead."""

from __future__ import annotations

import time

from listener.cli.doctor import report, scene
from listener.dns.resolver import Resolver
from listener.probe import address

ANY = "cloudfreedom-doctor"
"""A label that nobody has: only a wildcard answers for it."""


async def resolver(here: scene.Scene) -> list[report.Line]:
    """Whoever is asked for the proof of own domains answers."""
    if "listener_dns" in here.mistakes:
        return [report.skipped("not asked: LISTENER_DNS is not good")]
    servers = here.settings.resolvers()
    if servers is None:
        return [report.skipped("LISTENER_DNS is off: own domains need no proof")]
    name = ", ".join(map(str, servers)) or "the system's resolver"
    asked, began = Resolver(servers), time.monotonic()
    zone = here.settings.platform_domain or "example.org"
    found = await asked.addresses(f"{ANY}.{zone}")
    if not found.is_known:
        fix = "check LISTENER_DNS or /etc/resolv.conf; own domains cannot be proven until then"
        return [report.failure(f"{name} does not answer: {found.reason}", fix)]
    lines = [report.good(f"{name} answers in {(time.monotonic() - began) * 1000:.0f} ms")]
    if here.settings.platform_domain and not found.values:
        text = f"no name under {zone} leads anywhere: the addresses of new stacks do not either"
        lines.append(report.warning(text, f"create an A record for *.{zone}"))
    return [*lines, *await _door(here)]


async def _door(here: scene.Scene) -> list[report.Line]:
    """It is known where own domains must lead."""
    if here.settings.platform_addresses or here.coolify is None or not here.can_read_coolify:
        return []
    servers = {one.uuid: one for one in await here.coolify.servers()}
    server = servers.get(here.settings.coolify_server_uuid)
    found = address.of_server(server.ip) if server else None
    if server is None or (found is not None and found.host != address.LOOPBACK):
        return []
    text = "Coolify shows no address of its server that the world knows: only TXT records prove own domains"
    return [report.warning(text, "set PLATFORM_ADDRESSES")]
