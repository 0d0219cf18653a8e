"""What a rule looks at, and the one value that only the guard makes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from listener.compose import document as documents
from listener.compose.limits import Limits
from listener.compose.manifest import Manifest, Service
from listener.compose.template import Template


@dataclass(frozen=True, slots=True)
class Case:
    """One document under examination. Rule G29 has seen that services are mappings before others look."""

    document: Mapping[str, Any]
    template: Template
    limits: Mapping[str, Limits]
    reference: Mapping[str, Any]
    """The same template with neutral identity: what no tenant could have influenced."""

    @property
    def manifest(self) -> Manifest:
        """The template's manifest."""
        return self.template.manifest

    def services(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Name and body of each service."""
        yield from self.document["services"].items()

    def spec(self, name: str) -> Service | None:
        """The manifest's entry of a service, if it has one."""
        return self.manifest.services.get(name)

    def is_one_shot(self, name: str) -> bool:
        """Whether the service runs once, before the others."""
        spec = self.spec(name)
        return spec is not None and spec.one_shot

    def is_exempt(self, name: str, rule: str) -> bool:
        """Whether the template excuses the service from the rule, with a reason."""
        spec = self.spec(name)
        return spec is not None and rule in spec.exempt


Objections = Callable[[Case], Iterator[str]]
"""Yields one sentence for each violation; none holds a value."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it demands, what to do about a violation, and on whose authority."""

    code: str
    demand: str
    remedy: str
    source: str
    """Ids of the CIS Docker Benchmark 1.6, rules of OWASP's Docker cheat sheet, Pod Security Standards (PSS),
    or what Coolify 4.3.10 was seen to do."""
    objections: Objections | None
    """None: what it is about is not in the document, and is judged elsewhere."""


def strings(value: Any) -> list[str]:
    """Every text in a value, keys included."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict | Mapping):
        for key, item in value.items():
            _gather(key, found)
            _gather(item, found)
    elif isinstance(value, list):
        for item in value:
            _gather(item, found)


def is_texts(value: Any) -> TypeGuard[list[str]]:
    """Whether the value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_SEAL = object()


class CheckedCompose:
    """A document that passed the guard. Only `make`, called by the guard, creates one."""

    __slots__ = ("base64", "services", "web")

    base64: str
    """Canonical base64 of the text in UTF-8."""
    services: tuple[str, ...]
    web: tuple[str, int] | None
    """Service and container port that a domain leads to."""

    def __init__(self, document: Mapping[str, Any], web: tuple[str, int] | None, *, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the guard makes a CheckedCompose")
        text = documents.canonical(document)
        self.base64 = base64.b64encode(text.encode()).decode("ascii")
        self.services = tuple(document["services"])
        self.web = web

    @property
    def text(self) -> str:
        """JSON with real Unicode, one line: the form that Coolify stores without loss."""
        return base64.b64decode(self.base64).decode()

    @property
    def document(self) -> dict[str, Any]:
        """A copy of the parsed document, `$` doubled as Compose wants it."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckedCompose) and (self.base64, self.web) == (other.base64, other.web)

    def __hash__(self) -> int:
        return hash(self.base64)

    def __repr__(self) -> str:
        return f"CheckedCompose(services={self.services}, web={self.web}, {len(self.text)} characters)"


def make(case: Case) -> CheckedCompose:
    """Seal a case in which no rule found anything."""
    web = case.manifest.web
    present = web is not None and web.service in case.document["services"]
    return CheckedCompose(
        case.document, (web.service, web.port) if web is not None and present else None, seal=_SEAL
    )
