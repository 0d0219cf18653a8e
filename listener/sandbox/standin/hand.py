"""What a person does in Coolify's own pages, past the API and its checks."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from listener.sandbox.standin import answers, jobs, state, world, yamlish

ALL_FLAGS = ("delete_volumes", "delete_configurations", "delete_connected_networks", "docker_cleanup")


class Hand:
    """Each verb takes a service's uuid (`application` a project's); an unknown one raises 404."""

    def __init__(self, rows: world.World, queue: jobs.Jobs) -> None:
        self._rows = rows
        self._jobs = queue

    def start(self, uuid: str) -> None:
        """A start is queued, without a look at the status."""
        self._jobs.start(self._find(uuid))

    def stop(self, uuid: str) -> None:
        """A stop is queued, without a look at the status."""
        self._jobs.stop(self._find(uuid), cleanup=False)

    def delete(self, uuid: str) -> None:
        """A deletion with everything ticked is queued."""
        self._jobs.delete(self._find(uuid), dict.fromkeys(ALL_FLAGS, True))

    def edit(self, uuid: str, *, name: str | None = None, description: str | None = None) -> None:
        """Name and description are what was typed."""
        service = self._find(uuid)
        service.name = service.name if name is None else name
        service.description = service.description if description is None else description
        service.updated = self._rows.time.stamp()

    def compose(self, uuid: str, *, text: str) -> None:
        """The compose is what was typed, saved and parsed; containers stay as they are until a start.

        Raises 500 for what is no YAML (StackForm.php saves through the same parser).
        """
        service = self._find(uuid)
        try:
            service.document = yamlish.load(text)
        except yamlish.Broken as error:
            raise answers.broken() from error
        self._rows.parse(service)

    def variable(self, uuid: str, *, key: str, value: str | None = None, remove: bool = False) -> None:
        """A variable is what was typed, or is gone. The service's own `updated_at` stays until a start."""
        service, now = self._find(uuid), self._rows.time.stamp()
        known = next((one for one in service.variables if one.key == key), None)
        if known is None and not remove:
            service.variables.append(state.Variable(world.new_uuid(), key, value, now, now))
        elif known is not None and remove:
            service.variables.remove(known)
        elif known is not None:
            known.value, known.updated = value, now

    def move(self, uuid: str, *, project: str = "", server: str = "") -> None:
        """The service is in the first environment of that project, or on that server."""
        service = self._find(uuid)
        for one in self._rows.projects:
            service.environment = one.environments[0] if one.uuid == project else service.environment
        for host in self._rows.servers:
            service.server = host if host.uuid == server else service.server
        service.updated = self._rows.time.stamp()

    def clone(self, uuid: str) -> str:
        """A second service with the same description and compose, its name with `-clone-…`; its uuid."""
        source = self._find(uuid)
        name = f"{source.name}-clone-{secrets.token_hex(4)}"
        made = self._rows.add_service(source.environment, source.server, source.destination, name)
        made.description = source.description
        made.document = source.document
        self._rows.parse(made)
        return made.uuid

    def application(self, uuid: str, *, name: str) -> str:
        """An application in the project of that uuid, on the first server; its uuid."""
        for project in self._rows.projects:
            if project.uuid == uuid:
                return self._rows.add_application(project, self._rows.servers[0], name).uuid
        raise answers.missing("Project")

    def kill(self, uuid: str, part: str = "") -> None:
        """The container of that part (empty: all) is gone from the host; the status follows later."""
        service = self._find(uuid)
        for one in service.parts:
            one.runs = one.runs and part not in ("", one.name)
        self._jobs.sync_later(service)

    def sync(self, uuid: str) -> None:
        """The cached status says what the containers do."""
        self._jobs.sync(self._find(uuid))

    def act(self, verb: str, uuid: str, **more: Any) -> Any:
        """The verb by its name, as it comes over HTTP. Raises KeyError for an unknown verb."""
        verbs: dict[str, Callable[..., Any]] = {
            "start": self.start,
            "stop": self.stop,
            "delete": self.delete,
            "edit": self.edit,
            "compose": self.compose,
            "variable": self.variable,
            "move": self.move,
            "clone": self.clone,
            "application": self.application,
            "kill": self.kill,
            "sync": self.sync,
        }
        return verbs[verb](uuid, **more)

    def _find(self, uuid: str) -> state.Service:
        for service in self._rows.services:
            if service.uuid == uuid:
                return service
        raise answers.missing("Service")
