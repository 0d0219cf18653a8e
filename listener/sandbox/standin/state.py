"""What exists on a Coolify, as far as the stand-in knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Team:
    """Everything belongs to one; another team's objects do not exist for a token."""

    id: int
    name: str
    description: str
    created: str


@dataclass(eq=False)
class User:
    """Whose requests are counted together. `role`: owner, admin or member."""

    id: int
    team: Team
    role: str = "owner"


@dataclass(eq=False)
class Token:
    """`abilities` out of read, read:sensitive, write, deploy, root; only root implies others."""

    text: str
    user: User
    abilities: frozenset[str]
    expired: bool = False

    def may(self, ability: str) -> bool:
        """The token holds the ability, or root."""
        return bool(self.abilities & {ability, "root"})


@dataclass(eq=False)
class Destination:
    """A docker network of a server; the row only."""

    id: int
    uuid: str
    name: str
    created: str


@dataclass(eq=False)
class Server:
    """A host as Coolify sees it. `prunes` counts the docker clean-ups that ran on it."""

    id: int
    uuid: str
    name: str
    team: Team
    ip: str
    created: str
    destinations: list[Destination] = field(default_factory=list)
    build_server: bool = False
    reachable: bool = True
    usable: bool = True
    delete_unused_volumes: bool = False
    swarm: bool = False
    prunes: int = 0
    volumes: set[str] = field(default_factory=set)
    """Docker volumes that exist on the host."""


@dataclass(eq=False)
class Project:
    """A group of environments; names are never unique."""

    id: int
    uuid: str
    name: str
    team: Team
    created: str
    updated: str
    description: str = ""
    environments: list[Environment] = field(default_factory=list)


@dataclass(eq=False)
class Environment:
    """A group of services in a project; its name is unique there."""

    id: int
    uuid: str
    name: str
    project: Project
    created: str
    updated: str


@dataclass(eq=False)
class Variable:
    """A row of a service's variables. `key` and `value` are what the API shows."""

    uuid: str
    key: str
    value: str | None
    created: str
    updated: str
    is_literal: bool = False
    is_multiline: bool = False
    is_shown_once: bool = False
    is_required: bool = False
    comment: str | None = None


@dataclass(eq=False)
class Part:
    """A service of the compose file. `status` is cached; `runs` is the container's truth."""

    id: int
    uuid: str
    name: str
    database: bool
    image: str
    created: str
    updated: str
    fqdn: str | None = None
    status: str = "exited"
    excluded: bool = False
    healthcheck: bool = False
    once: bool = False
    """`restart: "no"`: runs and ends."""
    present: bool = True
    """False once the compose no longer names it; the row stays for ever."""
    runs: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields set through `PATCH …/applications/{uuid}`."""


@dataclass(eq=False)
class Storage:
    """A row for a volume or bind of the compose. `schedule` is the backup schedule's body."""

    id: int
    uuid: str
    part: Part
    name: str
    mount_path: str
    created: str
    file: bool = False
    schedule: dict[str, Any] | None = None
    schedule_uuid: str = ""


@dataclass(eq=False)
class Task:
    """A scheduled task of a service: a command in one of its containers. `body` is what the API takes."""

    uuid: str
    created: str
    updated: str
    body: dict[str, Any]


@dataclass(eq=False)
class Application:
    """What was made as an application, not as a compose service: it is listed, and no more."""

    id: int
    uuid: str
    name: str
    environment: Environment
    server: Server
    created: str
    status: str = "running:healthy"


@dataclass(eq=False)
class Service:
    """A compose stack. `compose` is None while half made: the parser crashed after the row was written."""

    id: int
    uuid: str
    name: str
    environment: Environment
    server: Server
    destination: Destination
    created: str
    updated: str
    description: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    """The parsed YAML as it was sent."""
    raw: str = ""
    compose: str | None = None
    parts: list[Part] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    storages: list[Storage] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    label_escape: bool = True
    connect_network: bool = False
    starting: int = 0
    """Start jobs in their docker phase."""
    ups: int = 0
    """How often `docker compose up` succeeded."""
    failure: str = ""
    """Why the last start failed. No endpoint of Coolify tells."""
    deleted: str = ""
    """When the row vanished."""
    deletions: list[dict[str, bool]] = field(default_factory=list)
    """Flags of the deletion jobs that were accepted."""

    @property
    def team(self) -> Team:
        """The team that sees it."""
        return self.environment.project.team

    @property
    def status(self) -> str:
        """The status as the API shows it (Coolify 4.3.10, Service.php, ContainerStatusAggregator.php)."""
        if self.starting:
            return "starting:unhealthy"
        counted = [part.status for part in self.parts if not part.excluded]
        if counted or not self.parts:
            return aggregate(counted)
        whole = aggregate([part.status for part in self.parts])
        return whole if whole == "exited" else f"{whole}:excluded"


def aggregate(statuses: list[str]) -> str:
    """One status for a stack's containers."""
    states = {status.partition(":")[0] for status in statuses}
    if states & {"degraded", "restarting", "dead", "removing"} or states >= {"running", "exited"}:
        return "degraded:unhealthy"
    if "running" in states:
        healths = {status.partition(":")[2] for status in statuses if status.startswith("running")}
        return next(
            f"running:{health}" for health in ("unhealthy", "unknown", "healthy") if health in healths
        )
    if states & {"starting", "created"}:
        return "starting:unknown"
    return "paused:unknown" if "paused" in states else "exited"
