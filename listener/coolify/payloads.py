"""What goes over Coolify's wire, as values: parsed at the door, nothing but these leaves the room.

Shapes as answered by Coolify 4.3.10. Unknown keys are ignored; a missing one that we need is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from listener import errors


@dataclass(frozen=True, slots=True)
class Team:
    """The team a token belongs to: what a 404 may be believed for."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server as `GET /servers` names it. `prunes_volumes` makes suspension and deletion unsafe there."""

    uuid: str
    name: str
    is_usable: bool
    is_reachable: bool
    prunes_volumes: bool
    zone: str = "UTC"
    """The time zone in which its scheduled tasks run."""
    ip: str = ""
    """As Coolify reaches it; `host.docker.internal` is the host that Coolify itself runs on."""
    is_swarm: bool = False
    """Coolify's actions on single services answer 501 there."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A docker network of a server; one must be named where a server has several."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project; names are not unique in Coolify, so the description carries our marker."""

    uuid: str
    name: str
    description: str


SERVICE = "service"
"""The `kind` of a compose service in a server's list; others are `application` and databases."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service in the cheap list `GET /servers/{uuid}/resources`; it has no description."""

    uuid: str
    name: str
    status: str
    created_at: str
    updated_at: str
    server_uuid: str
    kind: str = SERVICE


@dataclass(frozen=True, slots=True)
class ServiceDetail:
    """One service read by uuid; `server_status` says whether Coolify can reach its server."""

    uuid: str
    name: str
    description: str
    status: str
    server_status: bool
    updated_at: str
    containers: tuple[tuple[str, str], ...]
    """(compose service, its status), applications and databases together."""
    images: tuple[str, ...] = ()
    """Images of the containers, in the same order."""
    page: str = ""
    """Path of the service in Coolify's UI (4.3.10, routes/web.php), "" when its way up was not told."""
    project_uuid: str = ""
    project_name: str = ""
    """Of the project it is in, likewise."""
    compose: str | None = field(default=None, repr=False)
    """Coolify's re-dump of the compose that it was sent; None without the ability `read:sensitive`."""


@dataclass(frozen=True, slots=True)
class NewService:
    """What a create sends. `compose` is canonical base64; `urls` are (compose service, url)."""

    name: str
    description: str
    project_uuid: str
    server_uuid: str
    environment: str
    compose: str = field(repr=False)
    urls: tuple[tuple[str, str], ...] = ()
    destination_uuid: str = ""

    def body(self) -> dict[str, Any]:
        """The JSON of `POST /services`: no `type`, no `instant_deploy`, `urls` only when there are some."""
        body: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "project_uuid": self.project_uuid,
            "server_uuid": self.server_uuid,
            "environment_name": self.environment,
            "docker_compose_raw": self.compose,
        }
        if self.urls:
            body["urls"] = url_items(self.urls)
        if self.destination_uuid:
            body["destination_uuid"] = self.destination_uuid
        return body


@dataclass(frozen=True, slots=True)
class Task:
    """A scheduled task: `command` runs by `sh -c` in the container of a compose service (4.3, in the source)
    at times of the server's zone, unless the service is stopped then."""

    name: str
    command: str = field(repr=False)
    frequency: str
    container: str
    enabled: bool
    uuid: str = ""

    def body(self) -> dict[str, Any]:
        """What create and patch send."""
        return {
            "name": self.name,
            "command": self.command,
            "frequency": self.frequency,
            "container": self.container,
            "enabled": self.enabled,
        }


@dataclass(frozen=True, slots=True)
class Env:
    """One variable to send, always literal: `$`, `#`, quotes and backslashes arrive as they are.

    Coolify writes `.env` without quoting unless told so (4.3.10, EnvironmentVariable.php).
    """

    key: str
    value: str = field(repr=False)
    multiline: bool = False

    def body(self) -> dict[str, Any]:
        """One item of `PATCH /services/{uuid}/envs/bulk`."""
        return {
            "key": self.key,
            "value": self.value,
            "is_literal": True,
            "is_multiline": self.multiline,
        }


