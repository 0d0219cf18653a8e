"""The calls to Coolify that are used, typed, with the meaning of every refusal.

POST only for state changes (GET answers 405 since v4.2.0). A body or query never has a key `uuid`: handlers
read it before the route's own (ServicesController.php). Acknowledged is not done: Coolify queues everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from listener import errors, transport
from listener.coolify import payloads, refusals, standing
from listener.coolify.budget import Budget

API = "/api/v1"


class Coolify:
    """Coolify's REST API as far as the listener uses it; every call takes its turn in the budget."""

    def __init__(self, *, http: httpx.AsyncClient, budget: Budget) -> None:
        self._http = http
        self.budget = budget

    async def version(self) -> str:
        """The bare version, such as `4.3.10`; needs the ability `read`."""
        return (await self._call("GET", "/version", safe=True)).text.strip().lstrip("v")

    async def team(self) -> payloads.Team:
        """The team of the token: proof that a 404 means absent (`/teams/current` is on every version)."""
        row = _object(await self._call("GET", "/teams/current", safe=True))
        return payloads.Team(id=int(row.get("id", -1)), name=str(row.get("name", "")))

    async def servers(self) -> list[payloads.Server]:
        """Every server of the team."""
        return [payloads.server(row) for row in _rows(await self._call("GET", "/servers", safe=True))]

    async def destinations(self, server_uuid: str) -> list[payloads.Destination]:
        """The docker networks of one server."""
        rows = _rows(await self._call("GET", f"/servers/{server_uuid}/destinations", safe=True))
        return [
            payloads.Destination(payloads.text_of(row, "uuid"), payloads.text_of(row, "name")) for row in rows
        ]

    async def services_on(self, server_uuid: str) -> list[payloads.ServiceEntry]:
        """The services of one server, from its light list; applications and databases are left out."""
        return [one for one in await self.resources_on(server_uuid) if one.kind == payloads.SERVICE]

    async def resources_on(self, server_uuid: str) -> list[payloads.ServiceEntry]:
        """Everything on one server, from its light list: services, and what is no service by its `kind`."""
        rows = _rows(await self._call("GET", f"/servers/{server_uuid}/resources", safe=True))
        return [payloads.entry(row, server_uuid) for row in rows]

    async def projects(self) -> list[payloads.Project]:
        """Every project of the team."""
        rows = _rows(await self._call("GET", "/projects", safe=True))
        return [
            payloads.Project(
                uuid=payloads.text_of(row, "uuid"),
                name=payloads.text_of(row, "name"),
                description=str(row.get("description") or ""),
            )
            for row in rows
        ]

    async def create_project(self, name: str, description: str) -> str:
        """The uuid of a new project with its environment `production`. The same name twice makes two."""
        body = {"name": name, "description": description}
        return _uuid(await self._call("POST", "/projects", json=body))

    async def patch_project(self, uuid: str, *, name: str, description: str) -> None:
        """The project has this name and description; nothing in it is touched."""
        await self._call("PATCH", f"/projects/{uuid}", json={"name": name, "description": description})

    async def services_in(self, project_uuid: str) -> list[payloads.ServiceDetail]:
        """The services of every environment of a project. Heavy: each comes in full."""
        inner = _rows(await self._call("GET", f"/projects/{project_uuid}/environments", safe=True))
        found: list[payloads.ServiceDetail] = []
        for one in inner:
            path = f"/projects/{project_uuid}/{payloads.text_of(one, 'uuid')}"
            whole = _object(await self._call("GET", path, safe=True))
            found += [payloads.detail(row) for row in whole.get("services") or []]
        return found

    async def delete_project(self, uuid: str) -> None:
        """The project is gone, or was already; refused (400) while any resource is in it, which includes a
        service whose deletion is only queued (4.3.10, ProjectController.php)."""
        await self._call("DELETE", f"/projects/{uuid}", missing_ok=True)

    async def service(self, uuid: str) -> payloads.ServiceDetail | None:
        """The service, or None on 404. A 404 counts only while `team()` answers for our team."""
        answer = await self._call("GET", f"/services/{uuid}", safe=True, missing_ok=True)
        return None if answer.status_code == 404 else payloads.detail(_object(answer))

    async def create_service(self, new: payloads.NewService) -> str:
        """The uuid of a new service, not started. After `Ambiguous` it may exist: look for its marker."""
        return _uuid(await self._call("POST", "/services", json=new.body()))

    async def patch_service(
        self,
        uuid: str,
        *,
        name: str | None = None,
        description: str | None = None,
        compose: str | None = None,
        urls: tuple[tuple[str, str], ...] | None = None,
    ) -> None:
        """Saves what is given; running containers stay as they are. Not atomic: a 409 or 422 because of
        `urls` has already saved name and compose."""
        body: dict[str, Any] = {}
        if name is not None:
            body["name"] = name
        if description is not None:
            body["description"] = description
        if compose is not None:
            body["docker_compose_raw"] = compose
        if urls is not None:
            body["urls"] = payloads.url_items(urls)
        await self._call("PATCH", f"/services/{uuid}", json=body)

    async def env_keys(self, uuid: str) -> dict[str, str]:
        """Keys of the service's variables, each with the variable's own uuid."""
        rows = _rows(await self._call("GET", f"/services/{uuid}/envs", safe=True))
        return {payloads.text_of(row, "key"): payloads.text_of(row, "uuid") for row in rows}

    async def variables(self, uuid: str) -> list[standing.Variable]:
        """The service's variables, with values as far as the token may read them (`read:sensitive`)."""
        rows = _rows(await self._call("GET", f"/services/{uuid}/envs", safe=True))
        return [standing.variable(row) for row in rows]

    async def env_values(self, uuid: str) -> dict[str, str]:
        """Values of the service's variables, as far as the token may read them (`read:sensitive`)."""
        rows = _rows(await self._call("GET", f"/services/{uuid}/envs", safe=True))
        return {payloads.text_of(row, "key"): str(row.get("value") or "") for row in rows}

    async def put_envs(self, uuid: str, envs: Sequence[payloads.Env]) -> None:
        """Upserts the variables by key; never deletes, and is not atomic: repeat the whole set."""
        if envs:
            body = {"data": [env.body() for env in envs]}
            await self._call("PATCH", f"/services/{uuid}/envs/bulk", json=body)

    async def delete_env(self, uuid: str, env_uuid: str) -> None:
        """The variable is gone, or was already."""
        await self._call("DELETE", f"/services/{uuid}/envs/{env_uuid}", missing_ok=True)

    async def logs(self, uuid: str, container: str, *, lines: int) -> str:
        """The last lines of one container, which must run; slow: Coolify asks the host while we wait.

        Raises `UpstreamRefusal` with status 400 or 404 when it does not run or is unknown (4.3.10,
        ServicesController.php).
        """
        params = {"sub_service_name": container, "lines": lines}
        answer = await self._call("GET", f"/services/{uuid}/logs", safe=True, params=params)
        return payloads.text_of(_object(answer), "logs")

    async def restart(self, uuid: str) -> None:
        """Queues stop and up; accepted from any state, so it is the one way to make it so."""
        await self._call("POST", f"/services/{uuid}/restart")

    async def stop(self, uuid: str) -> None:
        """Queues a stop without the server-wide clean-up; "already stopped" is no error, and no proof."""
        answer = await self._call("POST", f"/services/{uuid}/stop", params={"docker_cleanup": 0}, ok=(400,))
        if answer.status_code == 400 and "already stopped" not in answer.text:
            raise refusals.refusal(f"stop of {uuid}", answer)

    async def delete_service(self, uuid: str) -> None:
        """Queues the deletion with volumes, configuration and networks, and no server-wide clean-up.

        Every flag is spelled out: all default to true, also in ways that older versions read otherwise
        (4.3.10). The service answers 200 until the job ran; it was gone already on 404.
        """
        flags = {"delete_volumes": 1, "delete_configurations": 1, "delete_connected_networks": 1}
        params = {**flags, "docker_cleanup": 0}
        await self._call("DELETE", f"/services/{uuid}", params=params, missing_ok=True)

    async def tasks(self, uuid: str) -> list[payloads.Task]:
        """The service's scheduled tasks, whoever made them (ScheduledTasksController.php)."""
        rows = _rows(await self._call("GET", f"/services/{uuid}/scheduled-tasks", safe=True))
        return [payloads.task(row) for row in rows]

    async def create_task(self, uuid: str, task: payloads.Task) -> None:
        """There is one more task; the same one twice makes two, so look before."""
        await self._call("POST", f"/services/{uuid}/scheduled-tasks", json=task.body())

    async def patch_task(self, uuid: str, task: payloads.Task) -> None:
        """The task of that uuid is so."""
        await self._call("PATCH", f"/services/{uuid}/scheduled-tasks/{task.uuid}", json=task.body())

    async def delete_task(self, uuid: str, task_uuid: str) -> None:
        """The task is gone, or was already."""
        await self._call("DELETE", f"/services/{uuid}/scheduled-tasks/{task_uuid}", missing_ok=True)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        safe: bool = False,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        missing_ok: bool = False,
        ok: tuple[int, ...] = (),
    ) -> httpx.Response:
        await self.budget.turn()
        answer = await transport.send(
            self._http, method, API + path, upstream="COOLIFY", safe=safe, params=params, json=json
        )
        self.budget.told(answer.headers)
        status = answer.status_code
        if 200 <= status < 300 or status in ok or (status == 404 and missing_ok):
            return answer
        if status == 429:
            after = self.budget.refused(answer.headers)
            raise errors.Throttled(
                "COOLIFY_THROTTLED",
                f"{method} {path} was refused: too many requests",
                after=after,
                why="Coolify's request limit is spent; it is shared by all tokens of one user",
                fix="nothing to do; give the listener a Coolify user of its own, or raise API_RATE_LIMIT",
            )
        raise refusals.refusal(f"{method} {path}", answer)


def _object(answer: httpx.Response) -> dict[str, Any]:
    value = _json(answer)
    if not isinstance(value, dict):
        raise payloads.unreadable("an object was expected")
    return value


def _rows(answer: httpx.Response) -> list[dict[str, Any]]:
    value = _json(answer)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise payloads.unreadable("a list was expected")
    return value


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise payloads.unreadable("not JSON") from error


def _uuid(answer: httpx.Response) -> str:
    """The uuid of something just made; without a readable one the thing may exist all the same."""
    try:
        uuid = payloads.text_of(_object(answer), "uuid")
    except errors.UpstreamUnavailable:
        uuid = ""
    if not uuid:
        raise errors.Ambiguous(
            "COOLIFY_NO_UUID",
            "a create was answered without a readable uuid",
            why="a broken body",
            fix="nothing to do: the listener looks for what it made",
        )
    return uuid
