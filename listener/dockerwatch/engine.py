"""Docker's Engine API over its Unix socket: events and inspection, nothing that changes anything.

Shapes by the Engine API 1.43 (Docker 24): `GET /events`, `GET /containers/{id}/json`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from listener import errors
from listener.dockerwatch.containers import PROJECT, SERVICE, End

VERSION = "v1.43"
SOCKET = Path("/var/run/docker.sock")
FILTERS = json.dumps({"type": ["container"], "event": ["die"]})


@dataclass(frozen=True, slots=True)
class Died:
    """A container of a compose project ended."""

    id: str
    project: str
    service: str
    nanoseconds: int
    """When, since 1970."""
    code: int

    @property
    def at(self) -> datetime:
        """When, UTC."""
        return datetime.fromtimestamp(self.nanoseconds / 1e9, UTC)


class Engine:
    """Read-only calls to Docker."""

    def __init__(self, socket: Path = SOCKET) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        self._http = httpx.AsyncClient(
            transport=transport, base_url=f"http://docker/{VERSION}", timeout=httpx.Timeout(10.0, read=30.0)
        )

    async def close(self) -> None:
        """No connection is left."""
        await self._http.aclose()

    async def deaths(self, since: int) -> AsyncIterator[Died | None]:
        """Ends of compose containers after `since` (nanoseconds), as they come; None while nothing comes.

        Raises `DOCKER_UNREACHABLE` when the socket cannot be used, and when the stream ends.
        """
        params = {"filters": FILTERS, "since": f"{since // 10**9}.{since % 10**9:09d}"}
        try:
            async with self._http.stream("GET", "/events", params=params) as answer:
                if answer.status_code != 200:
                    raise _unreachable(f"HTTP {answer.status_code}")
                yield None
                async for line in answer.aiter_lines():
                    if found := _died(line):
                        yield found
        except httpx.ReadTimeout:
            return
        except httpx.HTTPError as error:
            raise _unreachable(type(error).__name__) from error

    async def end(self, died: Died) -> End:
        """How it ended. Docker knows of a memory kill only while the container is there."""
        try:
            answer = await self._http.get(f"/containers/{died.id}/json")
            state = answer.json().get("State", {}) if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError, AttributeError):
            state = {}
        return End(died.at, died.code, bool(state.get("OOMKilled")))


def _died(line: str) -> Died | None:
    try:
        event: Any = json.loads(line)
        actor = event["Actor"]
        named = actor["Attributes"]
        return Died(
            str(actor["ID"]), str(named[PROJECT]), str(named.get(SERVICE, "")), int(event["timeNano"]),
            int(named.get("exitCode", 0)),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None


def _unreachable(why: str) -> errors.UpstreamUnavailable:
    return errors.UpstreamUnavailable(
        "DOCKER_UNREACHABLE",
        "Docker's socket cannot be used",
        why=why,
        fix="does Docker run, and is this user in its group? it is tried again by itself",
    )
