"""Checks of names: a resolver answers, and domains can be told where to lead."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet

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
    door = set(here.settings.platform_addresses) or await _server(here)
    if here.settings.platform_domain:
        lines += _wildcard(zone, found.values, door)
    if door is not None and not door:
        text = (
            "Coolify shows no address of its server that the world knows: only TXT records prove own domains"
        )
        lines.append(report.warning(text, "set PLATFORM_ADDRESSES"))
    return lines


def _wildcard(zone: str, found: AbstractSet[str], door: AbstractSet[str] | None) -> list[report.Line]:
    """Every name under the platform's domain leads to the server, as far as its addresses are known."""
    wanted = " or ".join(sorted(door or ())) or "the server's address"
    fix = f"create the DNS record *.{zone} that leads to {wanted}"
    if not found:
        text = f"no name under {zone} leads anywhere: the addresses of new stacks do not either"
        return [report.warning(text, fix)]
    if door and all(map(address.is_ip, door)) and door.isdisjoint(found):
        return [report.warning(f"*.{zone} leads to {', '.join(sorted(found))}, not to {wanted}", fix)]
    return [report.good(f"*.{zone} leads to {', '.join(sorted(found))}")]


async def _server(here: scene.Scene) -> AbstractSet[str] | None:
    """The default server's address as Coolify has it; empty when the world does not know it, None unasked."""
    if here.coolify is None or not here.can_read_coolify:
        return None
    servers = {one.uuid: one for one in await here.coolify.servers()}
    server = servers.get(here.settings.coolify_server_uuid)
    if server is None:
        return None
    found = address.of_server(server.ip)
    return {found.host} if found is not None and found.host != address.LOOPBACK else set()
