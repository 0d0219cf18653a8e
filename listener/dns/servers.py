"""Which resolvers are asked: those that the operator names, or the system's."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from listener import errors

PORT = 53
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Server:
    """A resolver's own address."""

    ip: str
    port: int = PORT

    def __str__(self) -> str:
        if self.port == PORT:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


def chosen(text: str) -> Server:
    """The resolver that an operator wrote as `ip`, `ip:port` or `[ipv6]:port`.

    Raises `DNS_SERVER_INVALID`.
    """
    ip, port = text.strip(), str(PORT)
    if not _is_ip(ip):
        ip, _, port = ip.rpartition(":")
        ip = ip.removeprefix("[").removesuffix("]")
    if not _is_ip(ip) or not _is_port(port):
        raise errors.Refusal(
            "DNS_SERVER_INVALID",
            "A resolver's address is not an address.",
            what=f"{text[:80]!r} is not the address of a resolver",
            why="it must be an IP address, with a port of 1 to 65535 or none",
            fix="write it like 203.0.113.53, 127.0.0.1:5353 or [2001:db8::53]:53",
        )
    return Server(ip, int(port))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(digits: str) -> bool:
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(LAST_PORT))
    return is_number and 0 < int(digits) <= LAST_PORT
