"""One way to speak HTTP: a POST or GET with JSON, no redirects, no proxies, a time-out on every wait."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

MAX_BODY = 4 * 1024 * 1024
"""Bytes. Longer answers are cut, and then cannot be read."""


class WireError(Exception):
    """No answer that can be used: no connection, a time-out, or a body that is no JSON."""


@contextlib.contextmanager
def answer(
    url: str,
    *,
    timeout: float,
    payload: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """The response to a POST of `payload`, or to a GET without one. `timeout` (seconds) is for each read."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(
            "GET" if payload is None else "POST",
            parts.path or "/",
            body=None if payload is None else json.dumps(payload).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        yield connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise WireError(type(error).__name__) from error
    finally:
        connection.close()


def body(response: http.client.HTTPResponse) -> dict[str, Any]:
    """The body as a JSON object; raises `WireError`."""
    try:
        value = json.loads(response.read(MAX_BODY))
    except ValueError as error:
        raise WireError("no JSON") from error
    if not isinstance(value, dict):
        raise WireError("no JSON object")
    return value
