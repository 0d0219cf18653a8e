"""One way to speak HTTP: time-outs in four phases, retry of safe requests only, errors by meaning.

A request that was never sent is `UpstreamUnavailable`; one whose answer was lost, or was a 5xx, is
`UpstreamUnavailable` when it is safe to repeat and `Ambiguous` when it may have had an effect. Every answer
below 500 is returned: what it means is the room's business. No error text holds a body, a query or a header.
"""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import stamina

from listener import errors

TIMEOUTS = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=30.0)
"""Seconds. `read` is the create time-out that the settle window counts with."""

SPELT = {"POCKETBASE": "PocketBase", "COOLIFY": "Coolify"}
"""Names of the upstreams in texts, by that in codes."""
SAFE_ATTEMPTS = 3
"""Tries of a safe request, within `SAFE_SECONDS`; the worst case is one try more than the key's own retry."""
SAFE_SECONDS = 15.0

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, its answer if one came, and the seconds from sending it to that."""

    request: httpx.Request
    answer: httpx.Response | None
    seconds: float


class _Counting(httpx.AsyncClient):
    """Tells of every exchange; a redirect or a login within one is part of it."""

    counted: Callable[[Exchange], None]

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        began, answer = time.monotonic(), None
        try:
            answer = await super().send(request, **options)
        finally:
            self.counted(Exchange(request, answer, time.monotonic() - began))
        return answer


def client(
    base_url: str,
    *,
    ca_file: Path | None = None,
    headers: Mapping[str, str] | None = None,
    connections: int = 16,
    counted: Callable[[Exchange], None] = lambda _: None,
) -> httpx.AsyncClient:
    """A client for one upstream: JSON wanted, redirects refused, `connections` kept alive at most.

    `counted` sees every exchange, for metrics; one that was cancelled counts as without an answer.
    """
    made = _Counting(
        base_url=base_url,
        headers={"Accept": "application/json", **(headers or {})},
        timeout=TIMEOUTS,
        verify=_trust(ca_file),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )
    made.counted = counted
    return made


@functools.cache
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom every client trusts, loaded once: certifi's authorities, or the private one. It is 1 MB."""
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file else httpx.create_ssl_context()


async def send(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    upstream: str,
    safe: bool,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> httpx.Response:
    """The answer, if it is below 500. `safe` requests are tried up to `SAFE_ATTEMPTS` times.

    `seconds` is how long an answer may take, where it may take longer than usual.

    Raises `UpstreamUnavailable` when nothing happened or the request was safe, `Ambiguous` otherwise.
    `upstream` is the name used in codes and texts: `POCKETBASE` or `COOLIFY`.
    """
    timeout = (
        http.timeout if seconds is None else httpx.Timeout(connect=5.0, read=seconds, write=30.0, pool=30.0)
    )
    request = http.build_request(method, path, params=params, json=json, headers=headers, timeout=timeout)
    if not safe:
        return await _once(http, request, upstream=upstream, safe=False)
    began = time.monotonic()
    try:
        return await _once(http, request, upstream=upstream, safe=True)
    except errors.UpstreamUnavailable as error:
        left = began + SAFE_SECONDS - time.monotonic()
        if left <= 0:
            raise
        met = error
    return await _again(http, request, upstream, met, seconds=left)


async def _again(
    http: httpx.AsyncClient,
    request: httpx.Request,
    upstream: str,
    met: errors.UpstreamUnavailable,
    *,
    seconds: float,
) -> httpx.Response:
    """The answer to a safe request that failed once; apart, since such a loop costs as much as a request."""
    failed: errors.UpstreamUnavailable | None = met
    async for attempt in stamina.retry_context(
        on=errors.UpstreamUnavailable,
        attempts=SAFE_ATTEMPTS,
        timeout=seconds,
        wait_initial=0.2,
        wait_max=2.0,
    ):
        with attempt:
            if failed is not None:
                first, failed = failed, None
                raise first
            return await _once(http, request, upstream=upstream, safe=True)
    raise AssertionError("stamina re-raises the last error")


async def _once(
    http: httpx.AsyncClient, request: httpx.Request, *, upstream: str, safe: bool
) -> httpx.Response:
    what = f"{request.method} {request.url.path}"
    try:
        response = await http.send(request)
    except NEVER_SENT as error:
        raise errors.UpstreamUnavailable(
            f"{upstream}_UNREACHABLE",
            f"{what} was not sent",
            why=f"no connection to {request.url.host}:{request.url.port or ''} ({type(error).__name__})",
            fix=f"check that {SPELT[upstream]} runs and {upstream}_URL is right; "
            "the listener tries again by itself",
        ) from error
    except httpx.HTTPError as error:
        raise _lost(what, upstream, type(error).__name__, safe=safe) from error
    if response.status_code >= 500:
        raise _lost(what, upstream, f"HTTP {response.status_code}", safe=safe)
    return response


def _lost(what: str, upstream: str, why: str, *, safe: bool) -> errors.Transient:
    kind = errors.UpstreamUnavailable if safe else errors.Ambiguous
    return kind(
        f"{upstream}_NO_ANSWER",
        f"{what} got no usable answer",
        why=why,
        fix="nothing to do: the listener looks at what happened and tries again",
    )


async def look(http: httpx.AsyncClient, path: str) -> httpx.Response | None:
    """What one GET is answered, 5xx included; None when no answer comes. It is not tried again."""
    try:
        return await http.get(path)
    except httpx.HTTPError:
        return None


def clock_ahead(answer: httpx.Response) -> float | None:
    """Seconds by which the clock behind the answer's `Date` is ahead of ours; None when it tells none."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return (told - datetime.now(UTC)).total_seconds() if told.tzinfo else None


async def glance(url: str, *, seconds: float) -> Any:
    """The JSON at `url`, whatever its status; None when nobody answers in time, or with something else."""
    try:
        async with httpx.AsyncClient(timeout=seconds, trust_env=False) as http:
            return (await http.get(url)).json()
    except (httpx.HTTPError, ValueError):
        return None
