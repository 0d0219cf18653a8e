"""What exists in the stand-in survives its restart, as it does in Coolify's database."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx

from listener.sandbox import coolify, people, world

COMPOSE = base64.b64encode(b"services: {web: {image: nginx, volumes: ['data:/data']}}").decode()


async def test_what_exists_and_what_was_queued_survives_a_restart(tmp_path: Path) -> None:
    here = coolify.Server(
        f"http://127.0.0.1:{world.free_port()}", tmp_path, ("1|fake-one", "2|fake-two"), "s", 9999
    )
    async with coolify.running(here), httpx.AsyncClient(base_url=here.url) as http:
        await people.ask(http, "POST", "/_standin/knobs", {"job_delay": 5.0})
        uuid = (await _called(http, "POST", "/services", await _body(http)))["uuid"]
        calls = await people.ask(http, "GET", "/_standin/calls")
        await here.restart()
        state = await people.ask(http, "GET", "/_standin/state")
        assert [(one["uuid"], one["containers"]) for one in state["services"]] == [(uuid, {"web": True})]
        assert state["servers"][0]["volumes"] == [f"{uuid}_data"]
        kept = await people.ask(http, "GET", "/_standin/calls?skip=0")
        assert kept[: len(calls)] == calls
        await _called(http, "PATCH", f"/services/{uuid}", {"name": "another"})
        (last,) = await people.ask(http, "GET", f"/_standin/calls?skip={len(kept)}")
        assert (last["method"], last["route"], last["status"]) == ("PATCH", "/services/{uuid}", 200)


async def _body(http: httpx.AsyncClient) -> dict[str, Any]:
    project = (await _called(http, "POST", "/projects", {"name": "mine"}))["uuid"]
    return {
        "name": "web", "project_uuid": project, "environment_name": "production", "server_uuid": "s",
        "docker_compose_raw": COMPOSE, "instant_deploy": True,
    }  # fmt: skip


async def _called(http: httpx.AsyncClient, method: str, path: str, body: Any) -> Any:
    answer = await http.request(
        method, f"/api/v1{path}", json=body, headers={"Authorization": "Bearer 2|fake-two"}
    )
    assert answer.is_success, answer.text
    return answer.json()
