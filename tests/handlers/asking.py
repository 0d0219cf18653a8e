"""A command as a request, and its answer."""

from __future__ import annotations

from typing import Any

from tests.handlers.world import World

REQUESTS = "listener_requests"


async def ask(world: World, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
    """The request's row after it was carried out or refused."""
    row = {"verb": verb, "target": target, "state": "open", "actor": "ada", "arguments": arguments}
    answer = await world.admin.post(f"/api/collections/{REQUESTS}/records", json=row)
    assert answer.status_code == 200, answer.text
    world.touch(REQUESTS, answer.json()["id"])
    await world.settle()
    return await world.row(answer.json()["id"], REQUESTS)
