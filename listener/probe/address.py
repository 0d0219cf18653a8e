"""Where a server is asked: its own address, from Coolify or from the operator, never from a record."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from listener import errors

COOLIFYS_OWN = "host.docker.internal"
"""What Coolify calls the host that it runs on, from inside its container."""
LOOPBACK = "127.0.0.1"

LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
LONGEST_NAME = 253
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address or a host name; `port` None is 443 with TLS and 80 without."""

    host: str
    port: int | None = None


def of_server(ip: str) -> Address | None:
    """The address of a server whose `ip` Coolify shows, None if it is none. Coolify's own host is ours."""
    host = ip.strip().lower()
    if host == COOLIFYS_OWN:
        return Address(LOOPBACK)
    return Address(host) if is_ip(host) or is_name(host) else None


def chosen(text: str) -> Address:
    """The address that an operator wrote as `host`, `host:port`, `ip` or `[ipv6]:port`.

    Raises `PROBE_ADDRESS_INVALID`.
    """
    host, port = text.strip().lower(), None
    if not is_ip(host):
        host, colon, digits = host.rpartition(":") if ":" in host else (host, "", "")
        host = host.removeprefix("[").removesuffix("]")
        port = _port(digits) if colon else None
        if (colon and port is None) or not (is_ip(host) or is_name(host)):
            raise errors.Refusal(
                "PROBE_ADDRESS_INVALID",
                "The probe's address is not an address.",
                what=f"{text[:80]!r} is not an address",
                why="it must be an IP address or a host name, with a port of 1 to 65535 or none",
                fix="write it like 203.0.113.7, proxy.example.org, 10.0.0.5:8443 or [2001:db8::7]:443",
            )
    return Address(host, port)


def is_name(text: str) -> bool:
    """Whether this is a host name in lower-case ASCII."""
    return len(text) <= LONGEST_NAME and NAME.fullmatch(text) is not None


def is_ip(text: str) -> bool:
    """Whether this is an IP address, of either kind."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port(digits: str) -> int | None:
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(LAST_PORT))
    return int(digits) if is_number and 0 < int(digits) <= LAST_PORT else None
