"""The last net: no text leaves with a secret that is known here, in whatever form it was carried."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from listener import settings
from listener.telemetry import logs, masking


@dataclass(slots=True)
class Net:
    """Secrets, and what people wrote for themselves, as they were learned on the way."""

    _forms: set[str] = field(default_factory=set, repr=False)

    def learn(self, values: Iterable[object]) -> None:
        """None of these values passes any more; of one with several lines, no line."""
        for value in values:
            for line in {str(value), *str(value).splitlines()}:
                if len(line.strip()) >= masking.SHORTEST:
                    self._forms.update(_forms(line.strip()))

    def learn_settings(self, known: settings.Settings) -> None:
        """No secret of the settings passes, nor what the environment has under a secret's name."""
        for name in settings.Settings.model_fields:
            if is_secret(name):
                self.learn(_plain(getattr(known, name)))
        self.learn(value for name, value in os.environ.items() if logs.SECRET_NAME.search(name))

    def learn_config(self, config: Any) -> None:
        """No variable of a stack passes."""
        given = config.get("env_vars") if isinstance(config, Mapping) else None
        if isinstance(given, Mapping):
            self.learn(given.values())

    def cleaned(self, text: str) -> str:
        """The text without what was learned, and without text of a secret's shape."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, logs.HIDDEN)
        for shape in logs.SECRET_SHAPES:
            text = shape.sub(logs.HIDDEN, text)
        return text


def is_secret(name: str) -> bool:
    """The setting's value is never shown."""
    annotation = str(settings.Settings.model_fields[name].annotation)
    return "SecretStr" in annotation or name == "listener_secrets_key"


def _plain(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield from {value.get_secret_value(), *value.get_secret_value().split(",")}
        case tuple() | list():
            yield from map(str, value)


def _forms(value: str) -> Iterator[str]:
    """The value as it is, in an address, escaped in JSON, and in base64 wherever it may begin."""
    quoted = {quote(value), quote(value, safe=""), quote_plus(value)}
    yield from (
        value,
        *(json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)),
        *quoted,
    )
    for form in {value, *quoted}:
        data = form.encode()
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + data).decode()
            core = coded[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
            if len(core) >= masking.SHORTEST:
                yield from (core, core.replace("+", "-").replace("/", "_"))
