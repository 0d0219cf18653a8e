"""Services: lists, create, read, patch, delete (Coolify 4.3.10, ServicesController.php)."""

from __future__ import annotations

import secrets
import string
from typing import Any

from listener.sandbox.standin import answers, compose, domains, hand, present, rules, state, world
from listener.sandbox.standin.routing import Ask, Route

_STRINGS = (
    "type",
    "name",
    "description",
    "project_uuid",
    "server_uuid",
    "environment_name",
    "environment_uuid",
)
_MORE_STRINGS = ("destination_uuid", "docker_compose_raw")
_SWITCHES = ("instant_deploy", "force_domain_override", "is_container_label_escape_enabled")
_CREATE = (*_STRINGS, *_MORE_STRINGS, *_SWITCHES, "urls", "tags")
_PATCH = ("name", "description", "docker_compose_raw", "connect_to_docker_network", "urls", *_SWITCHES)


def index(ask: Ask) -> answers.Answer:
    """Every service of the team in full, no paging."""
    mine = ask.rows.services_of(ask.team)
    return answers.ok([present.service(one, ask.rows, sensitive=ask.sensitive) for one in mine])


def show(ask: Ask) -> answers.Answer:
    """One service in full. A queued deletion does not show."""
    return answers.ok(present.service_alone(ask.service(), ask.rows, sensitive=ask.sensitive))


def create(ask: Ask) -> answers.Answer:
    """201. 500 may leave a half-made service; 409 and 422 for `urls` make the new one vanish."""
    body = ask.body
    rules.demand(_create_errors(body), _url_errors(body), rules.unknown(body, _CREATE))
    if body.get("type") and body.get("docker_compose_raw"):
        text = "You cannot provide both service type and docker_compose_raw. Use one or the other."
        raise answers.refused(422, text)
    if body.get("environment_name") is None and body.get("environment_uuid") is None:
        raise answers.refused(
            422, "You need to provide at least one of environment_name or environment_uuid."
        )
    project = ask.rows.project(ask.team, body["project_uuid"])
    environment = ask.rows.environment(project, body.get("environment_name") or body.get("environment_uuid"))
    server = ask.rows.server(ask.team, body["server_uuid"])
    destination = _destination(server, body.get("destination_uuid"))
    if body.get("type"):
        raise answers.Refused(404, {"message": "Invalid service type.", "valid_service_types": []})
    document = compose.decode(body["docker_compose_raw"])
    name = rules.without_tags(body.get("name") or _default_name())
    service = ask.rows.add_service(environment, server, destination, name)
    service.description = rules.without_tags(body.get("description") or "")
    service.document = document
    service.label_escape = bool(body.get("is_container_label_escape_enabled", True))
    ask.rows.parse(service)
    try:
        domains.apply(
            ask.rows, service, body.get("urls") or [], force=bool(body.get("force_domain_override"))
        )
    except answers.Refused:
        ask.rows.forget(service)
        raise
    _tag(ask.rows, service, body.get("tags") or [])
    if body.get("instant_deploy"):
        ask.jobs.start(service)
    return answers.created({"uuid": service.uuid, "domains": domains.listed(service)})


def update(ask: Ask) -> answers.Answer:
    """200. Name and compose are saved before `urls` is looked at, also when that ends in 409 or 422."""
    body = ask.body
    service = ask.service()
    types = rules.wrong_types(
        body,
        strings=("name", "description", "docker_compose_raw"),
        booleans=(*_SWITCHES, "connect_to_docker_network"),
    )
    rules.demand(types, _too_long(body), _url_errors(body), rules.unknown(body, _PATCH))
    document = compose.decode(body["docker_compose_raw"]) if "docker_compose_raw" in body else None
    if body.get("name"):
        service.name = rules.without_tags(body["name"])
    if "description" in body:
        service.description = rules.without_tags(body["description"] or "")
    if body.get("connect_to_docker_network") is not None:
        service.connect_network = bool(body["connect_to_docker_network"])
    if body.get("is_container_label_escape_enabled") is not None:
        service.label_escape = bool(body["is_container_label_escape_enabled"])
    service.document = service.document if document is None else document
    service.updated = ask.rows.time.stamp()
    ask.rows.parse(service)
    if "urls" in body:
        domains.apply(ask.rows, service, body["urls"] or [], force=bool(body.get("force_domain_override")))
    if body.get("instant_deploy"):
        ask.jobs.start(service)
    return answers.ok({"uuid": service.uuid, "domains": domains.listed(service)})


