"""The containers of a service one by one (Coolify 4.3.10, ServiceApplicationsController.php), and tags."""

from __future__ import annotations

from typing import Any

from listener.sandbox.standin import answers, domains, present, rules, state, world
from listener.sandbox.standin.routing import Ask, Route

_TEXTS = ("url", "noindex_domains", "human_name", "description", "image")
_SWITCHES = (
    *("exclude_from_status", "is_log_drain_enabled", "is_gzip_enabled", "is_stripprefix_enabled"),
    "is_force_https_enabled",
)


def applications(ask: Ask) -> answers.Answer:
    """Parts that may carry a domain."""
    service = ask.service()
    return answers.ok([present.part(one, service) for one in service.parts if not one.database])


def databases(ask: Ask) -> answers.Answer:
    """Parts whose image is a known database."""
    service = ask.service()
    return answers.ok([present.part(one, service) for one in service.parts if one.database])


def show(ask: Ask) -> answers.Answer:
    """One application."""
    service = ask.service()
    return answers.ok(present.part(_find(ask, service), service))


def update(ask: Ask) -> answers.Answer:
    """200. `url` null or empty clears the domain; `force_domain_override` only as a query parameter."""
    service = ask.service()
    part = _find(ask, service)
    rules.demand(
        rules.wrong_types(ask.body, strings=_TEXTS, booleans=_SWITCHES),
        rules.unknown(ask.body, (*_TEXTS, *_SWITCHES)),
    )
    if "url" in ask.body:
        force = rules.flag(ask.query.get("force_domain_override"), default=False)
        domains.apply(ask.rows, service, [{"name": part.name, "url": ask.body["url"]}], force=force)
    if ask.body.get("exclude_from_status") is not None:
        part.excluded = bool(ask.body["exclude_from_status"])
    part.image = ask.body.get("image") or part.image
    shown = ("human_name", "description", "noindex_domains", *_SWITCHES[1:])
    part.extra |= {key: ask.body[key] for key in shown if key in ask.body}
    part.updated = ask.rows.time.stamp()
    return answers.ok(
        present.part(part, service) | {"service": present.service(service, ask.rows, sensitive=False)}
    )


def start(ask: Ask) -> answers.Answer:
    """One container comes up; no look at the status."""
    service = ask.service()
    part = _find(ask, service)
    if not ask.rows.functional(service.server):
        raise answers.refused(400, "Server is not functional.")
    ask.jobs.one(service, part, runs=True)
    return answers.said("Service application deploy request queued.")


def stop(ask: Ask) -> answers.Answer:
    """One container stops; no look at the status."""
    service = ask.service()
    part = _find(ask, service)
    if not ask.rows.functional(service.server):
        raise answers.refused(400, "Server is not functional.")
    ask.jobs.one(service, part, runs=False)
    return answers.said("Service application stop request queued.")


def tags(ask: Ask) -> answers.Answer:
    """The service's tags."""
    return answers.ok(ask.service().tags)


def add_tag(ask: Ask) -> answers.Answer:
    """201 and all tags."""
    service = ask.service()
    given: list[Any] = ask.body.get("tag_names") or [ask.body.get("tag_name")]
    now = ask.rows.time.stamp()
    for name in given:
        row = {"uuid": world.new_uuid(), "name": str(name).lower(), "created_at": now, "updated_at": now}
        service.tags.append(row)
    return answers.created(service.tags)


def _find(ask: Ask, service: state.Service) -> state.Part:
    for part in service.parts:
        if part.uuid == ask.params["part"] and not part.database:
            return part
    raise answers.missing("Service application")


ROUTES = (
    Route("GET", "/services/{uuid}/applications", "read", applications),
    Route("GET", "/services/{uuid}/databases", "read", databases),
    Route("GET", "/services/{uuid}/applications/{part}", "read", show),
    Route("PATCH", "/services/{uuid}/applications/{part}", "write", update, json=True),
    Route("POST", "/services/{uuid}/applications/{part}/start", "deploy", start),
    Route("POST", "/services/{uuid}/applications/{part}/stop", "deploy", stop),
    Route("GET", "/services/{uuid}/tags", "read", tags),
    Route("POST", "/services/{uuid}/tags", "write", add_tag, json=True),
)
