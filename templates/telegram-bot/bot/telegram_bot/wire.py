"""One way to speak HTTP: a POST or GET with JSON, no redirects, no proxies, a time-out on every wait."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

MAX_BODY = 4 * 1024 * 1024
"""Bytes. Longer bodies are refused."""
BODY_SECONDS = 30.0
"""Longest time from the first byte of a body to its last."""


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


def body(response: http.client.HTTPResponse, seconds: float = BODY_SECONDS) -> dict[str, Any]:
    """The body as a JSON object; raises `WireError`."""
    raw = b""
    for chunk in _chunks(response, seconds):
        raw += chunk
        _fits(raw)
    value = parsed(raw)
    if not isinstance(value, dict):
        raise WireError("no JSON object")
    return value


def lines(response: http.client.HTTPResponse, seconds: float) -> Iterator[bytes]:
    """The body line by line as it comes, without white space around; raises `WireError`."""
    rest = b""
    for chunk in _chunks(response, seconds):
        *complete, rest = (rest + chunk).split(b"\n")
        _fits(rest)
        yield from map(bytes.strip, complete)
    yield rest.strip()


def parsed(raw: bytes) -> Any:
    """The value that the JSON stands for; raises `WireError`."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError("no JSON") from error


def _chunks(response: http.client.HTTPResponse, seconds: float) -> Iterator[bytes]:
    end = time.monotonic() + seconds
    while chunk := response.read1(65536):
        yield chunk
        if time.monotonic() > end:
            raise WireError("the body does not end")


def _fits(raw: bytes) -> None:
    if len(raw) > MAX_BODY:
        raise WireError("the body is too long")
