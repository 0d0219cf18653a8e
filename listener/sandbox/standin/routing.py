"""One request as its handler sees it, and the table that finds the handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from listener.sandbox.standin import answers, jobs, state, world


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that passed the door. `body` is trimmed; `params` are the path's variables."""

    rows: world.World
    jobs: jobs.Jobs
    token: state.Token
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    @property
    def team(self) -> state.Team:
        """The team of the token."""
        return self.token.user.team

    @property
    def sensitive(self) -> bool:
        """Compose texts and values may be shown."""
        return self.token.may("read:sensitive")

    def service(self) -> state.Service:
        """The service named by the path, else 404. A `uuid` in query or body wins over the path."""
        uuid = self.query.get("uuid") or self.body.get("uuid") or self.params["uuid"]
        return self.rows.service(self.team, uuid)

    def project(self) -> state.Project:
        """The project named by the path, else 404."""
        return self.rows.project(self.team, self.params["uuid"])


@dataclass(frozen=True, slots=True)
class Route:
    """A verb and a path template below `/api/v1`, the ability it needs, and whether the body must be JSON."""

    method: str
    template: str
    ability: str
    handle: Callable[[Ask], answers.Answer]
    json: bool = False
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        object.__setattr__(self, "pattern", re.compile(f"^{expression}$"))


def moved(template: str, ability: str) -> Route:
    """GET on what has become a POST: 405, once the ability is shown."""
    return Route("GET", template, ability, lambda _ask: answers.MOVED)


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route for this verb and path; HEAD is GET, a trailing slash does not matter."""
    method = "GET" if method == "HEAD" else method
    for route in routes:
        if route.method == method and (found := route.pattern.match(path.rstrip("/") or "/")):
            return route, found.groupdict()
    return None
