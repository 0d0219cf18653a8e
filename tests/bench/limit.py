"""`python -m tests.bench.limit`: the physical limit, contender P.

A raw reader of the stream that fires one POST per created stack with `WORKERS` workers, and keeps nothing.
Its environment names both sides (`contenders.environment`). Prints `ready`.
"""

from __future__ import annotations

import base64
import os
import sys
from typing import Any

import anyio
import httpx
import httpx_sse
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

WORKERS = 16
COMPOSE = base64.b64encode(
    b'{"services":{"bot":{"image":"busybox:1.37.0","restart":"unless-stopped"}}}'
).decode()
"""What it asks for, the same each time."""


async def run() -> None:
    """Posts for as long as the stream lives."""
    sending, receiving = anyio.create_memory_object_stream[dict[str, Any]](10_000)
    headers = {"Authorization": f"Bearer {os.environ['COOLIFY_TOKEN']}"}
    async with (
        httpx.AsyncClient(base_url=os.environ["COOLIFY_URL"], headers=headers, timeout=60.0) as coolify,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(WORKERS):
            tasks.start_soon(work, receiving, coolify)
        await read(sending)


async def work(events: MemoryObjectReceiveStream[dict[str, Any]], coolify: httpx.AsyncClient) -> None:
    """One POST for each record, whatever is answered."""
    async for record in events:
        body = {
            "name": f"p-{record['stack_name']}-{record['id']}",
            "project_uuid": os.environ["COOLIFY_PROJECT"],
            "server_uuid": os.environ["COOLIFY_SERVER"],
            "environment_name": "production",
            "docker_compose_raw": COMPOSE,
        }
        await coolify.post("/api/v1/services", json=body)


async def read(into: MemoryObjectSendStream[dict[str, Any]]) -> None:
    """Every record that is created is handed on."""
    headers = {"Authorization": os.environ["PB_TOKEN"]}
    timeout = httpx.Timeout(10.0, read=None)  # the stream is silent while nothing is written
    async with (
        httpx.AsyncClient(base_url=os.environ["PB_URL"], headers=headers, timeout=timeout) as http,
        httpx_sse.aconnect_sse(http, "GET", "/api/realtime") as source,
    ):
        async for event in source.aiter_sse():
            body = event.json()
            if event.event == "PB_CONNECT":
                wanted = {"clientId": body["clientId"], "subscriptions": ["agent_stacks/*"]}
                (await http.post("/api/realtime", json=wanted)).raise_for_status()
                sys.stdout.write("ready\n")
                sys.stdout.flush()
            elif body["action"] == "create":
                into.send_nowait(body["record"])


if __name__ == "__main__":
    anyio.run(run)