def delete(ask: Ask) -> answers.Answer:
    """200 and a job. Flags by query or body, each true when not given."""
    service = ask.service()
    flags = {}
    for name in hand.ALL_FLAGS:
        given = ask.query.get(name, ask.body.get(name))
        flags[name] = rules.flag(None if given is None else str(given), default=True)
    ask.jobs.delete(service, flags)
    return answers.said("Service deletion request queued.")


def _create_errors(body: dict[str, Any]) -> rules.Errors:
    errors: rules.Errors = {}
    if body.get("type") is None and body.get("docker_compose_raw") is None:
        errors["type"] = ["The type field is required when docker compose raw is not present."]
        errors["docker_compose_raw"] = ["The docker compose raw field is required when type is not present."]
    errors |= rules.required(body, "project_uuid", "server_uuid")
    errors |= rules.wrong_types(body, strings=(*_STRINGS, *_MORE_STRINGS), booleans=_SWITCHES)
    return errors | _too_long(body)


def _too_long(body: dict[str, Any]) -> rules.Errors:
    if isinstance(body.get("name"), str) and len(body["name"]) > 255:
        return {"name": ["The name field must not be greater than 255 characters."]}
    return {}


def _url_errors(body: dict[str, Any]) -> rules.Errors:
    urls = body.get("urls")
    if urls is None:
        return {}
    if not isinstance(urls, list | dict):
        return {"urls": ["The urls field must be an array."]}
    errors: rules.Errors = {}
    for key, item in urls.items() if isinstance(urls, dict) else enumerate(urls):
        if not isinstance(item, dict) or set(item) - {"name", "url"}:
            text = "An item in the urls array has invalid fields. Only name and url fields are supported."
            errors[f"urls.{key}"] = [text]
        if not isinstance(item, dict) or item.get("name") is None:
            errors[f"urls.{key}.name"] = [f"The urls.{key}.name field is required."]
    return errors


def _destination(server: state.Server, uuid: str | None) -> state.Destination:
    """With one destination a wrong uuid is ignored; with several it must be given and right."""
    if server.build_server:
        text = "The specified server is configured as a build server and cannot host resources."
        raise answers.invalid({"server_uuid": [text]})
    if not server.destinations:
        raise answers.refused(400, "Server has no destinations.")
    if len(server.destinations) == 1:
        return server.destinations[0]
    if uuid is None:
        raise answers.refused(400, "Server has multiple destinations and you do not set destination_uuid.")
    for destination in server.destinations:
        if destination.uuid == uuid:
            return destination
    text = "Provided destination_uuid does not belong to the specified server."
    raise answers.invalid({"destination_uuid": text})


def _tag(rows: world.World, service: state.Service, tags: list[Any]) -> None:
    now = rows.time.stamp()
    for tag in tags:
        row = {"uuid": world.new_uuid(), "name": str(tag).lower(), "created_at": now, "updated_at": now}
        service.tags.append(row)


def _default_name() -> str:
    letters = string.ascii_letters + string.digits
    return "service-" + "".join(secrets.choice(letters) for _ in range(10))


ROUTES = (
    Route("GET", "/services", "read", index),
    Route("POST", "/services", "write", create, json=True),
    Route("GET", "/services/{uuid}", "read", show),
    Route("PATCH", "/services/{uuid}", "write", update, json=True),
    Route("DELETE", "/services/{uuid}", "write", delete),
)
