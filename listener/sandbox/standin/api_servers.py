"""Instance, teams, servers, destinations and the lists across projects (Coolify 4.3.10)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from listener.sandbox.standin import answers, domains, present, servers, state
from listener.sandbox.standin.routing import Ask, Route, moved


def version(ask: Ask) -> answers.Answer:
    """Bare text, sent as text/html."""
    return answers.ok(ask.rows.knobs.version)


def team(ask: Ask) -> answers.Answer:
    """The token's team."""
    return answers.ok(present.team(ask.team))


def teams(ask: Ask) -> answers.Answer:
    """The teams of the token's user."""
    return answers.ok([present.team(ask.team)])


def switch(*, on: bool) -> Route:
    """Only the root team may switch the API."""

    def handle(ask: Ask) -> answers.Answer:
        if ask.team.id != 0:
            raise answers.refused(403, "You are not allowed to enable the API.")
        ask.rows.enabled = on
        return answers.said("API enabled." if on else "API disabled.")

    return Route("POST", "/enable" if on else "/disable", "write", handle)


def index(ask: Ask) -> answers.Answer:
    """All servers of the team with their settings."""
    mine = [server for server in ask.rows.servers if server.team is ask.team]
    return answers.ok([servers.listed(server, ask.rows, sensitive=ask.sensitive) for server in mine])


def show(ask: Ask) -> answers.Answer:
    """One server."""
    return answers.ok(servers.nested(_server(ask), ask.rows, sensitive=ask.sensitive))


def resources_of(ask: Ask) -> answers.Answer:
    """The light list: what a poll needs and nothing else."""
    server = _server(ask)
    mine = [one for one in ask.rows.services_of(ask.team) if one.server is server]
    applications = [one for one in ask.rows.applications if one.server is server]
    listed = [
        *(_listed(one, "application", one.created) for one in applications),
        *(_listed(one, "service", one.updated) for one in mine),
    ]
    return answers.ok(listed)


def domains_of(ask: Ask) -> answers.Answer:
    """Host names without scheme, port and path; repeated ones stay."""
    server = _server(ask)
    parts = [part for one in ask.rows.services_of(ask.team) if one.server is server for part in one.parts]
    hosts = [urlsplit(url).hostname for part in parts for url in domains.split(part.fqdn)]
    return answers.ok([{"ip": server.ip, "domains": hosts}] if hosts else [])


def destinations_of(ask: Ask) -> answers.Answer:
    """The server's docker networks."""
    server = _server(ask)
    return answers.ok([_destination(one, server) for one in server.destinations])


def destinations(ask: Ask) -> answers.Answer:
    """All docker networks of the team."""
    mine = [server for server in ask.rows.servers if server.team is ask.team]
    return answers.ok([_destination(one, server) for server in mine for one in server.destinations])


def resources(ask: Ask) -> answers.Answer:
    """The heavy list: everything in full."""
    return answers.ok(
        [
            present.service(one, ask.rows, sensitive=ask.sensitive) | {"id": one.id, "type": "service"}
            for one in ask.rows.services_of(ask.team)
        ]
    )


def _server(ask: Ask) -> state.Server:
    return ask.rows.server(ask.team, ask.params["uuid"])


def _listed(row: state.Application | state.Service, kind: str, updated: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "uuid": row.uuid,
        "name": row.name,
        "type": kind,
        "created_at": row.created,
        "updated_at": updated,
        "status": row.status,
    }


def _destination(row: state.Destination, server: state.Server) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "name": row.name,
        "network": row.name,
        "type": "standalone",
        "server_uuid": server.uuid,
        "created_at": row.created,
        "updated_at": row.created,
    }


ROUTES = (
    Route("GET", "/version", "read", version),
    Route("GET", "/team", "read", team),
    Route("GET", "/teams/current", "read", team),
    Route("GET", "/teams", "read", teams),
    moved("/enable", "write"),
    moved("/disable", "write"),
    switch(on=True),
    switch(on=False),
    Route("GET", "/servers", "read", index),
    Route("GET", "/servers/{uuid}", "read", show),
    Route("GET", "/servers/{uuid}/resources", "read", resources_of),
    Route("GET", "/servers/{uuid}/domains", "read", domains_of),
    Route("GET", "/servers/{uuid}/destinations", "read", destinations_of),
    Route("GET", "/destinations", "read", destinations),
    Route("GET", "/resources", "read", resources),
    Route("GET", "/deployments", "read", lambda _ask: answers.ok([])),
)
