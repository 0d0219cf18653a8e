"""Scheduled tasks of a service (Coolify, ScheduledTasksController.php, read in its source)."""

from __future__ import annotations

import re
from typing import Any

from listener.sandbox.standin import answers, rules, state, world
from listener.sandbox.standin.routing import Ask, Route

_FIELDS = ("name", "command", "frequency", "container", "timeout", "enabled")
_STRINGS = ("name", "command", "frequency", "container")
_WORDS = ("every_minute", "hourly", "daily", "weekly", "monthly", "yearly")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#LW-]+")


def index(ask: Ask) -> answers.Answer:
    """Every task of the service."""
    return answers.ok([_shown(task) for task in ask.service().tasks])


def create(ask: Ask) -> answers.Answer:
    """201. The same name twice makes two."""
    service = ask.service()
    errors = rules.required(ask.body, "name", "command", "frequency")
    rules.demand(errors or _errors(ask.body), rules.unknown(ask.body, _FIELDS))
    _demand_cron(ask.body)
    now = ask.rows.time.stamp()
    task = state.Task(uuid=world.new_uuid(), created=now, updated=now, body={})
    task.body = {"container": None, "timeout": 300, "enabled": True} | ask.body
    service.tasks.append(task)
    return answers.created(_shown(task))


def update(ask: Ask) -> answers.Answer:
    """What is given is changed; nothing given is 422."""
    service = ask.service()
    if not ask.body:
        raise answers.refused(422, "At least one field must be provided.")
    rules.demand(_errors(ask.body), rules.unknown(ask.body, _FIELDS))
    _demand_cron(ask.body)
    task = _find(service, ask.params["task"])
    task.body |= ask.body
    task.updated = ask.rows.time.stamp()
    return answers.ok(_shown(task))


def delete(ask: Ask) -> answers.Answer:
    """By the task's uuid."""
    service = ask.service()
    service.tasks.remove(_find(service, ask.params["task"]))
    return answers.said("Scheduled task deleted.")


def _errors(body: dict[str, Any]) -> rules.Errors:
    errors = rules.wrong_types(body, strings=_STRINGS, booleans=("enabled",))
    if isinstance(body.get("name"), str) and len(body["name"]) > 255:
        errors["name"] = ["The name field must not be greater than 255 characters."]
    if "timeout" in body and (not isinstance(body["timeout"], int) or body["timeout"] < 1):
        errors["timeout"] = ["The timeout field must be at least 1."]
    return errors


def _demand_cron(body: dict[str, Any]) -> None:
    frequency = body.get("frequency")
    if frequency is None:
        return
    fields = str(frequency).split()
    is_cron = len(fields) == 5 and all(_CRON_FIELD.fullmatch(field) for field in fields)
    if not is_cron and str(frequency).removeprefix("@") not in _WORDS:
        raise answers.invalid({"frequency": ["Invalid cron expression or frequency format."]})


def _find(service: state.Service, uuid: str) -> state.Task:
    for task in service.tasks:
        if task.uuid == uuid:
            return task
    raise answers.missing("Scheduled task")


def _shown(task: state.Task) -> dict[str, Any]:
    return {"uuid": task.uuid, **task.body, "created_at": task.created, "updated_at": task.updated}


ROUTES = (
    Route("GET", "/services/{uuid}/scheduled-tasks", "read", index),
    Route("POST", "/services/{uuid}/scheduled-tasks", "write", create, json=True),
    Route("PATCH", "/services/{uuid}/scheduled-tasks/{task}", "write", update, json=True),
    Route("DELETE", "/services/{uuid}/scheduled-tasks/{task}", "write", delete),
)
