"""Runs a case against whatever answers: the stand-in in process, the stand-in over HTTP, a real Coolify."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import httpx
import yaml

from tests.contract import cases, matching

COMPOSE = {"services": {"web": {"image": "nginx:1.27-alpine"}, "db": {"image": "postgres:16-alpine"}}}
FLAGS = "delete_volumes=1&delete_configurations=1&delete_connected_networks=1&docker_cleanup=0"
GONE_WITHIN = 120.0
PREFIX = "cfcontract"


class Control(Protocol):
    """The handles that only the stand-in has."""

    async def __call__(self, step: cases.Step) -> None:
        """Knobs, jobs and hand of the step are done."""
        ...


@dataclass(frozen=True)
class Target:
    """Something that answers like Coolify."""

    http: httpx.AsyncClient
    server: str
    tokens: Mapping[str, str]
    pause: Callable[[], Awaitable[None]]
    """Between two looks at the same thing."""
    control: Control | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further variables."""
    lasting: bool = True
    """It outlives the case, so what the case made has to be removed."""


class Run:
    """One case on one target."""

    def __init__(self, target: Target, case: cases.Case) -> None:
        self._target = target
        self._case = case
        unique = PREFIX + secrets.token_hex(5)
        self._variables: dict[str, Any] = {
            "unique": unique,
            "host": f"{unique}.contract.example.com",
            "server": target.server,
            "unknown": "a" * 24,
            "compose": base64.b64encode(json.dumps(COMPOSE).encode()).decode(),
            **target.extra,
        }

    async def run(self) -> None:
        """Every step was answered as written; what the case made is gone. Raises AssertionError."""
        try:
            await self._prepare()
            for number, step in enumerate(self._case.steps, 1):
                await self._step(step, f"{self._case.name}, step {number}")
        finally:
            if self._target.lasting and self._case.makes_projects:
                with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_WITHIN):
                    await self._clean()

    async def _prepare(self) -> None:
        if self._case.needs != "nothing":
            made = {"name": self._variables["unique"], "description": "made by a contract test"}
            answer = await self._send("POST", "/projects", json=made)
            self._variables["project"] = answer.json()["uuid"]
        if self._case.needs == "service":
            made = {
                "project_uuid": self._variables["project"],
                "server_uuid": self._target.server,
                "environment_name": "production",
                "name": f"{self._variables['unique']}-base",
                "description": "base",
                "docker_compose_raw": self._variables["compose"],
            }
            answer = await self._send("POST", "/services", json=made)
            self._variables["service"] = answer.json()["uuid"]

    async def _step(self, step: cases.Step, where: str) -> None:
        if self._target.control is not None:
            hand = cases.put_in(step.hand, self._variables)
            await self._target.control(step.model_copy(update={"hand": hand}))
        if not step.ask:
            return
        for _ in range(step.times):
            deadline = time.monotonic() + step.within
            while True:
                answer, problem = await self._ask(step)
                if problem is None or time.monotonic() >= deadline:
                    break
                await self._target.pause()
            assert problem is None, (
                f"{where}: {step.ask}: {problem}\n{answer.status_code} {answer.text[:600]}"
            )
        for name, path in step.keep.items():
            self._variables[name] = _dig(answer.json(), path)

    async def _ask(self, step: cases.Step) -> tuple[httpx.Response, str | None]:
        method, path = cases.put_in(step.ask, self._variables).split(" ", 1)
        body = cases.put_in(step.json_body, self._variables)
        if step.compose is not None:
            compose = cases.put_in(step.compose, self._variables)
            text = compose if isinstance(compose, str) else yaml.safe_dump(compose, allow_unicode=True)
            body = {**(body or {}), "docker_compose_raw": base64.b64encode(text.encode()).decode()}
        content = None if step.raw is None else step.raw.encode()
        answer = await self._send(
            method, path, json=body, content=content, token=step.token, headers=step.headers
        )
        return answer, self._judge(step, answer)

    def _judge(self, step: cases.Step, answer: httpx.Response) -> str | None:
        if answer.status_code != step.status:
            return f"status {answer.status_code} is not {step.status}"
        wanted = cases.put_in(step.answer_headers, self._variables)
        if problem := matching.mismatch(wanted, {k.lower(): v for k, v in answer.headers.items()}, "headers"):
            return problem
        if step.text is not None:
            return matching.mismatch(cases.put_in(step.text, self._variables), answer.text, "text")
        if step.body is None:
            return None
        return matching.mismatch(cases.put_in(step.body, self._variables), answer.json())

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        token: str = "root",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"Accept": "application/json", **(headers or {})}
        if token != "none":
            sent["Authorization"] = f"Bearer {self._target.tokens[token]}"
        url = path if path.startswith("/api/") else f"/api/v1{path}"
        return await self._target.http.request(method, url, json=json, content=content, headers=sent)

    async def _clean(self) -> None:
        listed = (await self._send("GET", "/projects")).json()
        for project in listed if isinstance(listed, list) else ():
            if project["name"].startswith(self._variables["unique"]):
                await self._remove(project["uuid"])

    async def _remove(self, project: str) -> None:
        for environment in (await self._send("GET", f"/projects/{project}/environments")).json():
            shown = await self._send("GET", f"/projects/{project}/{environment['uuid']}")
            uuids = [service["uuid"] for service in shown.json()["services"]]
            for uuid in uuids:
                await self._send("DELETE", f"/services/{uuid}?{FLAGS}")
            for uuid in uuids:
                await self._target.pause()
                while (await self._send("GET", f"/services/{uuid}")).status_code != 404:
                    await self._target.pause()
        await self._send("DELETE", f"/projects/{project}")


def _dig(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[int(name)] if name.isdigit() else value[name]
    return value
