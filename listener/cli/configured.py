"""The settings as far as a command needs them: whoever only speaks with PocketBase needs no Coolify token."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError

from listener import errors, settings

FIX = "set them in the environment, in .env, or as systemd credentials; see .env.example"

PLAUSIBLE = {
    "pocketbase_url": "https://pb.example.org",
    "coolify_url": "https://coolify.example.org",
    "coolify_token": "1|example",
    "coolify_server_uuid": "example",
}
"""Values of what must be set, for a look at one other."""

S = TypeVar("S", bound=settings.Settings)


class Database(settings.Settings):
    """For commands that only speak with PocketBase."""

    coolify_url: str = Field(default="", examples=["https://coolify.example.org"])
    """Coolify's address, if it is known here."""
    coolify_token: SecretStr = Field(default=SecretStr(""), examples=["1|an API token"])
    """Its token, likewise."""
    coolify_server_uuid: str = Field(default="", examples=["the uuid in the address of the server's page"])
    """The default server, likewise."""

    @property
    def knows_coolify(self) -> bool:
        """Coolify can be asked, too."""
        return bool(self.coolify_url and self.coolify_token.get_secret_value())


class Diff(Database):
    """For `schema diff`."""

    pocketbase_superuser_email: str = Field(examples=["admin@example.org"])
    """Who may read the data model."""
    pocketbase_superuser_password: SecretStr = Field(examples=["the superuser's password"])
    """Their password."""


class Apply(Diff):
    """For `schema apply`, which makes the service account."""

    pocketbase_password: SecretStr = Field(examples=["a long random text"])
    """The password that the service account gets."""


class Loose(Database):
    """For `doctor`, which wants to see what there is: nothing is required."""

    pocketbase_url: settings.Listed = Field(default=(), examples=["https://pb.example.org"])
    """The addresses, if any."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one setting, without its value, and how it could be."""

    text: str
    example: str

    def __str__(self) -> str:
        return f"{self.text} (example: {self.example})" if self.example else self.text


def load(kind: type[S]) -> S:
    """The settings, or `CONFIGURATION` with every mistake at once, each with an example."""
    try:
        return _read(kind)
    except ValidationError as error:
        lines = [str(mistake) for mistake in _mistakes(kind, error).values()]
        raise errors.Refusal(
            "CONFIGURATION",
            "The configuration is not complete:\n  " + "\n  ".join(lines),
            why=f"{len(lines)} setting(s) are missing or wrong",
            fix=FIX,
        ) from None


def whatever() -> tuple[Loose, dict[str, Mistake]]:
    """What is configured, wrong values left out; and each mistake that `run` would refuse, by setting."""
    mistakes: dict[str, Mistake] = {}
    try:
        _read(settings.Settings)
    except ValidationError as error:
        mistakes = _mistakes(settings.Settings, error)
    fields = Loose.model_fields
    given = {name: fields[name].get_default(call_default_factory=True) for name in mistakes if name in fields}
    return _read(Loose, **given), mistakes


def mistake(name: str, value: str) -> str:
    """What `run` would say against this value of a setting, without the value; empty if nothing."""
    field = name.lower()
    try:
        settings.Settings(_env_file=None, **{**PLAUSIBLE, field: value})  # type: ignore[arg-type]
    except ValidationError as error:
        found = _mistakes(settings.Settings, error).get(field)
        return str(found) if found else ""
    return ""


def _read(kind: type[S], **given: Any) -> S:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return kind(_secrets_dir=folder, **given) if folder else kind(**given)


def _mistakes(kind: type[settings.Settings], error: ValidationError) -> dict[str, Mistake]:
    found = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "settings"
        what = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        field = kind.model_fields.get(name)
        example = f"{name.upper()}={field.examples[0]}" if field and field.examples else ""
        found[name] = Mistake(f"{name.upper()}: {what}", example)
    return found