def url_items(urls: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """`urls` as Coolify takes it; an empty url clears the domain."""
    return [{"name": name, "url": url} for name, url in urls]


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A text field, with null as the empty string; raises when the key is missing or of another type."""
    value = row.get(name, ...)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise unreadable(f"field {name!r}")


def unreadable(what: str) -> errors.UpstreamUnavailable:
    """Coolify's answer does not have the shape that its tested versions have."""
    return errors.UpstreamUnavailable(
        "COOLIFY_UNREADABLE",
        f"Coolify's answer could not be read: {what}",
        why="a proxy page, a broken body, or a version of Coolify that was not tested",
        fix="run `cloudfreedom doctor`; it names the version and the tested range",
    )


def server(row: Mapping[str, Any]) -> Server:
    """A `Server` from one row of `GET /servers`."""
    settings = row.get("settings") or {}
    return Server(
        uuid=text_of(row, "uuid"),
        name=text_of(row, "name"),
        is_usable=bool(row.get("is_usable", settings.get("is_usable", False))),
        is_reachable=bool(row.get("is_reachable", settings.get("is_reachable", False))),
        prunes_volumes=bool(settings.get("delete_unused_volumes", False)),
        zone=str(settings.get("server_timezone") or "UTC"),
        ip=str(row.get("ip") or ""),
        is_swarm=bool(settings.get("is_swarm_manager") or settings.get("is_swarm_worker")),
    )


def entry(row: Mapping[str, Any], server_uuid: str) -> ServiceEntry:
    """A `ServiceEntry` from one row of a server's resources."""
    return ServiceEntry(
        uuid=text_of(row, "uuid"),
        name=text_of(row, "name"),
        status=text_of(row, "status"),
        created_at=str(row.get("created_at") or ""),
        updated_at=str(row.get("updated_at") or ""),
        server_uuid=server_uuid,
        kind=str(row.get("type") or SERVICE),
    )


def detail(row: Mapping[str, Any]) -> ServiceDetail:
    """A `ServiceDetail` from `GET /services/{uuid}`."""
    parts = [*(row.get("applications") or []), *(row.get("databases") or [])]
    project = (row.get("environment") or {}).get("project") or {}
    return ServiceDetail(
        uuid=text_of(row, "uuid"),
        name=text_of(row, "name"),
        description=text_of(row, "description"),
        status=text_of(row, "status"),
        server_status=bool(row.get("server_status", False)),
        updated_at=str(row.get("updated_at") or ""),
        containers=tuple((str(part.get("name", "")), str(part.get("status", ""))) for part in parts),
        images=tuple(str(part.get("image", "")) for part in parts),
        page=_page(row),
        project_uuid=str(project.get("uuid") or ""),
        project_name=str(project.get("name") or ""),
        compose=str(row["docker_compose_raw"] or "") if "docker_compose_raw" in row else None,
    )


def _page(row: Mapping[str, Any]) -> str:
    environment = row.get("environment") or {}
    way = (environment.get("project") or {}).get("uuid"), environment.get("uuid"), row.get("uuid")
    if not all(way):
        return ""
    return "/project/{}/environment/{}/service/{}".format(*way)


def flatten(body: Any) -> str:
    """A refusal as readable text. Coolify's `errors` is an object of lists, of strings, or a bare list."""
    if not isinstance(body, Mapping):
        return "no readable reason"
    texts: list[str] = []
    raw = body.get("errors")
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            values = value if isinstance(value, list) else [value]
            texts += [f"{name}: {item}" for item in values]
    elif isinstance(raw, list):
        texts += [str(item) for item in raw]
    for conflict in body.get("conflicts") or []:
        if isinstance(conflict, Mapping):
            texts.append(f"domain {conflict.get('domain')} is held by {conflict.get('resource_name')}")
    return "; ".join(texts) or str(body.get("message") or body.get("error") or "no readable reason")


def task(row: Mapping[str, Any]) -> Task:
    """A scheduled task as the API shows it."""
    return Task(
        name=text_of(row, "name"),
        command=text_of(row, "command"),
        frequency=text_of(row, "frequency"),
        container=str(row.get("container") or ""),
        enabled=bool(row.get("enabled")),
        uuid=text_of(row, "uuid"),
    )
