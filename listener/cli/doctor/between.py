"""What stands between us and an upstream, as its answers betray it, and what has to be set there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from listener import errors

STREAMS = {
    "nginx": "in nginx's location of /api/realtime `proxy_buffering off; gzip off; proxy_read_timeout 1h;`",
    "Traefik": (
        "in Traefik `compress.excludedcontenttypes=text/event-stream` (in Coolify: switch gzip off) and "
        "`respondingTimeouts.readTimeout=0`, `writeTimeout=0`"
    ),
    "Caddy": "in Caddy's reverse_proxy `flush_interval -1`",
    "Cloudflare": "at Cloudflare a Cache Rule that bypasses /api/realtime, or an address beside it",
}
"""Who -> what lets an event stream pass."""
SERVERS = {"nginx": "nginx", "openresty": "nginx", "caddy": "Caddy", "cloudflare": "Cloudflare"}
"""Beginning of the `Server` header -> who."""
CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"


def who(headers: Mapping[str, str]) -> str:
    """The proxy that an answer names; empty when it names none, as Traefik does."""
    if "cf-ray" in headers:
        return "Cloudflare"
    if "caddy" in headers.get("via", "").lower():
        return "Caddy"
    server = headers.get("server", "").lower()
    return next((name for begin, name in SERVERS.items() if server.startswith(begin)), "")


def stream_fix(headers: Mapping[str, str]) -> str:
    """What lets the stream pass, at the proxy that was seen, or at any of those that are known."""
    return STREAMS.get(who(headers)) or "; or ".join(STREAMS.values())


def answered(url: str, answer: Any, upstream: str) -> tuple[str, str]:
    """What is wrong with an answer that is not the upstream's own, and what to do."""
    where, status = answer.headers.get("location", ""), answer.status_code
    host = urlsplit(where).hostname or ""
    if where and host == urlsplit(url).hostname:
        target = where.removesuffix("/api/health")
        return f"{url} leads on to {target}", f"set {upstream.upper()}_URL to that address"
    if where:
        fix = "let /api through without a login there, or give an address that does not pass it"
        return f"{url} leads to {host}: a login stands before it", fix
    if "cf-mitigated" in answer.headers:
        fix = "exempt /api from Bot Fight Mode and challenges, or give an address that does not pass it"
        return f"{url} is answered by a challenge of Cloudflare's, which only a browser passes", fix
    through = f" through {who(answer.headers)}" if who(answer.headers) else ""
    return f"{url} answers{through}, but not as {upstream} does (HTTP {status})", ""


def unanswered(url: str, error: errors.ListenerError, upstream: str) -> tuple[str, str]:
    """Why no answer came, and what to do."""
    if CERTIFICATE in str(error.__cause__):
        fix = f"set {upstream.upper()}_CA_FILE to the authority's certificate, or mend the certificate"
        return f"{url} shows a certificate that nobody known here vouches for", fix
    fix = f"check that it runs, {upstream.upper()}_URL, and the way"
    return f"{url} does not answer: {error.why}", fix
