"""Everything that exists, how it is found, and how it comes into being."""

from __future__ import annotations

import copy
import itertools
import secrets
import string
from collections.abc import Iterator
from typing import Any, TypeVar

from listener.sandbox.standin import answers, compose, knobs, render, state, timeline, yamlish

T = TypeVar("T")
_LETTERS = string.ascii_lowercase + string.digits
_KEPT = (
    "enabled",
    "teams",
    "users",
    "tokens",
    "servers",
    "projects",
    "services",
    "applications",
    "graveyard",
)


def new_uuid() -> str:
    """24 characters of [a-z0-9] that may begin with a digit, as Coolify 4.3.10 makes them."""
    return "".join(secrets.choice(_LETTERS) for _ in range(24))


class World:
    """The rows of one Coolify."""

    def __init__(self, *, time: timeline.Timeline, turned: knobs.Knobs) -> None:
        self.time = time
        self.knobs = turned
        self.enabled = True
        """False: the API is switched off."""
        self.teams: list[state.Team] = []
        self.users: list[state.User] = []
        self.tokens: dict[str, state.Token] = {}
        self.servers: list[state.Server] = []
        self.projects: list[state.Project] = []
        self.services: list[state.Service] = []
        self.applications: list[state.Application] = []
        self.graveyard: list[state.Service] = []
        """Services whose rows are gone."""
        self._backup: tuple[list[Any], ...] = ([], [], [], [])
        self._ids = itertools.count(1)

    def kept(self) -> dict[str, Any]:
        """Every row, as Coolify's database keeps it over a restart; `restore` takes it back."""
        return {"next": self.new_id(), **{name: getattr(self, name) for name in _KEPT}}

    def restore(self, rows: dict[str, Any]) -> None:
        """The rows are those of `kept`, and no others."""
        self._ids = itertools.count(rows["next"])
        for name in _KEPT:
            setattr(self, name, rows[name])

    def new_id(self) -> int:
        """A number that no row has."""
        return next(self._ids)

    def add_team(self, name: str, team_id: int | None = None) -> state.Team:
        """A team. The root team has id 0."""
        number = self.new_id() if team_id is None else team_id
        team = state.Team(number, name, "", self.time.stamp())
        self.teams.append(team)
        return team

    def add_user(self, team: state.Team, *, role: str = "owner", user_id: int | None = None) -> state.User:
        """A user of the team, with a rate budget of its own; user 0 is counted by address."""
        user = state.User(self.new_id() if user_id is None else user_id, team, role)
        self.users.append(user)
        return user

    def add_token(
        self, text: str, user: state.User, abilities: tuple[str, ...] = ("root",), *, expired: bool = False
    ) -> state.Token:
        """A token that is accepted from now on, unless it is expired."""
        token = state.Token(text, user, frozenset(abilities), expired)
        self.tokens[text] = token
        return token

    def add_server(
        self, team: state.Team, name: str, *, uuid: str = "", destinations: int = 1
    ) -> state.Server:
        """A server with that many docker destinations."""
        now = self.time.stamp()
        server = state.Server(self.new_id(), uuid or new_uuid(), name, team, "127.0.0.1", now)
        for number in range(destinations):
            network = "coolify" if number == 0 else f"net-{number}"
            server.destinations.append(state.Destination(self.new_id(), new_uuid(), network, now))
        self.servers.append(server)
        return server

    def functional(self, server: state.Server) -> bool:
        """Coolify holds the server for reachable and usable."""
        return self.knobs.reachable and server.reachable and server.usable

    def server(self, team: state.Team, uuid: str | None) -> state.Server:
        """The team's server, else 404."""
        return _first((s for s in self.servers if s.team is team and s.uuid == uuid), "Server")

    def project(self, team: state.Team, uuid: str | None) -> state.Project:
        """The team's project, else 404."""
        return _first((p for p in self.projects if p.team is team and p.uuid == uuid), "Project")

    def environment(self, project: state.Project, name_or_uuid: str | None) -> state.Environment:
        """The project's environment by name, then by uuid, else 404."""
        found = (e for e in project.environments if name_or_uuid in (e.name, e.uuid))
        return _first(found, "Environment")

    def service(self, team: state.Team, uuid: str | None) -> state.Service:
        """The team's service, else 404."""
        return _first((s for s in self.services_of(team) if s.uuid == uuid), "Service")

    def services_of(self, team: state.Team) -> list[state.Service]:
        """All services of the team."""
        return [service for service in self.services if service.team is team]

    def is_empty(self, environment: state.Environment) -> bool:
        """No application and no service row is left, not even one whose deletion is queued."""
        used = [*(one.environment for one in self.services), *(one.environment for one in self.applications)]
        return environment not in used

    def add_project(self, team: state.Team, name: str, description: str) -> state.Project:
        """A project with its environment `production`."""
        now = self.time.stamp()
        project = state.Project(self.new_id(), new_uuid(), name, team, now, now, description)
        self.projects.append(project)
        self.add_environment(project, "production")
        return project

    def add_environment(self, project: state.Project, name: str) -> state.Environment:
        """An environment of the project."""
        now = self.time.stamp()
        environment = state.Environment(self.new_id(), new_uuid(), name, project, now, now)
        project.environments.append(environment)
        return environment

    def add_service(
        self, environment: state.Environment, server: state.Server, destination: state.Destination, name: str
    ) -> state.Service:
        """A service row, not parsed yet: `compose` is None."""
        now = self.time.stamp()
        uuid = new_uuid()
        service = state.Service(self.new_id(), uuid, name, environment, server, destination, now, now)
        self.services.append(service)
        return service

    def add_application(self, project: state.Project, server: state.Server, name: str) -> state.Application:
        """An application in the project's first environment."""
        inside = project.environments[0]
        made = state.Application(self.new_id(), new_uuid(), name, inside, server, self.time.stamp())
        self.applications.append(made)
        return made

    def forget(self, service: state.Service) -> None:
        """The row is gone; its domains are free."""
        if service in self.services:
            self.services.remove(service)
            self.graveyard.append(service)
        service.deleted = service.deleted or self.time.stamp()

    def save(self) -> None:
        """Projects and what is in them are kept as they are now, as in a backup of Coolify's database."""
        self._backup = self._copied(self._rows())

    def put_back(self) -> None:
        """They are again what was saved last."""
        for rows, old in zip(self._rows(), self._copied(self._backup), strict=True):
            rows[:] = old

    def clear(self) -> None:
        """A new Coolify on the same servers."""
        for rows in self._rows():
            rows.clear()

    def _rows(self) -> tuple[list[Any], ...]:
        return self.projects, self.services, self.applications, self.graveyard

    def _copied(self, rows: tuple[list[Any], ...]) -> tuple[list[Any], ...]:
        """Copies whose servers, destinations and teams are the present ones."""
        places = [place for server in self.servers for place in server.destinations]
        present = [*self.servers, *self.teams, *places]
        return copy.deepcopy(rows, {id(one): one for one in present})

    def parse(self, service: state.Service) -> None:
        """Parts, variables, storages and the written compose follow the service's document.

        Raises 500 where the real parser crashes; what was written until then stays.
        """
        now = self.time.stamp()
        service.raw = yamlish.dump(service.document)
        bodies = compose.services(service.document)
        for part in service.parts:
            part.present = part.name in bodies
        for name, body in bodies.items():
            self._part(service, name, body, now)
        if compose.crashes(service.document):
            raise answers.broken()
        self._variables(service, now)
        service.compose = render.render(service, self.knobs.version)
        service.updated = now

    def _part(self, service: state.Service, name: str, body: dict[str, Any], now: str) -> None:
        image = str(body.get("image") or "")
        part = next((part for part in service.parts if part.name == name), None)
        if part is None:
            part = state.Part(self.new_id(), new_uuid(), name, compose.is_database(image), image, now, now)
            service.parts.append(part)
        part.image, part.updated = image, now
        part.once = str(body.get("restart")) == "no"
        part.excluded = part.excluded or part.once or bool(body.get("exclude_from_hc"))
        part.healthcheck = bool(body.get("healthcheck"))
        part.fqdn = part.fqdn or compose.made_domain(
            name, body, f"{service.uuid}.{service.server.ip}.sslip.io"
        )
        for source, target, bind in render.mounts(body):
            namer = render.bind_path if bind else render.volume_name
            place = namer(service.uuid, source)
            if not any(storage.name == place and storage.part is part for storage in service.storages):
                row = state.Storage(self.new_id(), new_uuid(), part, place, target, now, file=bind)
                service.storages.append(row)

    def _variables(self, service: state.Service, now: str) -> None:
        known = {variable.key for variable in service.variables}
        for found in compose.extract(service.document):
            if found.key in known:
                continue
            known.add(found.key)
            value = secrets.token_hex(16) if found.magic else found.value
            variable = state.Variable(new_uuid(), found.key, value, now, now, is_required=found.required)
            service.variables.append(variable)


def _first(found: Iterator[T], what: str) -> T:
    for one in found:
        return one
    raise answers.missing(what)
