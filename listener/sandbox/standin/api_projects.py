"""Projects and environments (Coolify 4.3.10, ProjectController.php)."""

from __future__ import annotations

from listener.sandbox.standin import answers, present, rules
from listener.sandbox.standin.routing import Ask, Route


def index(ask: Ask) -> answers.Answer:
    """Id, uuid, name and description only."""
    mine = [project for project in ask.rows.projects if project.team is ask.team]
    keys = ("id", "uuid", "name", "description")
    return answers.ok([{key: getattr(project, key) for key in keys} for project in mine])


def show(ask: Ask) -> answers.Answer:
    """The project with its environments."""
    project = ask.project()
    inner = [present.environment(one) for one in project.environments]
    return answers.ok(present.project(project) | {"environments": inner})


def create(ask: Ask) -> answers.Answer:
    """A project with one environment. The same name twice makes two."""
    rules.demand(rules.names(ask.body, must=True), rules.unknown(ask.body, ("name", "description")))
    project = ask.rows.add_project(ask.team, ask.body["name"], ask.body.get("description") or "")
    return answers.created({"uuid": project.uuid})


def update(ask: Ask) -> answers.Answer:
    """201, not 200."""
    rules.demand(rules.names(ask.body, must=False), rules.unknown(ask.body, ("name", "description")))
    project = ask.project()
    project.name = ask.body.get("name") or project.name
    if "description" in ask.body:
        project.description = ask.body["description"] or ""
    project.updated = ask.rows.time.stamp()
    return answers.created({"uuid": project.uuid, "name": project.name, "description": project.description})


def delete(ask: Ask) -> answers.Answer:
    """At once, or 400 while a service row is left, even one whose deletion is queued."""
    project = ask.project()
    if not all(ask.rows.is_empty(one) for one in project.environments):
        raise answers.refused(400, "Project has resources, so it cannot be deleted.")
    ask.rows.projects.remove(project)
    return answers.said("Project deleted.")


def environments(ask: Ask) -> answers.Answer:
    """Id, uuid and name."""
    shown = [{"id": one.id, "uuid": one.uuid, "name": one.name} for one in ask.project().environments]
    return answers.ok(shown)


def add_environment(ask: Ask) -> answers.Answer:
    """An environment; its name is unique in the project."""
    project = ask.project()
    rules.demand(rules.names(ask.body, must=True), rules.unknown(ask.body, ("name", "description")))
    if any(one.name == ask.body["name"] for one in project.environments):
        raise answers.refused(409, "Environment with this name already exists.")
    return answers.created({"uuid": ask.rows.add_environment(project, ask.body["name"]).uuid})


def show_environment(ask: Ask) -> answers.Answer:
    """The environment with every service in full."""
    found = ask.rows.environment(ask.project(), ask.params["environment"])
    services = [
        present.service(one, ask.rows, sensitive=ask.sensitive) | {"id": one.id}
        for one in ask.rows.services
        if one.environment is found
    ]
    nothing: dict[str, list[object]] = {
        kind: [] for kind in ("applications", "mariadbs", "mongodbs", "mysqls", "postgresqls", "redis")
    }
    return answers.ok(present.environment(found) | nothing | {"services": services})


def delete_environment(ask: Ask) -> answers.Answer:
    """At once, or 400 while it has services."""
    project = ask.project()
    found = ask.rows.environment(project, ask.params["environment"])
    if not ask.rows.is_empty(found):
        raise answers.refused(400, "Environment has resources, so it cannot be deleted.")
    project.environments.remove(found)
    return answers.said("Environment deleted.")


ROUTES = (
    Route("GET", "/projects", "read", index),
    Route("POST", "/projects", "write", create, json=True),
    Route("GET", "/projects/{uuid}", "read", show),
    Route("PATCH", "/projects/{uuid}", "write", update, json=True),
    Route("DELETE", "/projects/{uuid}", "write", delete),
    Route("GET", "/projects/{uuid}/environments", "read", environments),
    Route("POST", "/projects/{uuid}/environments", "write", add_environment, json=True),
    Route("DELETE", "/projects/{uuid}/environments/{environment}", "write", delete_environment),
    Route("GET", "/projects/{uuid}/{environment}", "read", show_environment),
)
