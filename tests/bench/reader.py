"""`python -m tests.bench.reader URL TOKEN`: a raw reader of `agent_stacks/*` that only looks at its clock.

Prints `ready`, then one line per event: seconds (monotonic), action, record id, status.
"""

from __future__ import annotations

import sys
import time

import anyio
import httpx
import httpx_sse


async def read(url: str, token: str) -> None:
    """Prints for as long as the stream lives."""
    headers = {"Authorization": token}
    timeout = httpx.Timeout(10.0, read=None)  # the stream is silent while nothing is written
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout) as http,
        httpx_sse.aconnect_sse(http, "GET", "/api/realtime") as source,
    ):
        async for event in source.aiter_sse():
            at = time.monotonic()
            body = event.json()
            if event.event == "PB_CONNECT":
                wanted = {"clientId": body["clientId"], "subscriptions": ["agent_stacks/*"]}
                (await http.post("/api/realtime", json=wanted)).raise_for_status()
                say("ready")
            else:
                record = body["record"]
                say(f"{at:.6f} {body['action']} {record['id']} {record['status']}")


def say(line: str) -> None:
    """The line is out."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(read, sys.argv[1], sys.argv[2])
