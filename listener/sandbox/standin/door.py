"""The way in: token, rate limit, switch, role, ability, body; in Coolify 4.3.10's order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from listener.sandbox.standin import answers, jobs, limiter, routing, rules, state, world

HEALTH_LIMIT = 1000
_OPEN = {"/api/health": "/api/health", "/api/v1/health": "/health"}


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Served:
    """What was answered, on which route template, to whom."""

    answer: answers.Answer
    route: str = "(unknown)"
    user: int | None = None
    keys: tuple[str, ...] = ()


class Door:
    """Turns a request into an answer; all effects happen in `serve`, at once."""

    def __init__(
        self, *, rows: world.World, queue: jobs.Jobs, limits: limiter.Limiter, routes: Sequence[routing.Route]
    ) -> None:
        self._rows = rows
        self._jobs = queue
        self._limits = limits
        self._routes = routes

    def name(self, wire: Wire) -> Served:
        """Route and user of a request, without an effect and without an answer."""
        found = self._find(wire)
        token = self._token(wire.headers)
        body = _json(wire.body)
        return Served(
            answers.ok(None),
            found[0].template if found else _OPEN.get(wire.path, "(unknown)"),
            token.user.id if token else None,
            tuple(body) if isinstance(body, dict) else (),
        )

    def serve(self, wire: Wire) -> Served:
        """The answer, with its rate-limit headers where Coolify sends them."""
        served = self.name(wire)
        found = self._find(wire)
        token = self._token(wire.headers)
        if found is not None and token is None:
            return replace(served, answer=answers.Answer(401, {"message": "Unauthenticated."}))
        bucket = str(token.user.id) if found and token and token.user.id else wire.address
        limit = self._rows.knobs.rate_limit
        if wire.path == "/api/health":
            bucket, limit = f"health {wire.address}", HEALTH_LIMIT
        try:
            headers = self._limits.hit(bucket, limit)
        except answers.Refused as refused:
            return replace(served, answer=refused.answer)
        try:
            answer = self._handle(wire, *found, token) if found and token else _open(wire)
        except answers.Refused as refused:
            answer = refused.answer
        return replace(served, answer=replace(answer, headers={**answer.headers, **headers}))

    def _find(self, wire: Wire) -> tuple[routing.Route, dict[str, str]] | None:
        if not wire.path.startswith("/api/v1/"):
            return None
        return routing.find(self._routes, wire.method, wire.path.removeprefix("/api/v1"))

    def _token(self, headers: Mapping[str, str]) -> state.Token | None:
        kind, _, text = headers.get("authorization", "").partition(" ")
        token = self._rows.tokens.get(text) if kind.lower() == "bearer" else None
        return None if token is None or token.expired else token

    def _handle(
        self, wire: Wire, route: routing.Route, params: dict[str, str], token: state.Token
    ) -> answers.Answer:
        if not self._rows.enabled and route.template != "/enable":
            raise answers.Refused(403, {"success": True, "message": "API is disabled."})
        if token.user.role == "member" and token.abilities != {"read"}:
            raise answers.refused(403, "Missing required team role.")
        if not token.may(route.ability):
            raise answers.refused(403, f"Missing required permissions: {route.ability}")
        if route.json:
            _refuse_body(wire)
        body = _json(wire.body)
        body = rules.trimmed(body) if isinstance(body, dict) else {}
        return route.handle(routing.Ask(self._rows, self._jobs, token, params, wire.query, body))


def _open(wire: Wire) -> answers.Answer:
    health = wire.path in _OPEN and wire.method in {"GET", "HEAD"}
    return answers.ok("OK") if health else answers.NO_ROUTE


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _refuse_body(wire: Wire) -> None:
    kind = wire.headers.get("content-type", "")
    if "/json" not in kind and "+json" not in kind:
        problem = "Content-Type must be application/json."
    elif not isinstance(_json(wire.body), dict | list):
        problem = "Invalid JSON."
    elif not _json(wire.body):
        problem = "Empty JSON."
    else:
        return
    raise answers.Refused(400, {"message": "Invalid request.", "error": problem})
