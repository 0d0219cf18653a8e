"""Start, stop, restart, logs (Coolify 4.3.10, ServicesController.php). A 200 says that a job was queued."""

from __future__ import annotations

from listener.sandbox.standin import answers, rules
from listener.sandbox.standin.routing import Ask, Route, moved


def start(ask: Ask) -> answers.Answer:
    """Refused only by the cached status."""
    service = ask.service()
    if "running" in service.status:
        raise answers.refused(400, "Service is already running.")
    ask.jobs.start(service)
    return answers.said("Service starting request queued.")


def stop(ask: Ask) -> answers.Answer:
    """Refused only by the cached status. The clean-up of the whole server is on unless it is switched off."""
    service = ask.service()
    if "stopped" in service.status or "exited" in service.status:
        raise answers.refused(400, "Service is already stopped.")
    ask.jobs.stop(service, cleanup=rules.flag(ask.query.get("docker_cleanup"), default=True))
    return answers.said("Service stopping request queued.")


def restart(ask: Ask) -> answers.Answer:
    """Always accepted."""
    service = ask.service()
    ask.jobs.restart(service, latest=rules.flag(ask.query.get("latest"), default=False))
    return answers.said("Service restarting request queued.")


def logs(ask: Ask) -> answers.Answer:
    """The last lines of one container that runs."""
    service = ask.service()
    name = ask.query.get("sub_service_name")
    if not name:
        raise answers.refused(400, "Sub service name is required.")
    part = next((one for one in service.parts if one.name == name), None)
    if part is None or not part.runs:
        raise answers.missing("Container")
    return answers.ok({"logs": f"{name} has started\n"})


ROUTES = (
    moved("/services/{uuid}/start", "deploy"),
    moved("/services/{uuid}/stop", "deploy"),
    moved("/services/{uuid}/restart", "deploy"),
    moved("/deploy", "deploy"),
    Route("POST", "/services/{uuid}/start", "deploy", start),
    Route("POST", "/services/{uuid}/stop", "deploy", stop),
    Route("POST", "/services/{uuid}/restart", "deploy", restart),
    Route("GET", "/services/{uuid}/logs", "read", logs),
)
