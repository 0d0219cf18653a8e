"""Docker's Engine API over its Unix socket: its events, nothing that changes anything.

Seen of Docker 20.10 (API 1.41): `GET /_ping`, `GET /events`. An engine refuses a version of the API that is
newer than its own, and since Docker 29 one older than 1.44: it is spoken to in its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from listener import errors
from listener.dockerwatch.containers import PROJECT, SERVICE

SOCKET = Path("/var/run/docker.sock")
FILTERS = json.dumps({"type": ["container"], "event": ["die", "oom"]})
LINES = {"Accept": "application/x-ndjson"}
"""Newer engines know other forms too; older ones look at no header and send lines as well."""


@dataclass(frozen=True, slots=True)
class Event:
    """A container of a compose project ended, or a process of it was killed for want of memory."""

    project: str
    service: str
    nanoseconds: int
    """When, since 1970."""
    code: int | None
    """None: a memory kill. Whether the container ends with it is told apart. (`OOMKilled` of an inspection is
    true also of an end hours after a kill that was survived.)"""

    @property
    def at(self) -> datetime:
        """When, UTC."""
        return datetime.fromtimestamp(self.nanoseconds / 1e9, UTC)


class Engine:
    """Read-only calls to Docker. `quiet`: seconds of silence after which a stream ends."""

    def __init__(self, socket: Path = SOCKET, *, quiet: float = 30.0) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        timeout = httpx.Timeout(10.0, read=quiet)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://docker", timeout=timeout)

    async def close(self) -> None:
        """No connection is left."""
        await self._http.aclose()

    async def events(self, since: int) -> AsyncIterator[Event | None]:
        """What became of compose containers after `since` (nanoseconds), as it comes; None once it is open.

        Ends when nothing came for a while. Raises `DOCKER_UNREACHABLE` when the socket cannot be used, when
        the engine does not begin to answer, and when the stream breaks.
        """
        is_open = False
        params = {"filters": FILTERS, "since": f"{since // 10**9}.{since % 10**9:09d}"}
        try:
            path = f"/v{await self._version()}/events"
            async with self._http.stream("GET", path, params=params, headers=LINES) as answer:
                if answer.status_code != 200:
                    raise _unreachable(f"HTTP {answer.status_code}")
                is_open = True
                yield None
                async for line in answer.aiter_lines():
                    if found := _event(line):
                        yield found
        except httpx.HTTPError as error:
            if is_open and isinstance(error, httpx.ReadTimeout):
                return
            raise _unreachable(type(error).__name__) from error

    async def _version(self) -> str:
        """The newest the engine speaks: asked for each stream, it may have been upgraded meanwhile."""
        said = (await self._http.get("/_ping")).headers.get("Api-Version", "")
        if not re.fullmatch(r"\d+\.\d+", said):
            raise _unreachable("it names no version of its API")
        return str(said)


def _event(line: str) -> Event | None:
    try:
        event: Any = json.loads(line)
        named = event["Actor"]["Attributes"]
        code = int(named.get("exitCode", 0)) if event["Action"] == "die" else None
        return Event(str(named[PROJECT]), str(named.get(SERVICE, "")), int(event["timeNano"]), code)
    except (ValueError, KeyError, TypeError):
        return None


def _unreachable(why: str) -> errors.UpstreamUnavailable:
    return errors.UpstreamUnavailable(
        "DOCKER_UNREACHABLE",
        "Docker's socket cannot be used",
        why=why,
        fix="does Docker run, and is this user in its group? it is tried again by itself",
    )
