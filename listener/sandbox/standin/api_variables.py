"""Variables of a service (Coolify 4.3.10, ServicesController.php). They reach the server with a start."""

from __future__ import annotations

from typing import Any

from listener.sandbox.standin import answers, present, rules, state, world
from listener.sandbox.standin.routing import Ask, Route

_FIELDS = ("key", "value", "is_preview", "is_literal", "is_multiline", "is_shown_once", "comment")
_SWITCHES = ("is_literal", "is_multiline", "is_shown_once", "is_preview")


def index(ask: Ask) -> answers.Answer:
    """All variables; values only for read:sensitive and root."""
    return answers.ok([_shown(ask, variable) for variable in ask.service().variables])


def create(ask: Ask) -> answers.Answer:
    """201; an existing key is 409."""
    service = ask.service()
    rules.demand(_errors(ask.body), rules.unknown(ask.body, _FIELDS))
    if _find(service, ask.body["key"]):
        raise answers.refused(409, "Environment variable already exists. Use PATCH request to update it.")
    return answers.created(_shown(ask, _write(ask.rows, service, ask.body)))


def update(ask: Ask) -> answers.Answer:
    """201; a missing value empties it."""
    service = ask.service()
    rules.demand(_errors(ask.body), rules.unknown(ask.body, _FIELDS))
    if not _find(service, ask.body["key"]):
        raise answers.missing("Environment variable")
    return answers.created(_shown(ask, _write(ask.rows, service, ask.body)))


def bulk(ask: Ask) -> answers.Answer:
    """201. Upsert, one by one: what stands before a bad entry is saved."""
    service = ask.service()
    data = ask.body.get("data")
    if not data:
        raise answers.refused(400, "Bulk data is required.")
    if not isinstance(data, list):
        raise answers.broken()
    written = []
    for item in data:
        if not isinstance(item, dict):
            raise answers.broken()
        rules.demand(_errors(item))
        written.append(_shown(ask, _write(ask.rows, service, item)))
    return answers.created(written)


def delete(ask: Ask) -> answers.Answer:
    """By the variable's uuid."""
    service = ask.service()
    for variable in service.variables:
        if variable.uuid == ask.params["variable"]:
            service.variables.remove(variable)
            return answers.said("Environment variable deleted.")
    raise answers.missing("Environment variable")


def _errors(body: dict[str, Any]) -> rules.Errors:
    errors = rules.required(body, "key")
    errors |= rules.wrong_types(body, strings=("key", "value", "comment"), booleans=_SWITCHES)
    if "key" not in errors and not rules.KEY.match(body["key"]):
        errors["key"] = ["The key field format is invalid."]
    return errors


def _find(service: state.Service, key: str) -> state.Variable | None:
    return next((variable for variable in service.variables if variable.key == key), None)


def _write(rows: world.World, service: state.Service, body: dict[str, Any]) -> state.Variable:
    now = rows.time.stamp()
    variable = _find(service, body["key"])
    if variable is None:
        variable = state.Variable(world.new_uuid(), body["key"], None, now, now)
        service.variables.append(variable)
    variable.value = body.get("value")
    variable.updated = now
    for name in ("is_literal", "is_multiline", "is_shown_once"):
        if body.get(name) is not None:
            setattr(variable, name, body[name] in (True, 1, "1"))
    variable.comment = body.get("comment", variable.comment)
    return variable


def _shown(ask: Ask, variable: state.Variable) -> dict[str, Any]:
    return present.variable(variable, ask.rows.knobs.version, sensitive=ask.sensitive)


ROUTES = (
    Route("GET", "/services/{uuid}/envs", "read", index),
    Route("POST", "/services/{uuid}/envs", "write", create, json=True),
    Route("PATCH", "/services/{uuid}/envs", "write", update, json=True),
    Route("PATCH", "/services/{uuid}/envs/bulk", "write", bulk, json=True),
    Route("DELETE", "/services/{uuid}/envs/{variable}", "write", delete),
)
