"""Volumes and binds of a service, and their backups (Coolify 4.3.10, VolumeBackupsController.php)."""

from __future__ import annotations

from typing import Any

from listener.sandbox.standin import answers, present, rules, state, world
from listener.sandbox.standin.routing import Ask, Route

_DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "save_s3": False,
    "disable_local_backup": False,
    "stop_during_backup": False,
    "s3_storage_uuid": None,
    "retention_amount_locally": 7,
    "retention_days_locally": 0,
    "retention_max_storage_locally": 0,
    "retention_amount_s3": 7,
    "retention_days_s3": 0,
    "retention_max_storage_s3": 0,
}
_WORDS = ("every_minute", "hourly", "daily", "weekly", "monthly", "yearly")


def index(ask: Ask) -> answers.Answer:
    """Rows made from the compose; those of volumes that are gone from it stay."""
    rows = ask.service().storages
    return answers.ok(
        {
            "persistent_storages": [present.storage(row) for row in rows if not row.file],
            "file_storages": [present.storage(row) for row in rows if row.file],
        }
    )


def schedule(ask: Ask) -> answers.Answer:
    """201 new, 200 replaced; fields left out go back to their defaults, except `timeout`."""
    row = _find(ask)
    rules.demand(_errors(ask.body), rules.unknown(ask.body, ("frequency", "timeout", *_DEFAULTS)))
    new = row.schedule is None
    timeout = (row.schedule or {}).get("timeout")
    given = {key: ask.body.get(key, default) for key, default in _DEFAULTS.items()}
    row.schedule = {"frequency": ask.body["frequency"], **given, "timeout": ask.body.get("timeout", timeout)}
    row.schedule_uuid = row.schedule_uuid or world.new_uuid()
    shown = {
        "uuid": row.schedule_uuid,
        "message": f"Storage backup schedule {'created' if new else 'updated'}.",
        "storage_uuid": row.uuid,
        "storage_type": "directory" if row.file else "persistent",
    }
    return answers.Answer(201 if new else 200, shown | row.schedule)


def run(ask: Ask) -> answers.Answer:
    """200 and a job; its outcome cannot be read anywhere."""
    row = _scheduled(ask)
    return answers.ok({"message": "Storage backup queued.", "uuid": row.schedule_uuid})


def unschedule(ask: Ask) -> answers.Answer:
    """The schedule and its archives are gone."""
    row = _scheduled(ask)
    row.schedule, row.schedule_uuid = None, ""
    return answers.said("Storage backup schedule and archives deleted.")


def delete(ask: Ask) -> answers.Answer:
    """Storages of a compose cannot be deleted."""
    _find(ask)
    text = (
        "This storage is read-only (managed by docker-compose or service definition) and cannot be deleted."
    )
    raise answers.refused(422, text)


def _errors(body: dict[str, Any]) -> rules.Errors:
    errors: rules.Errors = {}
    frequency = body.get("frequency")
    if frequency is None:
        errors["frequency"] = ["This field is required."]
    elif frequency not in _WORDS and not str(frequency).startswith("@") and len(str(frequency).split()) != 5:
        errors["frequency"] = ["The frequency must be a valid cron or human expression."]
    if body.get("save_s3"):
        errors["s3_storage_uuid"] = ["Select a usable S3 storage owned by your team."]
    elif body.get("disable_local_backup"):
        errors["disable_local_backup"] = ["Local backups can only be disabled when S3 backups are enabled."]
    if isinstance(body.get("timeout"), int) and body["timeout"] < 60:
        errors["timeout"] = ["The timeout field must be at least 60."]
    for key in _DEFAULTS:
        if key.startswith("retention_") and isinstance(body.get(key), int) and body[key] < 0:
            errors[key] = [f"The {key.replace('_', ' ')} field must be at least 0."]
    return errors


def _find(ask: Ask) -> state.Storage:
    for row in ask.service().storages:
        if row.uuid == ask.params["storage"]:
            return row
    raise answers.missing("Storage")


def _scheduled(ask: Ask) -> state.Storage:
    row = _find(ask)
    if row.schedule is None:
        raise answers.missing("Storage backup schedule")
    return row


ROUTES = (
    Route("GET", "/services/{uuid}/storages", "read", index),
    Route("DELETE", "/services/{uuid}/storages/{storage}", "write", delete),
    Route("PUT", "/services/{uuid}/storages/{storage}/backups", "write", schedule, json=True),
    Route("POST", "/services/{uuid}/storages/{storage}/backups/run", "write", run),
    Route("DELETE", "/services/{uuid}/storages/{storage}/backups", "write", unschedule),
)
