"""A stand-in in process with a clock that stands still until it is moved."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from listener.sandbox import standin

WEB = {"services": {"web": {"image": "nginx", "volumes": ["data:/data"], "healthcheck": {"test": "true"}}}}


class Stand:
    """The stand-in, a client with its token, and the clock."""

    def __init__(self, http: httpx.AsyncClient, server: standin.StandIn, clock: list[float]) -> None:
        self.http = http
        self.standin = server
        self._clock = clock

    def move(self, seconds: float) -> None:
        """The clock goes on."""
        self._clock[0] += seconds

    async def project(self, name: str = "one") -> str:
        """The uuid of a new project."""
        made = await self.http.post("/projects", json={"name": name})
        return str(made.json()["uuid"])

    async def service(self, name: str = "one", document: Any = None, **more: Any) -> str:
        """The uuid of a new service in a new project."""
        body = {
            "project_uuid": await self.project(),
            "server_uuid": self.standin.server.uuid,
            "environment_name": "production",
            "name": name,
            "docker_compose_raw": encoded(document or WEB),
            **more,
        }
        made = await self.http.post("/services", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["uuid"])

    async def running(self) -> str:
        """The uuid of a service that runs."""
        uuid = await self.service()
        await self.http.post(f"/services/{uuid}/start")
        await self.standin.run_jobs()
        assert await self.status(uuid) == "running:healthy"
        return uuid

    async def status(self, uuid: str) -> str:
        """The status as the API shows it."""
        return str((await self.http.get(f"/services/{uuid}")).json()["status"])


def encoded(document: Any) -> str:
    """The document as canonical base64 of JSON text."""
    return base64.b64encode(json.dumps(document, ensure_ascii=False).encode()).decode()


@asynccontextmanager
async def stand(**knobs: Any) -> AsyncIterator[Stand]:
    """A stand-in at second 1000, jobs after 10 s, starts of 20 s, a sync after 60 s."""
    clock = [1000.0]
    turned = standin.Knobs(job_delay=10, start_seconds=20, sync_delay=60)
    turned.turn(knobs)
    server = standin.StandIn(turned=turned, clock=lambda: clock[0])
    transport = httpx.ASGITransport(server.app)
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://standin/api/v1", headers=headers
    ) as http:
        yield Stand(http, server, clock)
